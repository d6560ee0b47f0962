/** Finds the key that a token may be checked with, and checks signature, times, issuer and audience. */
import { decodeProtectedHeader, errors, type JWTPayload, jwtVerify } from 'jose';
import { z } from 'zod';
import { Failure } from '../rules/failure.ts';
import { MAX_KID_CHARACTERS, type VerificationKey } from '../rules/verification-key.ts';
import type { Jwks, KnownKeys } from './jwks.ts';

/** Seconds by which the clocks of issuer and server may differ. */
const CLOCK_SKEW_SECONDS = 5;
/** A longer token is refused unread. */
const MAX_TOKEN_CHARACTERS = 8192;
/** Keys that are tried for one token: without a `kid`, every key of its algorithm could be the one. */
const MAX_TRIED_KEYS = 10;
/** RFC 7515 section 7.1: three parts, none of them empty. Five would be an encrypted token, which is not taken. */
const SIGNED_TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * All that is believed of a header before the signature is checked. `jku`, `x5u`, `jwk` and `x5c` name keys of the
 * sender's choice and are not looked at (RFC 8725 section 3.10); an extension that MUST be understood is not
 * (RFC 7515 section 4.1.11).
 */
const headerSchema = z.object({
  alg: z.enum(['HS256', 'RS256', 'ES256', 'EdDSA']),
  kid: z.string().max(MAX_KID_CHARACTERS).optional(),
  crit: z.undefined().optional(),
});

export type TokenKeys = {
  secret?: string | undefined;
  publicKeys?: readonly VerificationKey[];
  /** Asked instead of `publicKeys`. */
  jwks?: Jwks | undefined;
};
export type ClaimRules = { issuer: string | undefined; audience: string | undefined };
/** Checks a token, but for the claims that are ours. */
type VerifyToken = (token: string) => Promise<JWTPayload>;

type Header = z.infer<typeof headerSchema>;
/** Verifies with one key, or null when the signature is not of that key. */
type TryKey = (key: Uint8Array | VerificationKey['key']) => Promise<JWTPayload | null>;

/**
 * A key verifies the one algorithm that it was made for, so a public key is never an HMAC secret (RFC 8725 section 3.1).
 * @returns checks a token; throws {Failure} `unauthenticated`, `token-expired`, or `keys-unavailable` (the JWKS URL is away)
 */
export function createVerifyToken({ secret, publicKeys = [], jwks, ...claims }: TokenKeys & ClaimRules): VerifyToken {
  const hmacKey = secret === undefined ? null : new TextEncoder().encode(secret);
  return async (token) => {
    const header = readHeader(token);
    const tryKey = verifier(token, header, claims);
    let payload: JWTPayload | null = null;
    if (header.alg === 'HS256') payload = hmacKey && (await tryKey(hmacKey));
    else if (jwks !== undefined) payload = await verifyByJwks(jwks, header, tryKey);
    else payload = await tryEach(candidates(publicKeys, header), tryKey);
    if (payload === null) throw notValid();
    return payload;
  };
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

async function verifyByJwks(jwks: Jwks, header: Header, tryKey: TryKey): Promise<JWTPayload | null> {
  const keys = await jwks.keys();
  const known = candidates(keys, header);
  const payload = await tryEach(known, tryKey);
  // The key that the token names has spoken; where there is none, the issuer may have changed its keys.
  const isNamed = known.some(({ kid }) => kid !== undefined && kid === header.kid);
  if (payload !== null || isNamed) return payload;
  const newer = await jwks.newerKeys(keys);
  const second = await tryEach(candidates(newer, header), tryKey);
  if (second === null && !jwks.isUpToDate()) throw keysUnavailable(jwks.nextAttemptMs());
  return second;
}

/** A `kid` is compared and nothing else: it is no path, no address and no property's name. */
function candidates(keys: KnownKeys, { alg, kid }: Header): readonly VerificationKey[] {
  return (keys ?? [])
    .filter((key) => key.alg === alg && (kid === undefined || key.kid === undefined || key.kid === kid))
    .slice(0, MAX_TRIED_KEYS);
}

async function tryEach(keys: readonly VerificationKey[], tryKey: TryKey): Promise<JWTPayload | null> {
  for (const { key } of keys) {
    const payload = await tryKey(key);
    if (payload !== null) return payload;
  }
  return null;
}

/** 503 and not 401: the token may well be good, and a client throws away what is called bad. */
function keysUnavailable(nextAttemptMs: number): Failure {
  const detail = 'The keys that tokens are checked with cannot be fetched right now. Try again in a moment.';
  return new Failure('keys-unavailable', detail, { retryAfterSeconds: Math.max(1, Math.ceil(nextAttemptMs / 1000)) });
}

function notValid(cause?: unknown): Failure {
  return new Failure('unauthenticated', 'The token is not valid.', { cause });
}
