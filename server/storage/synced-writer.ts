/** Writes batches to an open file and knows up to where they are really on the disk. */
import type { FileHandle } from 'node:fs/promises';
import { type DirectFile, PAGE_BYTES } from './direct-file.ts';
import { DISK_SYNCS, type DiskSyncs } from './disk-syncs.ts';

/** Written since the last sync: above this one is started beside the writing, so that the last is short. */
const SYNC_EVERY_BYTES = 16 * 1024 * 1024;

export type SyncedWriter = {
  /** @param areBlocks of the pool; each ends with a page of the file: a fast way may be open to them */
  write(batch: Buffer[], bytes: number, areBlocks?: boolean): Promise<void>;
  position(): number;
  /** Everything that was written is on disk when this returns. @throws after cutting the file back to what is */
  settle(): Promise<number>;
};

/**
 * A sync that failed must not be followed by another one that succeeds: Linux reports a failed write-back once, drops
 * the pages, and calls the file clean. So the first failure is kept, and what was written since the last good sync is
 * cut off; otherwise HEAD would find bytes that are not there.
 */
export function createSyncedWriter(
  file: FileHandle,
  offset: number,
  direct: DirectFile | null = null,
  syncs: Pick<DiskSyncs, 'file'> = DISK_SYNCS,
): SyncedWriter {
  let position = offset;
  let syncedTo = offset;
  /** Up to where bytes may wait in the page cache. */
  let cachedTo = offset;
  let syncing: Promise<void> | null = null;
  let fault: unknown = null;

  const sync = async (): Promise<void> => {
    const upTo = position;
    try {
      await syncs.file(file);
      syncedTo = upTo;
    } catch (error) {
      fault ??= error;
    }
  };
  const writeCached = async (batch: Buffer[], bytes: number): Promise<void> => {
    await writeBatch(file, batch, bytes, position);
    position += bytes;
    if (bytes > 0) cachedTo = position;
  };
  // A write past the cache makes the file longer on disk at once. What lies before it in the cache would be a hole after a
  // power cut, full of zeros, and counted.
  const syncCached = async (): Promise<void> => {
    await syncing;
    if (cachedTo > syncedTo && fault === null) await sync();
    if (fault !== null) throw fault;
  };
  /** What lies before the first whole page, and what the fast way leaves, goes the ordinary way. */
  const writeBlocks = async (way: DirectFile, blocks: readonly Buffer[], bytes: number): Promise<void> => {
    const before = (PAGE_BYTES - (position % PAGE_BYTES)) % PAGE_BYTES;
    if (before > 0) await writeCached(cut(blocks, 0, before), before);
    if (cachedTo > syncedTo) await syncCached();
    const pages = cut(blocks, before, bytes);
    const written = await way.write(pages, position);
    position += written;
    const left = bytes - before - written;
    if (left > 0) await writeCached(cut(pages, written, bytes - before), left);
  };
  return {
    async write(batch, bytes, areBlocks = false) {
      if (fault !== null) throw fault;
      if (areBlocks && direct !== null) await writeBlocks(direct, batch, bytes);
      else await writeCached(batch, bytes);
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

/** What of the chunks lies from one byte to another, none of it empty. */
function cut(chunks: readonly Buffer[], from: number, to: number): Buffer[] {
  const parts: Buffer[] = [];
  let at = 0;
  for (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, from - at), Math.max(0, to - at));
    if (part.length > 0) parts.push(part);
    at += chunk.length;
  }
  return parts;
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
