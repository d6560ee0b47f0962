/** One public key, bound to the one algorithm that it may verify (RFC 8725 sections 2.1 and 3.1). */
import { createPublicKey, type KeyObject } from 'node:crypto';
import * as z from 'zod';

export type PublicAlgorithm = 'RS256' | 'ES256' | 'EdDSA';
export type VerificationKey = {
  alg: PublicAlgorithm;
  /** Undefined: the key goes with every `kid`. */
  kid: string | undefined;
  key: KeyObject;
};

/** RFC 7518 section 3.3: "A key of size 2048 bits or larger MUST be used". */
const MIN_RSA_BITS = 2048;
/** A larger one makes every request slow, and the forged ones too. */
const MAX_RSA_BITS = 8192;
/** An exponent of 1 would let anybody sign; all real keys have 3 or 65537. */
const MIN_RSA_EXPONENT = 3n;
/** The same for a key and for the token that names it. */
export const MAX_KID_CHARACTERS = 256;

/** RFC 7517 section 4: what of a JWK says how it may be used. */
const jwkSchema = z.object({
  kty: z.enum(['RSA', 'EC', 'OKP']),
  use: z.literal('sig').optional(),
  key_ops: z
    .array(z.string())
    .refine((operations) => operations.includes('verify'))
    .optional(),
  alg: z.enum(['RS256', 'ES256', 'EdDSA', 'Ed25519']).optional(),
  kid: z.string().max(MAX_KID_CHARACTERS).optional(),
  d: z.undefined().optional(),
});

/** @throws an error whose message is the fault, to be read after the setting's name */
export function verificationKey(key: KeyObject, kid?: string): VerificationKey {
  return { alg: algorithmOf(key), kid, key };
}

/** @throws as `verificationKey`; a private or symmetric key is a fault and never taken */
export function verificationKeyOfJwk(jwk: unknown): VerificationKey {
  const read = jwkSchema.safeParse(jwk);
  if (!read.success) {
    const names = [...new Set(read.error.issues.map(({ path }) => path.join('.') || 'kty'))];
    if (names.includes('d')) throw new Error('holds a private key: only the public one belongs here');
    throw new Error(`holds a JWK that cannot verify RS256, ES256 or EdDSA (see its ${names.join(', ')})`);
  }
  const { alg, kid } = read.data;
  const made = verificationKey(keyOfJwk(jwk as Record<string, unknown>), kid);
  if (alg !== undefined && made.alg !== (alg === 'Ed25519' ? 'EdDSA' : alg))
    throw new Error(`holds a JWK for ${alg} whose key is of another kind`);
  return made;
}

function keyOfJwk(jwk: Record<string, unknown>): KeyObject {
  try {
    return createPublicKey({ key: jwk, format: 'jwk' });
  } catch (cause) {
    throw new Error('holds a JWK that is damaged', { cause });
  }
}

function algorithmOf(key: KeyObject): PublicAlgorithm {
  const { modulusLength = 0, publicExponent = 0n, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      if (modulusLength < MIN_RSA_BITS || modulusLength > MAX_RSA_BITS)
        throw new Error(`holds an RSA key of ${modulusLength} bits; ${MIN_RSA_BITS} to ${MAX_RSA_BITS} are allowed`);
      if (publicExponent < MIN_RSA_EXPONENT) throw new Error('holds an RSA key whose exponent is too small');
      return 'RS256';
    case 'ec':
      if (namedCurve !== 'prime256v1') throw new Error(`holds an EC key on ${namedCurve}; ES256 needs P-256`);
      return 'ES256';
    case 'ed25519':
      return 'EdDSA';
    default:
      throw new Error(`holds a key of the kind ${key.asymmetricKeyType}; RSA, EC P-256 and Ed25519 are understood`);
  }
}
