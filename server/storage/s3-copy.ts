/** Copies inside the bucket: large objects in parts, several at once, since one request would take too long and has a limit. */

import { type Multipart, type S3Upload, unchanged } from '../rules/s3-upload.ts';
import { endMultiparts } from './s3-bucket.ts';
import { completeOrFind, type S3Needs } from './s3-complete.ts';
import { MIN_PART_BYTES } from './s3-multipart.ts';
import { type Source, streamOf } from './s3-pieces.ts';
import { overtaken } from './s3-tally.ts';

/** Above it a copy is made in parts. */
export const LARGE_COPY_BYTES = 256 * 1024 * 1024;
const COPY_PART_BYTES = 64 * 1024 * 1024;
/** Smaller where there are several sources: what lies across two of them goes through here. */
const JOIN_PART_BYTES = 8 * 1024 * 1024;
const MAX_PARTS = 1_000;
const COPIES_AT_ONCE = 6;

type Needs = Pick<S3Needs, 'bucket' | 'multiparts' | 'reader'>;

/**
 * The key is noted before anything is begun there, so that what a crash leaves is found and ended. Done before or not, it is
 * done: an object of that size may be the damaged file that this one is to replace.
 */
export async function copyInParts(
  needs: S3Needs,
  upload: S3Upload,
  from: Source,
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const { bucket, uploads } = needs;
  if (upload.finalKey !== null) await endMultiparts(bucket, upload.finalKey);
  if (upload.finalKey !== key) {
    const isNoted = await uploads.change(upload.id, upload.version, { ...unchanged(upload), finalKey: key });
    if (!isNoted) throw overtaken();
  }
  await concatenate(needs, [from], key, signal);
}

/** One object of several, one behind the other. It is there with all bytes, or not at all. @throws when the signal stops it */
export async function concatenate(
  needs: Needs,
  sources: readonly Source[],
  key: string,
  signal: AbortSignal,
): Promise<void> {
  const sizeBytes = sources.reduce((sum, source) => sum + source.sizeBytes, 0);
  const partBytes = Math.max(
    sources.length === 1 ? COPY_PART_BYTES : JOIN_PART_BYTES,
    Math.ceil(sizeBytes / MAX_PARTS),
  );
  const multipart = await needs.multiparts.begin(key);
  try {
    const etags: string[] = [];
    const numbers = Array.from({ length: Math.ceil(sizeBytes / partBytes) }, (_, index) => index).values();
    const work = async () => {
      // One iterator for all: each takes the next number.
      for (const index of numbers) {
        signal.throwIfAborted();
        const range = rangeOf(sources, index * partBytes, Math.min(sizeBytes, (index + 1) * partBytes));
        etags[index] = await makePart(needs, multipart, index + 1, range, signal);
      }
    };
    await allOrNone(Array.from({ length: COPIES_AT_ONCE }, work));
    await completeOrFind(needs, multipart, etags, sizeBytes);
  } catch (error) {
    await needs.bucket.abort(multipart).catch(() => {});
    throw error;
  }
}

/** By the store itself where it can: a range of one object that is large enough. Else through here, held nowhere whole. */
async function makePart(
  { bucket, reader }: Needs,
  multipart: Multipart,
  number: number,
  range: { source: Source; whole: Source }[],
  signal: AbortSignal,
): Promise<string> {
  const [only] = range;
  if (only !== undefined && range.length === 1 && only.whole.sizeBytes > MIN_PART_BYTES) {
    const { key, first, sizeBytes } = only.source;
    return bucket.copyPart(multipart, number, key, first, first + sizeBytes - 1, signal);
  }
  const sources = range.map(({ source }) => source);
  const sizeBytes = sources.reduce((sum, source) => sum + source.sizeBytes, 0);
  return bucket.putPartStream(multipart, number, () => streamOf(reader, sources), sizeBytes);
}

/** What lies between two positions of all sources one behind the other. */
function rangeOf(sources: readonly Source[], from: number, to: number): { source: Source; whole: Source }[] {
  const found: { source: Source; whole: Source }[] = [];
  let start = 0;
  for (const whole of sources) {
    const first = Math.max(from, start);
    const end = Math.min(to, start + whole.sizeBytes);
    const source = { key: whole.key, first: whole.first + first - start, sizeBytes: end - first };
    if (first < end) found.push({ source, whole });
    start += whole.sizeBytes;
  }
  return found;
}

/** Waits for all of them, also after the first fault: none may go on behind the caller's back. */
async function allOrNone(running: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(running);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
