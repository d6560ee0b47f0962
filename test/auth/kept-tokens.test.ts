/** A token that was found good is believed again only while its keys count and its time has come and is not over. */
import { describe, expect, test } from 'vitest';
import { type Authenticated, createAuthenticateToken } from '../../server/auth/authenticate-token.ts';
import type { Jwks, KnownKeys } from '../../server/auth/jwks.ts';
import { createKeptTokens } from '../../server/auth/kept-tokens.ts';
import { signToken } from '../../server/auth/sign-token.ts';
import { verificationKey } from '../../server/rules/verification-key.ts';
import { newKeyPair, tokenOf } from '../services/key-pairs.ts';
import { nowSeconds } from '../services/tokens.ts';

const SECRETS = { server: 's'.repeat(40), theirs: 't'.repeat(40), next: 'n'.repeat(40) };
const claimRules = { issuer: undefined, audience: undefined };
const visitor = { company: 'c', role: 'user', session: 's' } as const;
const signedBy = (secret: string) => signToken({ ...claimRules, secret }, visitor, 3600);
const ringWith = (secret: string) => ({
  ...claimRules,
  secrets: [{ key: new TextEncoder().encode(secret), name: secret.slice(0, 1) }],
  publicKeys: [],
  jwks: undefined,
  serverKeys: false,
});
const UNAUTHENTICATED = { code: 'unauthenticated' };

describe('with the very next request', () => {
  test('a key of a company that was removed counts no more, and a new one does', async () => {
    let ring: ReturnType<typeof ringWith> | null = ringWith(SECRETS.theirs);
    const check = createAuthenticateToken({ ...claimRules, secret: SECRETS.server, companyKeys: async () => ring });
    const [byServer, byTheirs, byNext] = await Promise.all(Object.values(SECRETS).map(signedBy));
    for (const _again of [1, 2]) expect(await check(byTheirs ?? '')).toMatchObject({ company: 'c', signedBy: 't' });
    ring = ringWith(SECRETS.next);
    await expect(check(byTheirs ?? '')).rejects.toMatchObject(UNAUTHENTICATED);
    for (const _again of [1, 2]) expect(await check(byNext ?? '')).toMatchObject({ signedBy: 'n' });
    ring = null;
    await expect(check(byNext ?? '')).rejects.toMatchObject(UNAUTHENTICATED);
    for (const _again of [1, 2]) expect(await check(byServer ?? '')).toMatchObject({ signedBy: 'server' });
    ring = ringWith(SECRETS.theirs);
    await expect(check(byServer ?? '')).rejects.toMatchObject(UNAUTHENTICATED);
  });

  test('another issuer or audience that the company names is asked for', async () => {
    let ring: object = ringWith(SECRETS.theirs);
    const companyKeys = async () => ring as ReturnType<typeof ringWith>;
    const check = createAuthenticateToken({ ...claimRules, companyKeys });
    const token = await signedBy(SECRETS.theirs);
    for (const _again of [1, 2]) expect(await check(token)).toMatchObject({ company: 'c' });
    ring = { ...ring, audience: 'chatdrop' };
    await expect(check(token)).rejects.toMatchObject(UNAUTHENTICATED);
  });

  test('keys that cannot be read are 503 for who was known, too', async () => {
    let read = async () => ringWith(SECRETS.theirs);
    const check = createAuthenticateToken({ ...claimRules, companyKeys: () => read() });
    const token = await signedBy(SECRETS.theirs);
    await check(token);
    read = () => Promise.reject(new Error('the database is away'));
    await expect(check(token)).rejects.toMatchObject({ code: 'keys-unavailable' });
  });

  test('a key that a JWKS URL has withdrawn counts no more; one that is renewed there goes on to count', async () => {
    const pair = newKeyPair('ES256');
    const token = tokenOf(pair, { company_id: 'c', session_id: 's', role: 'user', exp: nowSeconds() + 3600 });
    let keys: KnownKeys = [verificationKey(pair.publicKey)];
    const jwks: Jwks = {
      keys: async () => keys,
      newerKeys: async () => null,
      isUpToDate: () => true,
      nextAttemptMs: () => 0,
    };
    const check = createAuthenticateToken({ ...claimRules, jwks });
    for (const _again of [1, 2]) expect(await check(token)).toMatchObject({ signedBy: 'server' });
    keys = [...keys];
    for (const _again of [1, 2]) expect(await check(token)).toMatchObject({ signedBy: 'server' });
    keys = [];
    await expect(check(token)).rejects.toMatchObject(UNAUTHENTICATED);
  });
});

describe('what is kept', () => {
  const caller = { ...visitor, subject: null, expiresAt: 1_000_000, signedBy: 'server' };
  const holds = async () => true;

  test('ends with the token, to the same second and with the same tolerance as the check', async () => {
    let nowMs = 0;
    const kept = createKeptTokens<Authenticated>({ now: () => nowMs });
    kept.keep('token', { caller, holds });
    nowMs = 1_004_999;
    expect(await kept.find('token')).toBe(caller);
    nowMs = 1_005_000;
    expect(await kept.find('token')).toBeNull();
    // Not kept for a clock that is set back.
    nowMs = 0;
    expect(await kept.find('token')).toBeNull();
  });

  test('is bounded, whoever came first is forgotten; no two tokens are one', async () => {
    const kept = createKeptTokens<Authenticated>({ now: () => 0, maxKept: 3 });
    for (const token of ['a', 'b', 'c', 'd']) kept.keep(token, { caller: { ...caller, session: token }, holds });
    const sessions: (string | null | undefined)[] = [];
    for (const token of ['a', 'b', 'c', 'd', 'e']) sessions.push((await kept.find(token))?.session);
    expect(sessions).toEqual([undefined, 'b', 'c', 'd', undefined]);
  });

  test('cannot be changed by who gets it', async () => {
    const check = createAuthenticateToken({ ...claimRules, secret: SECRETS.server });
    const known = await check(await signedBy(SECRETS.server));
    expect(() => Object.assign(known, { company: 'another' })).toThrow(TypeError);
  });
});
