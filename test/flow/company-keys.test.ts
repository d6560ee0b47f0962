/** Keys of a company: they sign for it and for no other, are rotated while the server runs, and cut what they let in. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bearer, codeOf, get } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented } from '../services/documented.ts';
import { eventually } from '../services/eventually.ts';
import { startJwksIssuer } from '../services/jwks-issuer.ts';
import { ALGORITHMS, jwkOf, newKeyPair, pemOf, tokenOf } from '../services/key-pairs.ts';
import { plainSocket } from '../services/plain-socket.ts';
import { runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { type Claims, signToken, TEST_SECRET } from '../services/tokens.ts';
import { create, head } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const ISSUER = 'https://issuer.example';
const server = chatdropForSuite({ env: { ADMIN_TOKEN, JWT_ISSUER: ISSUER } });

type Key = { id: string; kind: string; fingerprint: string };

const newSecret = () => randomBytes(32).toString('base64');
const visitor = (company: string): Claims => ({ company_id: company, session_id: 's', role: 'user', iss: ISSUER });
const byServer = (company: string, more: Claims = {}) => signToken({ ...visitor(company), ...more });
const bySecret = (company: string, secret: string, more: Claims = {}) =>
  signToken({ ...visitor(company), ...more }, { secret });

const admin = (method: string, path: string, body?: unknown): Promise<WireAnswer> =>
  send({
    method,
    url: `${server().baseUrl}/api/admin/companies/${path}`,
    headers: bearer(ADMIN_TOKEN),
    body: body === undefined ? undefined : JSON.stringify(body),
  });
const setPolicy = async (company: string, policy: object) =>
  expect((await admin('PUT', `${company}/policy/`, policy)).status).toBe(200);
const remove = async (company: string, id: string) =>
  expect((await admin('DELETE', `${company}/keys/${id}/`)).status).toBe(204);

async function addKey(company: string, key: string, id?: string): Promise<Key> {
  const answer = await admin('POST', `${company}/keys/`, { key, id });
  expect([answer.status, answer.body.toString()]).toEqual([201, expect.not.stringContaining(key.slice(0, 40))]);
  return jsonOf<Key>(answer);
}

/** What the API says to each: 200, or the code. */
async function opened(...tokens: string[]): Promise<(number | string)[]> {
  const answers = await Promise.all(tokens.map((token) => get(server().baseUrl, '/api/chat/config/', token)));
  return answers.map((answer) => (answer.status === 200 ? 200 : codeOf(answer)));
}

function openSockets(token: string, company: string) {
  const plain = plainSocket(`${server().baseUrl}/ws/chat/${company}/s/?token=${token}`);
  const socketIo = recordSocket({ baseUrl: server().baseUrl, auth: { token } });
  onTestFinished(() => {
    plain.close();
    socketIo.close();
  });
  return {
    plain,
    socketIo,
    opened: () =>
      Promise.all([plain.waitFor('connection_established'), socketIo.waitForEvent('connection_established')]),
    async expectEnded() {
      expect(await plain.closed).toBe(4401);
      await socketIo.waitForEvent('disconnect');
      expect(plain.events.at(-1)).toMatchObject({ type: 'error', code: 'token-expired' });
      expect(socketIo.payloads('error')).toMatchObject([{ code: 'token-expired' }]);
    },
    async expectOpen() {
      plain.socket.send('{"type":"request_file_list"}');
      await plain.waitFor('file_list');
      const list = await socketIo.socket.timeout(10_000).emitWithAck('request_file_list', { session_id: 's' });
      expect(list.type).toBe('file_list');
    },
  };
}

