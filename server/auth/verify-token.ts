/** Finds the key that a token may be checked with, and checks signature, times, issuer and audience. */
import { decodeJwt, decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import * as z from 'zod';
import { Failure } from '../rules/failure.ts';
import { MAX_KID_CHARACTERS, type VerificationKey } from '../rules/verification-key.ts';
import type { Jwks, KnownKeys } from './jwks.ts';

/** Seconds by which the clocks of issuer and server may differ. */
export const CLOCK_SKEW_SECONDS = 5;
/** A longer token is refused unread. */
const MAX_TOKEN_CHARACTERS = 8192;
/** Keys that are tried for one token: without a `kid`, every key of its algorithm could be the one. */
const MAX_TRIED_KEYS = 10;
/** RFC 7515 section 7.1: three parts, none of them empty. Five would be an encrypted token, which is not taken. */
const SIGNED_TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** RFC 7519 section 5.1, RFC 9068 section 2.1; with or without `application/`, in any case (RFC 8725 section 3.11). */
const TOKEN_TYPE = /^(?:application\/)?(?:at\+)?jwt$/i;

/**
 * All that is believed of a header before the signature is checked. `jku`, `x5u`, `jwk` and `x5c` name keys of the
 * sender's choice and are not looked at (RFC 8725 section 3.10); an extension that MUST be understood is not
 * (RFC 7515 section 4.1.11).
 */
const headerSchema = z.object({
  alg: z.enum(['HS256', 'RS256', 'ES256', 'EdDSA']),
  /** One that calls itself something else (a logout token, a proof of possession) was made for another purpose. */
  typ: z.string().regex(TOKEN_TYPE).optional(),
  kid: z.string().max(MAX_KID_CHARACTERS).optional(),
  crit: z.undefined().optional(),
});

export type TokenKeys = {
  secret?: string | undefined;
  publicKeys?: readonly VerificationKey[];
  /** Asked instead of `publicKeys`. */
  jwks?: Jwks | undefined;
  /** Keys that sign for one company only. Null: it has none, so the server's count. */
  companyKeys?: (company: string) => Promise<CompanyRing | null> | null;
};
export type ClaimRules = { issuer: string | undefined; audience: string | undefined };
/** Keys that are one owner's, and what their tokens have to say. The names are ours, to find again what a key has signed. */
export type KeyRing = ClaimRules & {
  secrets: readonly { key: Uint8Array; name: string }[];
  publicKeys: readonly (VerificationKey & { name: string })[];
  jwks: (Jwks & { name: string }) | undefined;
};
/** `serverKeys`: the server's count too. */
type CompanyRing = KeyRing & { serverKeys: boolean };
/** Checks a token, but for the claims that are ours. */
type VerifyToken = (token: string) => Promise<Verified>;
/** `signedBy` names the key: `SERVER_KEY`, or the name in the ring of the company. */
type Signed = { payload: JWTPayload; signedBy: string; keySet: KeySet | null };
/** The set of a JWKS URL as it was when it had the key; null for a key that stands in a ring by itself. */
type KeySet = { jwks: Jwks; keys: KnownKeys };
export type Verified = Pick<Signed, 'payload' | 'signedBy'> & {
  /**
   * Whether the very keys that were asked are still those that count for this company. Then the signature, issuer and
   * audience are as good as they were; the times are the caller's to look at. Throws as the check itself.
   */
  holds(): Promise<boolean>;
};

/** Whichever of the settings' keys it is: they change with a restart only. */
export const SERVER_KEY = 'server';

type Header = z.infer<typeof headerSchema>;
/** Verifies with one key, or null when the signature is not of that key. */
type TryKey = (key: Uint8Array | VerificationKey['key']) => Promise<JWTPayload | null>;

/**
 * A key verifies the one algorithm that it was made for, so a public key is never an HMAC secret (RFC 8725 section 3.1).
 * The company that a token names decides whose keys are tried, and only those: what is read of it before the signature is
 * checked is the very claim that is believed afterwards, so a key of one company never opens another.
 * @returns checks a token; throws {Failure} `unauthenticated`, `token-expired`, or `keys-unavailable` (the JWKS URL is away)
 */
export function createVerifyToken({ companyKeys = () => null, ...settings }: TokenKeys & ClaimRules): VerifyToken {
  const server = serverRing(settings);
  const ringOf = async (company: string | null): Promise<CompanyRing | null> =>
    company === null ? null : ((await companyKeys(company)?.catch(keysUnreadable)) ?? null);
  return async (token) => {
    const header = readHeader(token);
    const company = companyNamedBy(token);
    const own = await ringOf(company);
    const rings = own === null ? [server] : own.serverKeys ? [own, server] : [own];
    const { payload, signedBy, keySet } = await verifyByRings(token, header, rings);
    // The keys were chosen by this name.
    if (companyIn(payload) !== company) throw notValid();
    const holds = async () =>
      (await ringOf(company)) === own && (keySet === null || (await keySet.jwks.keys()) === keySet.keys);
    return { payload, signedBy, holds };
  };
}

function serverRing({
  secret,
  publicKeys = [],
  jwks,
  ...claims
}: Omit<TokenKeys, 'companyKeys'> & ClaimRules): KeyRing {
  return {
    ...claims,
    secrets: secret === undefined ? [] : [{ key: new TextEncoder().encode(secret), name: SERVER_KEY }],
    publicKeys: publicKeys.map((key) => ({ ...key, name: SERVER_KEY })),
    jwks: jwks === undefined ? undefined : { ...jwks, name: SERVER_KEY },
  };
}

/** Not believed: it only says whose keys to try. */
function companyNamedBy(token: string): string | null {
  try {
    return companyIn(decodeJwt(token));
  } catch {
    return null;
  }
}

function companyIn({ company_id: company }: JWTPayload): string | null {
  return typeof company === 'string' ? company : null;
}

/** @throws {Failure} `unauthenticated` when the token is of none of these keys */
async function verifyByRings(token: string, header: Header, rings: readonly KeyRing[]): Promise<Signed> {
  let unavailable: unknown = null;
  for (const ring of rings) {
    try {
      const verified = await verifyByRing(ring, header, verifier(token, header, ring));
      if (verified !== null) return verified;
    } catch (error) {
      // Its keys are away; those of the next ring may be here.
      if (!(error instanceof Failure) || error.code !== 'keys-unavailable') throw error;
      unavailable = error;
    }
  }
  throw unavailable ?? notValid();
}

async function verifyByRing(ring: KeyRing, header: Header, tryKey: TryKey): Promise<Signed | null> {
  if (header.alg === 'HS256') return tryEach(ring.secrets, tryKey);
  const verified = await tryEach(candidates(ring.publicKeys, header), tryKey);
  if (verified !== null || ring.jwks === undefined) return verified;
  const { jwks } = ring;
  const found = await verifyByJwks(jwks, header, tryKey);
  return found && { payload: found.payload, signedBy: jwks.name, keySet: { jwks, keys: found.keys } };
}

function readHeader(token: string): Header {
  if (token.length > MAX_TOKEN_CHARACTERS) throw new Failure('unauthenticated', 'The token is too long.');
  if (!SIGNED_TOKEN.test(token)) throw notValid();
  try {
    return headerSchema.parse(decodeProtectedHeader(token));
  } catch (cause) {
    throw notValid(cause);
  }
}

function verifier(token: string, { alg }: Header, { issuer, audience }: ClaimRules): TryKey {
  const options = {
    algorithms: [alg],
    requiredClaims: ['exp'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    ...(issuer === undefined ? {} : { issuer }),
    ...(audience === undefined ? {} : { audience }),
  };
  return async (key) => {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (error instanceof errors.JWSSignatureVerificationFailed) return null;
      if (error instanceof errors.JWTExpired)
        throw new Failure('token-expired', 'The token has expired. Get a new one.');
      throw notValid(error);
    }
  };
}

async function verifyByJwks(
  jwks: Jwks,
  header: Header,
  tryKey: TryKey,
): Promise<{ payload: JWTPayload; keys: KnownKeys } | null> {
  const keys = await jwks.keys();
  const known = candidates(unnamed(keys), header);
  const verified = await tryEach(known, tryKey);
  // The key that the token names has spoken; where there is none, the issuer may have changed its keys.
  const isNamed = known.some(({ kid }) => kid !== undefined && kid === header.kid);
  if (verified !== null || isNamed) return verified && { payload: verified.payload, keys };
  const newer = await jwks.newerKeys(keys);
  const second = await tryEach(candidates(unnamed(newer), header), tryKey);
  if (second === null && !jwks.isUpToDate()) throw keysUnavailable(jwks.nextAttemptMs());
  return second && { payload: second.payload, keys: newer };
}

/** Keys of a set go by the name of the set. */
function unnamed(keys: KnownKeys): (VerificationKey & { name: string })[] {
  return (keys ?? []).map((key) => ({ ...key, name: '' }));
}

/** A `kid` is compared and nothing else: it is no path, no address and no property's name. */
function candidates<Key extends VerificationKey>(keys: readonly Key[], { alg, kid }: Header): readonly Key[] {
  return keys
    .filter((key) => key.alg === alg && (kid === undefined || key.kid === undefined || key.kid === kid))
    .slice(0, MAX_TRIED_KEYS);
}

async function tryEach(
  keys: readonly { key: Parameters<TryKey>[0]; name: string }[],
  tryKey: TryKey,
): Promise<Signed | null> {
  for (const { key, name } of keys) {
    const payload = await tryKey(key);
    if (payload !== null) return { payload, signedBy: name, keySet: null };
  }
  return null;
}

/** 503 and not 401: the token may well be good, and a client throws away what is called bad. */
function keysUnavailable(nextAttemptMs: number, cause?: unknown): Failure {
  const detail = 'The keys that tokens are checked with cannot be fetched right now. Try again in a moment.';
  const retryAfterSeconds = Math.max(1, Math.ceil(nextAttemptMs / 1000));
  return new Failure('keys-unavailable', detail, { retryAfterSeconds, cause });
}

function keysUnreadable(cause: unknown): never {
  throw keysUnavailable(0, cause);
}

function notValid(cause?: unknown): Failure {
  return new Failure('unauthenticated', 'The token is not valid.', { cause });
}
