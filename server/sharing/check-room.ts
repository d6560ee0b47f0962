/** Is there room for that many bytes more? */
import { Failure } from '../rules/failure.ts';
import type { FileStorage } from '../storage/file-storage.ts';

/** Kept free on the disk. */
const RESERVED_BYTES = 256 * 1024;

/**
 * Refused before the first byte, and with room left for the database: a full disk could not even delete.
 * @throws {Failure} `storage-full`
 */
export async function checkRoom(storage: Pick<FileStorage, 'freeBytes'>, sizeBytes: number): Promise<void> {
  if ((await storage.freeBytes()) >= sizeBytes + RESERVED_BYTES) return;
  throw new Failure('storage-full', 'The server has no room for this file right now.', { retryAfterSeconds: 60 });
}
