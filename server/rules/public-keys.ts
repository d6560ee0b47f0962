/** Texts that hold public keys: what an operator sets (every fault is said), and what a JWKS URL answers (faulty keys are left out). */
import { createPublicKey, type KeyObject } from 'node:crypto';
import * as z from 'zod';
import { type VerificationKey, verificationKey, verificationKeyOfJwk } from './verification-key.ts';

/** Keys of one set; a set with more is refused. */
const MAX_KEYS = 100;
const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g;
const setSchema = z.object({ keys: z.array(z.unknown()).max(MAX_KEYS) });

/**
 * One or several PEM blocks (`BEGIN PUBLIC KEY`, SPKI), a JWK, or a JWK set. A line break may be written as `\n`,
 * or as a space: that is what is left of it in many places where environment variables are kept.
 * @throws an error whose message is the fault; it never holds the text
 */
export function readPublicKeys(text: string): readonly VerificationKey[] {
  const keys = text.trim().startsWith('{') ? readJwks(text) : readPem(text.replaceAll(/\\r|\\n/g, '\n'));
  if (keys.length === 0) throw new Error('holds no public key');
  return keys;
}

/**
 * The keys of a fetched JWK set that can verify a token here. RFC 7517 section 5: "Implementations SHOULD ignore JWKs
 * within a JWK Set that use "kty" values that are not understood". Weak, private and symmetric ones are left out too.
 * @throws when it is no JWK set, or no key of it is of use
 */
export function usableKeysOfSet(document: unknown): readonly VerificationKey[] {
  const set = setSchema.safeParse(document);
  if (!set.success) throw new Error(`it is no JWK set of at most ${MAX_KEYS} keys`);
  const keys = set.data.keys.flatMap((jwk) => {
    try {
      return [verificationKeyOfJwk(jwk)];
    } catch {
      return [];
    }
  });
  if (keys.length === 0) throw new Error('it holds no key for RS256, ES256 or EdDSA');
  return keys;
}

function readJwks(text: string): VerificationKey[] {
  const document = parseJson(text);
  const set = z.object({ keys: z.array(z.unknown()) }).safeParse(document);
  const jwks = set.success ? set.data.keys : [document];
  checkCount(jwks);
  return jwks.map(verificationKeyOfJwk);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message would show a piece of the text.
    throw new Error('begins like a JWK and is not JSON');
  }
}

function readPem(text: string): VerificationKey[] {
  const blocks = [...text.matchAll(PEM_BLOCK)];
  if (text.replaceAll(PEM_BLOCK, '').trim() !== '') throw new Error('is neither PEM nor a JWK');
  checkCount(blocks);
  return blocks.map(([, label = '', base64 = '']) => {
    if (label.includes('PRIVATE')) throw new Error('holds a private key: only the public one belongs here');
    if (label !== 'PUBLIC KEY') throw new Error(`holds a “${label}”; a “PUBLIC KEY” (SPKI) is needed`);
    return verificationKey(keyOfDer(Buffer.from(base64, 'base64')));
  });
}

function checkCount(keys: readonly unknown[]): void {
  if (keys.length > MAX_KEYS) throw new Error(`holds more than ${MAX_KEYS} keys`);
}

function keyOfDer(der: Buffer): KeyObject {
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch (cause) {
    throw new Error('holds a public key that is damaged', { cause });
  }
}
