/** Names of what an unfinished upload has in the bucket, and its bytes as one stream. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Piece } from '../rules/s3-upload.ts';
import { isStorageKey } from '../rules/upload-id.ts';
import type { Bucket } from './s3-bucket.ts';
import type { S3Reader } from './s3-read.ts';

/** A fault of the store leaves them to the sweep. */
const DELETE_DEADLINE_MS = 5_000;

/** `incoming/{installation}/{upload id}/…`: who shares the bucket does not touch it, and a sweep finds whose it is. */
export type IncomingNames = {
  /** Of all uploads. */
  root: string;
  folder(uploadId: string): string;
  /** A piece whose name is the file's own key is there already. */
  object(uploadId: string, name: string): string;
};

export function createIncomingNames(installation: string): IncomingNames {
  const root = `incoming/${installation}/`;
  const folder = (uploadId: string) => `${root}${uploadId}/`;
  return { root, folder, object: (uploadId, name) => (isStorageKey(name) ? name : folder(uploadId) + name) };
}

/** The object that a multipart upload becomes. */
export const WHOLE = 'whole';

/** Never one that was there: what a request left that is nobody's any more must not change what counts. */
export function newPieceName(): string {
  return randomBytes(12).toString('base64url');
}

export function bytesOf(items: readonly { sizeBytes: number }[]): number {
  return items.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** Objects one behind the other, or ranges of them, and bytes after them. */
export type Source = { key: string; first: number; sizeBytes: number };

export function streamOf(reader: S3Reader, sources: readonly Source[], after: readonly Buffer[] = []): Readable {
  async function* all() {
    for (const { key, first, sizeBytes } of sources) yield* reader.bytes(key, first, first + sizeBytes - 1);
    yield* after;
  }
  return Readable.from(all(), { objectMode: false });
}

export function sourcesOf(names: IncomingNames, uploadId: string, pieces: readonly Piece[]): Source[] {
  return pieces.map(({ name, sizeBytes }) => ({ key: names.object(uploadId, name), first: 0, sizeBytes }));
}

/** Nobody waits long for it, and nobody hears of a fault: what stays is found as orphaned. */
export async function dropObjects(bucket: Bucket, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return;
  const deadline = AbortSignal.timeout(DELETE_DEADLINE_MS);
  await Promise.allSettled(keys.map((key) => bucket.remove(key, deadline)));
}
