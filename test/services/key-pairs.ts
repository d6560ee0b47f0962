/** Key pairs of the three public algorithms, and tokens over any header and claims, signed by node:crypto. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Claims, nowSeconds } from './tokens.ts';

export type KeyPair = { alg: 'RS256' | 'ES256' | 'EdDSA'; kid: string; privateKey: KeyObject; publicKey: KeyObject };

export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const;
const ONE_HOUR_SECONDS = 3600;
let pairsMade = 0;

export function newKeyPair(alg: KeyPair['alg'], rsaBits = 2048): KeyPair {
  pairsMade += 1;
  return { alg, kid: `key-${pairsMade}`, ...generate(alg, rsaBits) };
}

/** `BEGIN PUBLIC KEY`, as an operator would paste it. */
export function pemOf({ publicKey }: Pick<KeyPair, 'publicKey'>): string {
  return String(publicKey.export({ type: 'spki', format: 'pem' }));
}

/** As an issuer publishes it. */
export function jwkOf({ alg, kid, publicKey }: KeyPair, more: Record<string, unknown> = {}): Record<string, unknown> {
  return { ...publicKey.export({ format: 'jwk' }), alg, kid, use: 'sig', ...more };
}

/** The header names `alg` and `kid` of the pair; `header` overrides, undefined leaves out. */
export function tokenOf(pair: KeyPair, claims: Claims, header: Record<string, unknown> = {}): string {
  const { exp = nowSeconds() + ONE_HOUR_SECONDS, ...rest } = claims;
  return signedText(pair, JSON.stringify(exp === null ? rest : { ...rest, exp }), header);
}

/** The same over any text, which need not be claims. */
export function signedText(pair: KeyPair, payload: string, header: Record<string, unknown> = {}): string {
  const signed = `${encode({ alg: pair.alg, kid: pair.kid, ...header })}.${Buffer.from(payload).toString('base64url')}`;
  const digest = pair.alg === 'EdDSA' ? null : 'sha256';
  const signature = sign(digest, Buffer.from(signed), { key: pair.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

export function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function generate(alg: KeyPair['alg'], modulusLength: number) {
  if (alg === 'RS256') return generateKeyPairSync('rsa', { modulusLength });
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return generateKeyPairSync('ed25519');
}
