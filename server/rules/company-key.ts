/** A signing key of one company: read from what an operator hands in, and what may be shown of it. */
import { createHash, createPublicKey } from 'node:crypto';
import { readPublicKeys } from './public-keys.ts';
import { MAX_KID_CHARACTERS, type VerificationKey } from './verification-key.ts';

/** All that could have signed are tried. */
export const MAX_COMPANY_KEYS = 10;
const MIN_SECRET_BYTES = 32;
const MAX_MATERIAL_CHARACTERS = 16 * 1024;
const FINGERPRINT_CHARACTERS = 32;
const ID = /^[A-Za-z0-9_.-]{1,64}$/;
/** In an address they lead to what is above. */
const NO_IDS = ['.', '..'];

/** `material` is the secret itself, or a public key as it was handed in. */
export type KeyMaterial = { kind: 'secret' | 'public'; material: string; fingerprint: string };
/** What is shown of a key. */
export type CompanyKey = { id: string; kind: KeyMaterial['kind']; fingerprint: string; createdAt: number };

/** A key's name for the operator: to tell keys apart and to remove one. */
export function isKeyId(text: unknown): text is string {
  return typeof text === 'string' && ID.test(text) && !NO_IDS.includes(text);
}

/**
 * A public key by its form (one PEM block or one JWK), else a secret of HS256.
 * @throws an error whose message is the fault; it never holds the text
 */
export function readKeyMaterial(text: string): KeyMaterial & { suggestedId: string } {
  const material = text.trim();
  if (material.length > MAX_MATERIAL_CHARACTERS) throw new Error('is too long for a key');
  if (!/^\{|-----BEGIN/.test(material)) return readSecret(material);
  const { kid, key } = publicKeyOf(material);
  const fingerprint = fingerprintOf(key.export({ type: 'spki', format: 'der' }));
  const suggestedId = kid !== undefined && kid.length <= MAX_KID_CHARACTERS && isKeyId(kid) ? kid : idOf(fingerprint);
  return { kind: 'public', material, fingerprint, suggestedId };
}

/** @throws as `readKeyMaterial` */
export function publicKeyOf(material: string): VerificationKey {
  const [key, ...more] = readPublicKeys(material);
  if (key === undefined || more.length > 0) throw new Error('holds more than one key: add each by itself');
  return key;
}

/** A public key is known to all: as a secret it would let everybody sign. */
function readSecret(material: string): KeyMaterial & { suggestedId: string } {
  if (/^ssh-|^ecdsa-/.test(material) || isBareSpki(material))
    throw new Error('is a public key without its frame: a “-----BEGIN PUBLIC KEY-----” or a JWK is needed');
  const bytes = Buffer.byteLength(material);
  if (bytes < MIN_SECRET_BYTES) throw new Error(`has ${bytes} bytes; a secret needs at least ${MIN_SECRET_BYTES}`);
  const fingerprint = fingerprintOf(material);
  return { kind: 'secret', material, fingerprint, suggestedId: idOf(fingerprint) };
}

function isBareSpki(text: string): boolean {
  try {
    return createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' }).type === 'public';
  } catch {
    return false;
  }
}

/** Enough to compare two keys by, and not enough to make one of. */
function fingerprintOf(material: string | Buffer): string {
  return createHash('sha256').update(material).digest('hex').slice(0, FINGERPRINT_CHARACTERS);
}

function idOf(fingerprint: string): string {
  return `key-${fingerprint.slice(0, 8)}`;
}
