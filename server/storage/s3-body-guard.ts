/** What keeps bytes that are sent to a bucket from being stored changed, at the least that it costs. */
import { createHash, getFips } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** In the place of a hash of the body, which the signature would hold otherwise. */
export const UNSIGNED = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
/** So much is hashed before the event loop gets its turn: some two milliseconds. */
const SLICE_BYTES = 1024 * 1024;

/**
 * Headers to be signed with the request. TLS guards each byte itself. In the clear the store is told the MD5, which it makes
 * anyhow, for the ETag, and refuses bytes that it does not fit: a SHA-256 in its place would cost both sides twice as much again. Who
 * could change the bytes on their way would need others of the same MD5 as these, and those nobody can make.
 */
export async function bodyGuard(protocol: string, bytes: Buffer): Promise<Record<string, string>> {
  if (protocol === 'https:') return UNSIGNED;
  // Where MD5 is not allowed the signer hashes the body by its own way.
  if (getFips() === 1) return {};
  return { ...UNSIGNED, 'content-md5': await md5Of(bytes) };
}

async function md5Of(bytes: Buffer): Promise<string> {
  const hash = createHash('md5');
  for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
    if (at > 0) await nextTurn();
    hash.update(bytes.subarray(at, at + SLICE_BYTES));
  }
  return hash.digest('base64');
}
