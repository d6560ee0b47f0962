/** Writes batches to an open file and knows up to where they are really on the disk. */
import type { FileHandle } from 'node:fs/promises';

/** Written since the last sync: above this one is started beside the writing, so that the last is short. */
const SYNC_EVERY_BYTES = 16 * 1024 * 1024;

export type SyncedWriter = {
  write(batch: Buffer[], bytes: number): Promise<void>;
  position(): number;
  /** Everything that was written is on disk when this returns. @throws after cutting the file back to what is */
  settle(): Promise<number>;
};

/**
 * A sync that failed must not be followed by another one that succeeds: Linux reports a failed write-back once, drops
 * the pages, and calls the file clean. So the first failure is kept, and what was written since the last good sync is
 * cut off; otherwise HEAD would find bytes that are not there.
 */
export function createSyncedWriter(file: FileHandle, offset: number): SyncedWriter {
  let position = offset;
  let syncedTo = offset;
  let syncing: Promise<void> | null = null;
  let fault: unknown = null;

  const sync = async (): Promise<void> => {
    const upTo = position;
    try {
      await file.datasync();
      syncedTo = upTo;
    } catch (error) {
      fault ??= error;
    }
  };
  return {
    async write(batch, bytes) {
      if (fault !== null) throw fault;
      await writeBatch(file, batch, bytes, position);
      position += bytes;
      if (position - syncedTo < SYNC_EVERY_BYTES || syncing !== null) return;
      syncing = sync().then(() => {
        syncing = null;
      });
    },
    position: () => position,
    async settle() {
      await syncing;
      if (fault === null) await sync();
      if (fault === null) return position;
      await file.truncate(syncedTo);
      throw fault;
    },
  };
}

async function writeBatch(file: FileHandle, batch: Buffer[], bytes: number, position: number): Promise<void> {
  const { bytesWritten } = await file.writev(batch, position);
  if (bytesWritten === bytes) return;
  // A short write: the disk is nearly full. The rest fails with the true reason, or fits.
  const rest = Buffer.concat(batch).subarray(bytesWritten);
  for (let written = 0; written < rest.length; ) {
    const result = await file.write(rest, written, rest.length - written, position + bytesWritten + written);
    written += result.bytesWritten;
  }
}
