/** Tokens by public key and by JWKS URL, on the whole server; and every way to get in without the right key. */
import { spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SERVER_ENTRY } from '../services/built-server.ts';
import { bearer, codeOf, get, listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type JwksIssuer, startJwksIssuer } from '../services/jwks-issuer.ts';
import {
  ALGORITHMS,
  encode,
  jwkOf,
  type KeyPair,
  newKeyPair,
  pemOf,
  signedText,
  tokenOf,
} from '../services/key-pairs.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { type Claims, nowSeconds, signToken, TEST_SECRET } from '../services/tokens.ts';
import { create, head, offsetOf, patch, terminate } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'chatdrop';
const claimed = { iss: ISSUER, aud: AUDIENCE };
const pairs: Record<KeyPair['alg'], KeyPair> = {
  RS256: newKeyPair('RS256'),
  ES256: newKeyPair('ES256'),
  EdDSA: newKeyPair('EdDSA'),
};
const rsaPem = pemOf(pairs.RS256);
const BYTES = 20_000;
const HALF = 10_000;
const file = pngFile({ bytes: BYTES });

describe('JWT_PUBLIC_KEY', () => {
  const server = chatdropForSuite({
    env: {
      JWT_SECRET: undefined,
      JWT_PUBLIC_KEY: ALGORITHMS.map((alg) => pemOf(pairs[alg])).join(''),
      JWT_ISSUER: ISSUER,
      JWT_AUDIENCE: AUDIENCE,
    },
  });

  test.each(ALGORITHMS)('%s opens the API and the socket, with any kid and without', async (alg) => {
    const room = roomOf(pairs[alg]);
    const shared = await shareFile({ baseUrl: server().baseUrl, room, body: file });
    for (const kid of [undefined, 'whatever']) {
      const token = tokenOf(pairs[alg], visitorClaims(room), { kid });
      expect((await listFiles(server().baseUrl, room, '', token)).files.map(({ id }) => id)).toEqual([shared.id]);
    }
    const socket = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.visitor } });
    onTestFinished(() => socket.close());
    expect((await socket.waitForEvent('connection_established')).payload).toMatchObject({ session_id: room.session });
  });

  test('no demo: this is not development mode', async () => {
    expect((await get(server().baseUrl, '/demo/')).status).toBe(404);
    expect((await send({ method: 'POST', url: `${server().baseUrl}/demo/tokens` })).status).toBe(404);
  });

  const foreign = { RS256: newKeyPair('RS256'), ES256: newKeyPair('ES256'), EdDSA: newKeyPair('EdDSA') };
  const foreignJwk = jwkOf(foreign.RS256);
  const [rsa, ec, ed] = [pairs.RS256, pairs.ES256, pairs.EdDSA];
  const hmac = (secret: string | Buffer, header: object) => (claims: Claims) => {
    const signed = `${encode(header)}.${encode({ exp: nowSeconds() + 3600, ...claims })}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  const HS256 = { alg: 'HS256', typ: 'JWT' };
  /** What `tokenOf` makes, with another signature. */
  const resigned = (token: string, signature: string) => `${token.split('.').slice(0, 2).join('.')}.${signature}`;
  const signatureOf = (token: string) => String(token.split('.')[2]);

  const ATTACKS: Record<string, (claims: Claims) => string> = {
    // RFC 8725 section 2.1: the algorithm is the key's, not the token's.
    'HMAC with the public key, as PEM': hmac(rsaPem, HS256),
    'HMAC with the public key, as PEM without the last line break': hmac(rsaPem.trim(), HS256),
    'HMAC with the public key, as DER': hmac(rsa.publicKey.export({ type: 'spki', format: 'der' }), HS256),
    'HMAC with the public key, as JWK': hmac(JSON.stringify(rsa.publicKey.export({ format: 'jwk' })), HS256),
    'HMAC with the modulus': hmac(Buffer.from(String(rsa.publicKey.export({ format: 'jwk' }).n), 'base64url'), HS256),
    'HMAC with an empty secret': hmac('', HS256),
    'HMAC with the secret of another server': hmac(TEST_SECRET, HS256),
    'HMAC under the name of RS256': hmac(rsaPem, { alg: 'RS256' }),
    'alg none': (claims) => `${encode({ alg: 'none' })}.${encode(claims)}.`,
    'alg none with a signature': (claims) => tokenOf(rsa, claims, { alg: 'none' }),
    'alg None': (claims) => tokenOf(rsa, claims, { alg: 'None' }),
    'alg nOnE without signature': (claims) => `${encode({ alg: 'nOnE' })}.${encode(claims)}.`,
    'alg in lower case': (claims) => tokenOf(rsa, claims, { alg: 'rs256' }),
    'alg of another key': (claims) => tokenOf(ec, claims, { alg: 'RS256' }),
    RS384: (claims) => tokenOf(rsa, claims, { alg: 'RS384' }),
    PS256: (claims) => tokenOf(rsa, claims, { alg: 'PS256' }),
    ES384: (claims) => tokenOf(ec, claims, { alg: 'ES384' }),
    'no alg': (claims) => tokenOf(rsa, claims, { alg: undefined }),
    'alg null': (claims) => tokenOf(rsa, claims, { alg: null }),
    'alg a list': (claims) => tokenOf(rsa, claims, { alg: ['RS256'] }),
    'alg an object': (claims) => tokenOf(rsa, claims, { alg: { toString: 'RS256' } }),
    'alg __proto__': (claims) => tokenOf(rsa, claims, { alg: '__proto__' }),
    'alg constructor': (claims) => tokenOf(rsa, claims, { alg: 'constructor' }),
    // The key comes from the settings, never from the token (RFC 8725 sections 3.5, 3.9, 3.10).
    'a foreign RSA key': (claims) => tokenOf(foreign.RS256, claims),
    'a foreign EC key': (claims) => tokenOf(foreign.ES256, claims),
    'a foreign Ed25519 key': (claims) => tokenOf(foreign.EdDSA, claims),
    'a foreign key, named by jwk': (claims) => tokenOf(foreign.RS256, claims, { jwk: foreignJwk }),
    'a foreign key, named by jku': (claims) => tokenOf(foreign.RS256, claims, { jku: 'http://127.0.0.1:9/jwks.json' }),
    'a foreign key, named by x5u': (claims) => tokenOf(foreign.RS256, claims, { x5u: 'http://127.0.0.1:9/cert.pem' }),
    'a foreign key, named by x5c': (claims) => tokenOf(foreign.RS256, claims, { x5c: ['MIIB'] }),
    'kid a path': (claims) => tokenOf(foreign.RS256, claims, { kid: '../../../../dev/null' }),
    'kid an address': (claims) => tokenOf(foreign.RS256, claims, { kid: 'http://127.0.0.1:9/key' }),
    'kid SQL': (claims) => tokenOf(foreign.RS256, claims, { kid: "' union select 'x' --" }),
    'kid a command': (claims) => tokenOf(foreign.RS256, claims, { kid: '$(touch /tmp/pwned)' }),
    'kid __proto__': (claims) => tokenOf(foreign.RS256, claims, { kid: '__proto__' }),
    'kid constructor': (claims) => tokenOf(foreign.RS256, claims, { kid: 'constructor' }),
    'kid with a zero byte': (claims) => tokenOf(foreign.RS256, claims, { kid: 'a\0b' }),
    'kid of 4 kB': (claims) => tokenOf(foreign.RS256, claims, { kid: 'k'.repeat(4096) }),
    'kid of 4 kB, with the right key': (claims) => tokenOf(rsa, claims, { kid: 'k'.repeat(4096) }),
    'kid a number': (claims) => tokenOf(rsa, claims, { kid: 7 }),
    'kid null': (claims) => tokenOf(rsa, claims, { kid: null }),
    'kid an object': (claims) => tokenOf(rsa, claims, { kid: { toString: 'x' } }),
    // RFC 7515 section 4.1.11 and RFC 7797: what must be understood is not, so the token is refused.
    'crit of an unknown extension': (claims) => tokenOf(rsa, claims, { crit: ['x'], x: 1 }),
    'crit empty': (claims) => tokenOf(rsa, claims, { crit: [] }),
    'crit b64': (claims) => tokenOf(rsa, claims, { crit: ['b64'], b64: false }),
    'crit b64 that changes nothing': (claims) => tokenOf(rsa, claims, { crit: ['b64'], b64: true }),
    // Signatures
    'no signature': (claims) => resigned(tokenOf(rsa, claims), ''),
    'a signature of zeros': (claims) => resigned(tokenOf(rsa, claims), Buffer.alloc(256).toString('base64url')),
    'an EC signature of zeros (CVE-2022-21449)': (claims) =>
      resigned(tokenOf(ec, claims), Buffer.alloc(64).toString('base64url')),
    'an EC signature as DER': (claims) =>
      resigned(tokenOf(ec, claims), derOf(Buffer.from(signatureOf(tokenOf(ec, claims)), 'base64url'))),
    'an Ed25519 signature of zeros': (claims) => resigned(tokenOf(ed, claims), Buffer.alloc(64).toString('base64url')),
    'the signature of another token': (claims) =>
      resigned(tokenOf(rsa, claims), signatureOf(tokenOf(rsa, { ...claims, role: 'agent', sub: 'a' }))),
    'a signature that is cut': (claims) => tokenOf(rsa, claims).slice(0, -8),
    'a signature with more behind': (claims) => `${tokenOf(rsa, claims)}AAAA`,
    // Forms
    'five parts': (claims) => `${tokenOf(rsa, claims)}.AAAA.AAAA`,
    'four parts': (claims) => `${tokenOf(rsa, claims)}.AAAA`,
    'two parts': (claims) => tokenOf(rsa, claims).split('.').slice(0, 2).join('.'),
    'a JWE header': (claims) => tokenOf(rsa, claims, { alg: 'RSA-OAEP', enc: 'A256GCM' }),
    'a token inside a token': (claims) => signedText(rsa, JSON.stringify(tokenOf(rsa, claims)), { cty: 'JWT' }),
    'a payload that is a list': () => signedText(rsa, '[]'),
    'a payload that is null': () => signedText(rsa, 'null'),
    'a payload that is no JSON': () => signedText(rsa, '{"company_id":'),
    'a payload nested 2,000 times': () => signedText(rsa, '['.repeat(2000) + ']'.repeat(2000)),
    'a header nested 2,000 times': (claims) =>
      `${Buffer.from(`${'{"a":'.repeat(1000)}1${'}'.repeat(1000)}`).toString('base64url')}.${encode(claims)}.AAAA`,
    'a header that is no object': (claims) => `${encode('RS256')}.${encode(claims)}.AAAA`,
    'a header that is no base64': (claims) => `***.${encode(claims)}.AAAA`,
    'a token of 9 kB': (claims) => tokenOf(rsa, { ...claims, more: 'x'.repeat(6500) }),
    // Claims
    'another issuer': (claims) => tokenOf(rsa, { ...claims, iss: 'https://evil.example' }),
    'an issuer that begins alike': (claims) => tokenOf(rsa, { ...claims, iss: `${ISSUER}.evil.example` }),
    'a list of issuers': (claims) => tokenOf(rsa, { ...claims, iss: [ISSUER] }),
    'no issuer': (claims) => tokenOf(rsa, { ...claims, iss: undefined }),
    'another audience': (claims) => tokenOf(rsa, { ...claims, aud: 'another-service' }),
    'a list of other audiences': (claims) => tokenOf(rsa, { ...claims, aud: ['a', 'b'] }),
    'no audience': (claims) => tokenOf(rsa, { ...claims, aud: undefined }),
    'not valid yet': (claims) => tokenOf(rsa, { ...claims, nbf: nowSeconds() + 3600 }),
    'no exp': (claims) => tokenOf(rsa, { ...claims, exp: null }),
    'exp a text': (claims) => tokenOf(rsa, { ...claims, exp: '9999999999' }),
    expired: (claims) => tokenOf(rsa, { ...claims, exp: nowSeconds() - 3600 }),
  };

  let room: ChatRoom;
  let uploadUrl: string;
  let fileId: number;
  beforeAll(async () => {
    room = roomOf(rsa);
    fileId = (await shareFile({ baseUrl: server().baseUrl, room, body: file })).id;
    uploadUrl = (
      await create({ baseUrl: server().baseUrl, token: room.visitor, length: BYTES, body: file.subarray(0, HALF) })
    ).url;
  });

  test.each(Object.keys(ATTACKS))('is 401 and does nothing: %s', async (attack) => {
    const token = ATTACKS[attack]?.(visitorClaims(room));
    const { baseUrl } = server();
    const url = `${baseUrl}/api/chat/files/${fileId}/`;
    const answers = [
      await get(baseUrl, '/api/chat/config/', token),
      await create({ baseUrl, token, body: file }),
      await patch({ url: uploadUrl, token, offset: HALF, body: file.subarray(HALF) }),
      await terminate(uploadUrl, token),
      await send({ method: 'DELETE', url, headers: bearer(token) }),
      await send({ method: 'POST', url: `${baseUrl}/api/auth/session/`, headers: bearer(token) }),
    ];
    const code = attack === 'expired' ? 'token-expired' : 'unauthenticated';
    for (const answer of answers) {
      expect([answer.status, codeOf(answer)]).toEqual([401, code]);
      expect(answer.body.toString()).not.toContain(String(token).slice(0, 40));
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
    expect((await head(uploadUrl, token)).status).toBe(401);
    expect(offsetOf(await head(uploadUrl, room.visitor))).toBe(HALF);
    expect((await listFiles(baseUrl, room)).files.map(({ id }) => id)).toEqual([fileId]);
    expect(await listUploads(baseUrl, room)).toHaveLength(1);
  });

  test('headers that name keys do no harm to a token of the right key, and are not followed', async () => {
    const trap = await startJwksIssuer(foreign.RS256);
    onTestFinished(() => trap.down());
    const token = tokenOf(rsa, visitorClaims(room), { jku: trap.url, x5u: trap.url, jwk: foreignJwk, typ: 'at+jwt' });
    expect((await get(server().baseUrl, '/api/chat/config/', token)).status).toBe(200);
    expect(trap.requests()).toBe(0);
  });

  test('an audience among several is enough', async () => {
    const token = tokenOf(rsa, { ...visitorClaims(room), aud: ['other', AUDIENCE] });
    expect((await get(server().baseUrl, '/api/chat/config/', token)).status).toBe(200);
  });

  test('no token is ever in the log', () => {
    expect(server().logs()).not.toMatch(/eyJ/);
  });
});

describe('JWT_JWKS_URL', () => {
  let issuer: JwksIssuer;
  const opened: Array<() => Promise<unknown>> = [];
  beforeAll(async () => {
    issuer = await startJwksIssuer(...Object.values(pairs));
  });
  afterAll(async () => {
    for (const close of opened) await close();
    await issuer.down();
  });
  const start = async (url: string) => {
    const server = await startChatdrop({ env: { JWT_SECRET: undefined, JWT_JWKS_URL: url } });
    opened.push(() => server.stop());
    return server.baseUrl;
  };

  test('tokens of its keys are taken, and a key that is new there; others are 401', async () => {
    const baseUrl = await start(issuer.url);
    for (const alg of ALGORITHMS) {
      const room = roomOf(pairs[alg]);
      expect((await get(baseUrl, '/api/chat/config/', room.visitor)).status).toBe(200);
      const unnamed = tokenOf(pairs[alg], visitorClaims(room), { kid: undefined });
      expect((await get(baseUrl, '/api/chat/config/', unnamed)).status).toBe(200);
    }
    expect(issuer.requests()).toBe(1);
    const room = roomOf(newKeyPair('ES256'));
    for (const kid of [
      '../../etc/passwd',
      '__proto__',
      'x'.repeat(4096),
      pairs.RS256.kid,
      pairs.ES256.kid,
      undefined,
    ]) {
      const token = tokenOf(newKeyPair('ES256'), visitorClaims(room), { kid });
      expect((await get(baseUrl, '/api/chat/config/', token)).status).toBe(401);
    }
    const confused = signToken(visitorClaims(room), { secret: rsaPem });
    expect((await get(baseUrl, '/api/chat/config/', confused)).status).toBe(401);
    expect(issuer.requests()).toBeLessThanOrEqual(2);
  });

  test('the server starts while it is away, answers 503, and goes on when it is back', async () => {
    const late = await startJwksIssuer(pairs.ES256);
    await late.down();
    onTestFinished(() => late.down());
    const baseUrl = await start(late.url);
    const room = roomOf(pairs.ES256);
    const away = await get(baseUrl, '/api/chat/config/', room.visitor);
    expect([away.status, codeOf(away)]).toEqual([503, 'keys-unavailable']);
    expect(Number(away.headers['retry-after'])).toBeGreaterThan(0);
    const created = await create({ baseUrl, token: room.visitor, body: file });
    expect([created.status, codeOf(created)]).toEqual([503, 'keys-unavailable']);
    // A 5xx to HEAD would make tus-js-client throw the upload away.
    const looked = await head(`${baseUrl}/api/chat/tus/AAAAAAAAAAAAAAAAAAAAAA`, room.visitor);
    expect(looked.status).toBe(423);
    const unsigned = await get(baseUrl, '/api/chat/config/', signToken(visitorClaims(room), { alg: 'none' }));
    expect(unsigned.status).toBe(401);
    const socket = recordSocket({ baseUrl, auth: { token: room.visitor } });
    onTestFinished(() => socket.close());
    await socket.waitForEvent('connect_error');
    expect((await get(baseUrl, '/healthz')).status).toBe(200);
    await late.listen();
    const isBack = async () => (await get(baseUrl, '/api/chat/config/', room.visitor)).status === 200;
    await eventually('the keys are fetched again', isBack);
  });

  test('a wrong answer is 503 too, never 500', async () => {
    const strange = await startJwksIssuer();
    onTestFinished(() => strange.down());
    strange.answer((_request, response) => response.end('<!doctype html><title>Sign in</title>'));
    const baseUrl = await start(strange.url);
    const answer = await get(baseUrl, '/api/chat/config/', roomOf(pairs.RS256).visitor);
    expect([answer.status, codeOf(answer)]).toEqual([503, 'keys-unavailable']);
    expect(answer.body.toString()).not.toContain(strange.url);
  });
});

describe('JWT_SECRET beside JWT_PUBLIC_KEY', () => {
  const server = chatdropForSuite({ env: { JWT_PUBLIC_KEY: rsaPem } });

  test('each opens by its own algorithm, and neither by the other’s', async () => {
    const room = newChatRoom();
    const status = async (token: string) => (await get(server().baseUrl, '/api/chat/config/', token)).status;
    expect(await status(room.visitor)).toBe(200);
    expect(await status(tokenOf(pairs.RS256, visitorClaims(room)))).toBe(200);
    expect(await status(signToken(visitorClaims(room), { secret: rsaPem }))).toBe(401);
    expect(await status(tokenOf(pairs.RS256, visitorClaims(room), { alg: 'HS256' }))).toBe(401);
  });
});

describe('the command line', () => {
  const TOKEN = ['token', '--company', 'c', '--role', 'user', '--session', 's'];

  test('chatdrop token says what to do where only public keys are set', () => {
    const { status, stdout, stderr } = chatdrop(TOKEN, { JWT_PUBLIC_KEY: rsaPem });
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/Only public keys are set.*set JWT_SECRET/);
  });

  test('chatdrop token signs with the secret beside public keys', () => {
    const { status, stdout } = chatdrop(TOKEN, { JWT_PUBLIC_KEY: rsaPem, JWT_SECRET: TEST_SECRET });
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+\n$/)]);
  });

  test('a weak key stops the server with its fault', async () => {
    const port = String(await freePort());
    const { status, stderr } = chatdrop(['serve'], { JWT_PUBLIC_KEY: pemOf(newKeyPair('RS256', 1024)), PORT: port });
    expect(status).toBe(1);
    expect(stderr).toMatch(/JWT_PUBLIC_KEY holds an RSA key of 1024 bits/);
  });
});

function visitorClaims({ company, session }: ChatRoom): Claims {
  return { company_id: company, session_id: session, role: 'user', ...claimed };
}

/** A chat whose people have tokens of this key. */
function roomOf(pair: KeyPair): ChatRoom {
  const room = newChatRoom();
  const agent = { company_id: room.company, role: 'agent', sub: 'agent-1', ...claimed };
  return { ...room, visitor: tokenOf(pair, visitorClaims(room)), agent: tokenOf(pair, agent) };
}

/** RFC 7518 section 3.4 wants r and s side by side; many libraries make the DER form. */
function derOf(rs: Buffer): string {
  const integer = (part: Buffer) => {
    const bytes = (part[0] ?? 0) > 127 ? Buffer.concat([Buffer.from([0]), part]) : part;
    return Buffer.concat([Buffer.from([2, bytes.length]), bytes]);
  };
  const body = Buffer.concat([integer(rs.subarray(0, 32)), integer(rs.subarray(32))]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]).toString('base64url');
}

function chatdrop(args: string[], env: Record<string, string>) {
  const { PATH = '', HOME = '' } = process.env;
  return spawnSync(process.execPath, [SERVER_ENTRY, ...args], {
    env: { PATH, HOME, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
}
