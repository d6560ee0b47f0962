/** What keeps bytes that are sent to a bucket from being stored changed, at the least that it costs. */
import { createHash, getFips } from 'node:crypto';
import { createMd5Thread, type Md5Thread } from './md5-thread.ts';

/** In the place of a hash of the body, which the signature would hold otherwise. */
export const UNSIGNED = { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
/** Of what is smaller the hash is here before a thread would have been told: some two milliseconds. */
const MIN_THREAD_BYTES = 1024 * 1024;

/** @returns headers to be signed with the request */
export type BodyGuard = (protocol: string, bytes: Buffer) => Promise<Record<string, string>>;

/**
 * TLS guards each byte itself. In the clear the store is told the MD5, which it makes anyhow, for the ETag, and refuses bytes that
 * it does not fit: a SHA-256 in its place would cost both sides twice as much again. Who could change the bytes on their way would
 * need others of the same MD5 as these, and those nobody can make.
 */
export function createBodyGuard(): BodyGuard {
  const thread = createMd5Thread();
  return async (protocol, bytes) => {
    if (protocol === 'https:') return UNSIGNED;
    // Where MD5 is not allowed the signer hashes the body by its own way.
    if (getFips() === 1) return {};
    const md5 = bytes.length > MIN_THREAD_BYTES ? await md5Beside(thread, bytes) : md5Here(bytes);
    return { ...UNSIGNED, 'content-md5': md5 };
  };
}

/** A machine that has no room for a thread still stores files. */
function md5Beside(thread: Md5Thread, bytes: Buffer): Promise<string> {
  return thread.digest(bytes).catch(() => md5Here(bytes));
}

function md5Here(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('base64');
}