describe('a key of a company', () => {
  test('signs for it alone, and takes the place of the server’s', async () => {
    const [{ company }, { company: other }, { company: third }] = [newChatRoom(), newChatRoom(), newChatRoom()];
    const [secret, othersSecret] = [newSecret(), newSecret()];
    await addKey(company, secret);
    await addKey(other, othersSecret);
    expect(await opened(bySecret(company, secret), bySecret(other, othersSecret), byServer(third))).toEqual([
      200, 200, 200,
    ]);
    const forged = [
      byServer(company),
      bySecret(other, secret),
      bySecret(company, othersSecret),
      bySecret(third, secret),
      bySecret(third, othersSecret),
      // A name twice, or none: what is read first is what is believed.
      bySecret(company, secret, { company_id: [company] }),
      bySecret(company, secret, { company_id: undefined }),
      bySecret(company, secret, { company_id: '__proto__' }),
      bySecret(company, TEST_SECRET),
    ];
    expect(await opened(...forged)).toEqual(forged.map(() => 'unauthenticated'));
    const socket = plainSocket(`${server().baseUrl}/ws/chat/${other}/s/?token=${bySecret(other, secret)}`);
    expect(await socket.refused).toMatchObject({ status: 401 });
    const socketIo = recordSocket({ baseUrl: server().baseUrl, auth: { token: bySecret(other, secret) } });
    await socketIo.waitForEvent('connect_error');
    expect(await opened(bySecret(company, secret, { exp: 1 }))).toEqual(['token-expired']);
  });

  test('may be public, as PEM or JWK, each for its own algorithm', async () => {
    const { company } = newChatRoom();
    const { company: other } = newChatRoom();
    for (const alg of ALGORITHMS) {
      const pair = newKeyPair(alg);
      const text = alg === 'ES256' ? JSON.stringify(jwkOf(pair)) : pemOf(pair);
      const key = await addKey(company, text);
      expect(key).toMatchObject({ kind: 'public', ...(alg === 'ES256' && { id: pair.kid }) });
      const tokens = [
        tokenOf(pair, visitor(company)),
        tokenOf(pair, visitor(other)),
        // The public key as a secret, which everybody knows.
        bySecret(company, text),
        bySecret(company, text.trim()),
        tokenOf(newKeyPair(alg), visitor(company)),
      ];
      const refused = tokens.slice(1).map(() => 'unauthenticated');
      expect(await opened(...tokens)).toEqual([200, ...refused]);
    }
  });

  test('is rotated: the new one beside the old one, then without it', async () => {
    const { company } = newChatRoom();
    const [old, fresh] = [newSecret(), newSecret()];
    await addKey(company, old, 'old');
    const [before, after] = [bySecret(company, old), bySecret(company, fresh)];
    expect(await opened(before, after)).toEqual([200, 'unauthenticated']);
    await addKey(company, fresh, 'new');
    expect(await opened(before, after)).toEqual([200, 200]);
    const [leaving, staying] = [openSockets(before, company), openSockets(after, company)];
    await Promise.all([leaving.opened(), staying.opened()]);
    await remove(company, 'old');
    expect(await opened(before, after)).toEqual(['unauthenticated', 200]);
    await leaving.expectEnded();
    await staying.expectOpen();
    expect((await admin('DELETE', `${company}/keys/old/`)).status).toBe(404);
    // With the last one gone the server's counts again.
    await remove(company, 'new');
    await staying.expectEnded();
    expect(await opened(before, after, byServer(company))).toEqual(['unauthenticated', 'unauthenticated', 200]);
  });

  test('ends the sockets of the server’s key when it comes, unless that still counts', async () => {
    const { company } = newChatRoom();
    const secret = newSecret();
    const sockets = openSockets(byServer(company), company);
    await sockets.opened();
    await setPolicy(company, { server_keys: true });
    await addKey(company, secret);
    expect(await opened(byServer(company), bySecret(company, secret))).toEqual([200, 200]);
    await sockets.expectOpen();
    await setPolicy(company, {});
    await sockets.expectEnded();
    expect(await opened(byServer(company), bySecret(company, secret))).toEqual(['unauthenticated', 200]);
  });

  test('comes and goes by the command line, beside the running server', async () => {
    const { company } = newChatRoom();
    const folder = await mkdtemp(join(tmpdir(), 'chatdrop-keys-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const secret = newSecret();
    const file = join(folder, 'secret.txt');
    await writeFile(file, `${secret}\n`);
    const command = (...words: string[]) => runCommandHere(['company', 'keys', company, ...words], server().env);
    const added = await command('add', '--id', 'mine', file);
    expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/^mine +secret +[0-9a-f]{32} /m)]);
    const token = bySecret(company, secret);
    await eventually('the key counts', async () => (await opened(token))[0] === 200);
    const sockets = openSockets(token, company);
    await sockets.opened();
    const shown = await runCommandHere(['company', 'show', company], server().env);
    for (const { stdout } of [added, shown, await command()]) expect(stdout).not.toContain(secret);
    expect(shown.stdout).toMatch(/^mine +secret/m);
    expect((await command('remove', 'mine')).code).toBe(0);
    await sockets.expectEnded();
    expect(await opened(token)).toEqual(['unauthenticated']);
    expect((await command('remove', 'mine')).code).toBe(1);
    for (const words of [['add'], ['take', 'x'], ['add', file, 'x'], ['remove']])
      expect((await command(...words)).code).toBe(2);
    expect((await command('add', join(folder, 'none'))).code).toBe(1);
  });

  test('is listed as documented, never with its secret, and a bad one is refused without it', async () => {
    const { company } = newChatRoom();
    const expectDocumented = createExpectDocumented(jsonOf(await get(server().baseUrl, '/openapi.json')));
    const secret = newSecret();
    const route = '/api/admin/companies/{company}/keys/';
    const added = await admin('POST', `${company}/keys/`, { key: secret, id: 'one' });
    expectDocumented(`POST ${route}`, added);
    const listed = await admin('GET', `${company}/keys/`);
    expectDocumented(`GET ${route}`, listed);
    expect(jsonOf(listed)).toEqual({ keys: [{ ...jsonOf<Key>(added), created_at: expect.any(String) }] });
    expect(listed.body.toString() + added.body.toString()).not.toContain(secret);
    const { privateKey, publicKey } = newKeyPair('EdDSA');
    const bad = [
      { key: 'short' },
      { key: '' },
      {},
      { key: newSecret(), id: '' },
      { key: newSecret(), id: 'a/b' },
      { key: newSecret(), id: 'one' },
      { key: secret, id: 'two' },
      { key: newSecret(), more: 1 },
      { key: String(privateKey.export({ type: 'pkcs8', format: 'pem' })) },
      { key: JSON.stringify(privateKey.export({ format: 'jwk' })) },
      { key: publicKey.export({ type: 'spki', format: 'der' }).toString('base64') },
      { key: `ssh-ed25519 ${newSecret()}` },
      { key: 'x'.repeat(20_000) },
    ];
    for (const body of bad) {
      const answer = await admin('POST', `${company}/keys/`, body);
      expect([codeOf(answer), body]).toEqual(['invalid-request', body]);
      if ((body.key ?? '').length > 20) expect(answer.body.toString()).not.toContain(String(body.key).slice(0, 20));
    }
    for (let more = 1; more < 10; more += 1) await addKey(company, newSecret());
    expect(codeOf(await admin('POST', `${company}/keys/`, { key: newSecret() }))).toBe('invalid-request');
    expect(jsonOf<{ keys: Key[] }>(await admin('GET', `${company}/keys/`)).keys).toHaveLength(10);
    expect(server().logs()).not.toContain(secret);
  });

  test('has to say the issuer and audience that its company names', async () => {
    const { company } = newChatRoom();
    const secret = newSecret();
    await addKey(company, secret);
    const mine = { iss: 'https://acme.example', aud: 'files' };
    expect(await opened(bySecret(company, secret, mine))).toEqual(['unauthenticated']);
    await setPolicy(company, { jwt_issuer: mine.iss, jwt_audience: mine.aud });
    expect(await opened(bySecret(company, secret, mine), bySecret(company, secret))).toEqual([200, 'unauthenticated']);
    await setPolicy(company, { jwt_issuer: null });
    expect(await opened(bySecret(company, secret, { iss: undefined }))).toEqual([200]);
  });
});

