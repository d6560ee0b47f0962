/** A token is taken whole or refused: signature, times, issuer, audience, claims; and what is refused says nothing of it. */
import { createHmac, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createAuthenticateToken } from '../../server/auth/authenticate-token.ts';
import { signToken as issue } from '../../server/auth/sign-token.ts';
import { Failure } from '../../server/rules/failure.ts';
import { brokenTokens, type Claims, nowSeconds, TEST_SECRET } from '../services/tokens.ts';

const rules = { secret: TEST_SECRET, issuer: undefined, audience: undefined };
const authenticate = createAuthenticateToken(rules);
const user = { company_id: 'c', session_id: 's', role: 'user' };
const agent = { company_id: 'c', role: 'agent', sub: 'ann' };

describe('a good token', () => {
  test.each<[string, Claims, object]>([
    ['of a visitor', user, { company: 'c', role: 'user', session: 's', subject: null }],
    ['of a visitor with a subject', { ...user, sub: 'me' }, { session: 's', subject: 'me' }],
    ['of an agent', agent, { company: 'c', role: 'agent', session: null, subject: 'ann' }],
    ['of an agent for one session', { ...agent, session_id: 's' }, { session: 's', subject: 'ann' }],
    [
      'with the longest ids',
      { ...user, company_id: 'C'.repeat(64), session_id: '-'.repeat(64) },
      { company: 'C'.repeat(64) },
    ],
    ['with claims that are nothing to us', { ...user, name: 'x', admin: true }, { role: 'user' }],
  ])('%s', async (_whose, claims, expected) => {
    const exp = nowSeconds() + 60;
    expect(await authenticate(signToken({ ...claims, exp }))).toMatchObject({ ...expected, expiresAt: exp * 1000 });
  });

  test('is what the server issues itself', async () => {
    const strict = { secret: TEST_SECRET, issuer: 'https://issuer.example', audience: 'chatdrop' };
    const token = await issue(strict, { company: 'c', role: 'agent', session: 's', subject: 'ann' }, 60);
    expect(await createAuthenticateToken(strict)(token)).toMatchObject({
      company: 'c',
      role: 'agent',
      session: 's',
      subject: 'ann',
    });
    const visitor = await issue(rules, { company: 'c', role: 'user', session: 's' }, 60);
    expect(await authenticate(visitor)).toMatchObject({ role: 'user', session: 's', subject: null });
  });
});

describe('a token with a fault', () => {
  const faults = Object.entries(brokenTokens('c', 's')).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  test.each(faults)('%s', async (name, token) => {
    await expectRefused(token, name === 'expired' ? 'token-expired' : 'unauthenticated');
  });

  test.each<[string, Claims]>([
    ['an empty subject', { ...agent, sub: '' }],
    ['a subject of 256 characters', { ...agent, sub: 'x'.repeat(256) }],
    ['a subject that is a number', { ...agent, sub: 7 }],
    ['a company of 65 characters', { ...user, company_id: 'x'.repeat(65) }],
    ['an empty company', { ...user, company_id: '' }],
    ['a company with a line end', { ...user, company_id: 'c\n' }],
    ['a list of sessions', { ...user, session_id: ['s'] }],
    ['a session that is null', { ...agent, session_id: null }],
    ['a list of roles', { ...user, role: ['user'] }],
    ['a role in capitals', { ...user, role: 'AGENT' }],
    ['nbf not a number', { ...user, nbf: 'now' }],
    ['a time of issue that is no number', { ...user, iat: 'now' }],
  ])('%s', async (_name, claims) => {
    await expectRefused(signToken(claims), 'unauthenticated');
  });

  test('claims that are no object', async () => {
    for (const claims of ['[]', '"text"', 'null', '7'])
      await expectRefused(signRaw('{"alg":"HS256"}', claims), 'unauthenticated');
  });

  test('a header that asks for something critical, or is no header', async () => {
    const claims = JSON.stringify({ ...user, exp: nowSeconds() + 60 });
    for (const header of [
      '{"alg":"HS256","crit":["x"],"x":1}',
      '{"alg":"HS256","b64":false,"crit":["b64"]}',
      '{}',
      '[]',
      'x',
    ]) {
      await expectRefused(signRaw(header, claims), 'unauthenticated');
    }
    await expect(authenticate(signRaw('{"alg":"HS256"}', claims))).resolves.toBeDefined();
  });

  test('one that was made for another purpose, by its own type', async () => {
    const claims = JSON.stringify({ ...user, exp: nowSeconds() + 60 });
    const typed = (typ: unknown) => signRaw(JSON.stringify({ alg: 'HS256', typ }), claims);
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'application/x', 'JWE', '', 7, ['JWT']])
      await expectRefused(typed(typ), 'unauthenticated');
    for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt'])
      await expect(authenticate(typed(typ))).resolves.toMatchObject({ session: 's' });
  });

  test('another algorithm under our key, also an RSA key’s', async () => {
    await expectRefused(signToken(user, { alg: 'HS512' }), 'unauthenticated');
    await expectRefused(signToken(user, { alg: 'HS384' }), 'unauthenticated');
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    await expectRefused(signToken(user, { secret: pem }), 'unauthenticated');
  });

  test('any character changed voids it', async () => {
    const token = signToken(user);
    const claimsStart = token.indexOf('.') + 1;
    for (const at of [5, claimsStart + 3, token.lastIndexOf('.') + 5]) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      await expectRefused(changed, 'unauthenticated');
    }
  });

  test('one that is too long is not even read', async () => {
    const long = signToken({ ...user, filler: 'x'.repeat(8192) });
    await expectRefused(long, 'unauthenticated', 'The token is too long.');
    const fits = signToken({ ...user, filler: 'x'.repeat(5500) });
    await expect(authenticate(fits)).resolves.toMatchObject({ session: 's' });
  });
});

