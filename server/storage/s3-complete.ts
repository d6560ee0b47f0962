/** Puts the parts of a multipart upload together, and finds out whether that was done. */

import type { Multipart } from '../rules/s3-upload.ts';
import type { Bucket } from './s3-bucket.ts';
import type { S3Multiparts } from './s3-multipart.ts';
import type { IncomingNames } from './s3-pieces.ts';
import type { S3Reader } from './s3-read.ts';
import type { S3Uploads } from './s3-uploads.ts';

/** What works on the unfinished uploads in a bucket. */
export type S3Needs = {
  bucket: Bucket;
  multiparts: S3Multiparts;
  uploads: S3Uploads;
  reader: S3Reader;
  names: IncomingNames;
  /** Above it a copy is made in parts. */
  largeCopyBytes: number;
};

/**
 * What the store answers does not decide: an answer may be lost, or say 200 with a fault. The object does:
 * where it is with all bytes and the multipart upload is no more, the parts were put together. Its size alone says nothing,
 * since there may have been a damaged one.
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
    const isDone = await isCompleted(bucket, multipart, sizeBytes).catch(() => false);
    if (!isDone) throw error;
  }
}

async function isCompleted(bucket: Bucket, { key, id }: Multipart, sizeBytes: number): Promise<boolean> {
  if ((await bucket.sizeOf(key)) !== sizeBytes) return false;
  for await (const begun of bucket.multiparts(key)) if (begun.key === key && begun.id === id) return false;
  return true;
}
