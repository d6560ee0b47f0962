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

/** So much is not used up before the next look. */
const PLENTY_BYTES = 4 * 1024 * 1024 * 1024;
const LOOK_EVERY_MS = 1_000;

/** `freeBytes`, asked of the disk once a second while there is plenty, and each time where there is not. */
export function createKnownRoom(storage: Pick<FileStorage, 'freeBytes'>, now: () => number): FileStorage['freeBytes'] {
  let known = { bytes: 0, askedAt: 0 };
  return async () => {
    const ageMs = now() - known.askedAt;
    if (known.bytes > PLENTY_BYTES && ageMs >= 0 && ageMs < LOOK_EVERY_MS) return known.bytes;
    known = { bytes: await storage.freeBytes(), askedAt: now() };
    return known.bytes;
  };
}
