/** Puts the parts of a multipart upload together, and finds out whether that was done. */
import type { Bucket } from './s3-bucket.ts';
import type { S3Multiparts } from './s3-multipart.ts';
import type { IncomingNames } from './s3-pieces.ts';
import type { S3Reader } from './s3-read.ts';
import type { Multipart, S3Uploads } from './s3-uploads.ts';

/** What works on the unfinished uploads in a bucket. */
export type S3Needs = {
  bucket: Bucket;
  multiparts: S3Multiparts;
  uploads: S3Uploads;
  reader: S3Reader;
  names: IncomingNames;
};

/**
 * What the store answers does not decide: an answer may be lost, or say 200 with a fault. The object does. Its name is one
 * upload's alone, so that where it is with all bytes, the parts were put together.
 */
export async function completeOrFind(
  { bucket, multiparts }: Pick<S3Needs, 'bucket' | 'multiparts'>,
  multipart: Multipart,
  etags: readonly string[],
  sizeBytes: number,
): Promise<void> {
  try {
    await multiparts.complete(multipart, etags);
  } catch (error) {
    const found = await bucket.sizeOf(multipart.key).catch(() => null);
    if (found !== sizeBytes) throw error;
  }
}