describe('a JWKS URL of a company', () => {
  test('signs for it alone; while it is away its tokens wait, and those of others do not', async () => {
    const [{ company }, { company: other }] = [newChatRoom(), newChatRoom()];
    const pair = newKeyPair('ES256');
    const issuer = await startJwksIssuer(pair);
    onTestFinished(() => issuer.down());
    await setPolicy(company, { jwks_url: issuer.url });
    const token = tokenOf(pair, visitor(company));
    expect(await opened(token, tokenOf(pair, visitor(other)), byServer(company), byServer(other))).toEqual([
      200,
      'unauthenticated',
      'unauthenticated',
      200,
    ]);
    const { url } = await create({ baseUrl: server().baseUrl, token, length: 10 });
    const sockets = openSockets(token, company);
    await sockets.opened();
    const requests = issuer.requests();
    await setPolicy(company, { jwks_url: issuer.url, quota: 1_000_000 });
    expect([await opened(token), issuer.requests()]).toEqual([[200], requests]);
    await sockets.expectOpen();

    const gone = await startJwksIssuer();
    await gone.down();
    await setPolicy(company, { jwks_url: gone.url });
    await sockets.expectEnded();
    expect(await opened(token, byServer(other))).toEqual(['keys-unavailable', 200]);
    expect((await head(url, token)).status).toBe(423);
    await setPolicy(company, {});
    expect(await opened(token, byServer(company))).toEqual(['unauthenticated', 200]);
  });
});