describe('times', () => {
  // Half a minute away from every edge: the clock goes on while the test runs.
  test('clocks may differ by a little, not by a minute', async () => {
    await expectRefused(signToken({ ...user, exp: nowSeconds() - 35 }), 'token-expired');
    await expectRefused(signToken({ ...user, nbf: nowSeconds() + 60 }), 'unauthenticated');
    await expect(authenticate(signToken({ ...user, nbf: nowSeconds() - 60 }))).resolves.toBeDefined();
  });
});

describe('issuer and audience', () => {
  const strict = createAuthenticateToken({ ...rules, issuer: 'https://issuer.example', audience: 'chatdrop' });
  const good = { ...user, iss: 'https://issuer.example', aud: 'chatdrop' };
  test.each<[string, Claims, boolean]>([
    ['both right', good, true],
    ['one of several audiences', { ...good, aud: ['other', 'chatdrop'] }, true],
    ['another issuer', { ...good, iss: 'https://issuer.example/' }, false],
    ['no issuer', { ...good, iss: undefined }, false],
    ['another audience', { ...good, aud: 'other' }, false],
    ['no audience', { ...good, aud: undefined }, false],
    ['no audience in the list', { ...good, aud: [] }, false],
  ])('%s', async (_name, claims, accepted) => {
    const result = strict(signToken(claims));
    if (accepted) await expect(result).resolves.toMatchObject({ company: 'c' });
    else await expect(result).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('are not looked at where they are not set', async () => {
    await expect(authenticate(signToken({ ...user, iss: 'any', aud: 'any' }))).resolves.toBeDefined();
  });
});

async function expectRefused(token: string, code: string, message?: string): Promise<void> {
  const error = await authenticate(token).then(
    () => new Error('it was taken'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Failure);
  expect(error).toMatchObject({ code, ...(message === undefined ? {} : { message }) });
  const [, claims = '', signature = ''] = token.split('.');
  for (const part of [claims, signature]) if (part.length > 8) expect((error as Error).message).not.toContain(part);
}

/** A token over these claims; an `exp` is added where they have none. */
function signToken(claims: Claims, { alg = 'HS256', secret = TEST_SECRET } = {}): string {
  const whole = JSON.stringify({ exp: nowSeconds() + 3600, ...claims });
  return signRaw(JSON.stringify({ alg, typ: 'JWT' }), whole, `sha${alg.slice(2)}`, secret);
}

/** Signed as it should be, whatever the header and the claims say. */
function signRaw(header: string, claims: string, hash = 'sha256', secret = TEST_SECRET): string {
  const part = (text: string) => Buffer.from(text).toString('base64url');
  const signed = `${part(header)}.${part(claims)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest('base64url')}`;
}

describe('keys of a company', () => {
  const theirs = 'a-key-of-one-company-of-more-than-32-bytes';
  const ring = (over: object = {}) => ({
    secrets: [{ key: new TextEncoder().encode(theirs), name: 'theirs' }],
    publicKeys: [],
    jwks: undefined,
    issuer: undefined,
    audience: undefined,
    serverKeys: false,
    ...over,
  });
  const authenticateWith = (companyKeys: (company: string) => Promise<ReturnType<typeof ring> | null> | null) =>
    createAuthenticateToken({ ...rules, companyKeys });
  const byTheirs = signToken(user, { secret: theirs });

  test('are asked for the company that the token names, and it is said which one has signed', async () => {
    const asked: string[] = [];
    const check = authenticateWith((company) => {
      asked.push(company);
      return company === 'c' ? Promise.resolve(ring()) : null;
    });
    expect(await check(byTheirs)).toMatchObject({ company: 'c', signedBy: 'theirs' });
    expect(await check(signToken({ ...user, company_id: 'other' }))).toMatchObject({ signedBy: 'server' });
    for (const token of [signToken(user), signToken({ ...user, company_id: 'other' }, { secret: theirs })])
      await expect(check(token)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(asked).toEqual(['c', 'other', 'c', 'other']);
    // No name, no keys.
    for (const company_id of [undefined, null, 7, ['c'], {}])
      await expect(check(signToken({ ...user, company_id }, { secret: theirs }))).rejects.toMatchObject({
        code: 'unauthenticated',
      });
    expect(asked).toHaveLength(4);
  });

  test('leave the server’s beside them where that is said; a ring that is gone meanwhile leaves the server’s', async () => {
    const both = authenticateWith(async () => ring({ serverKeys: true }));
    expect(await both(byTheirs)).toMatchObject({ signedBy: 'theirs' });
    expect(await both(signToken(user))).toMatchObject({ signedBy: 'server' });
    const none = authenticateWith(async () => null);
    expect(await none(signToken(user))).toMatchObject({ signedBy: 'server' });
    await expect(none(byTheirs)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('that cannot be read are no reason to believe others, and none to throw a token away', async () => {
    const check = authenticateWith(() => Promise.reject(new Error('the database is away')));
    for (const token of [byTheirs, signToken(user)])
      await expect(check(token)).rejects.toMatchObject({ code: 'keys-unavailable' });
  });
});
