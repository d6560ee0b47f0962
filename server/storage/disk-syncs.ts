/** Waits until what was written is on the disk, and there after a power cut. */
import { closeSync, fdatasync, fsync, openSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';

export type SyncFolder = (folder: string) => Promise<void>;

/** Every wait of the local store for its disk. Only a bench puts something else in their place: nothing, to measure without them. */
export type DiskSyncs = {
  /** A file's bytes and its length. */
  file(handle: FileHandle): Promise<void>;
  /** The same of one that is open by its number. */
  opened(file: number): Promise<void>;
  /** A folder's entries: a file that was made, renamed or removed in it. */
  folder: SyncFolder;
};

export const DISK_SYNCS: DiskSyncs = {
  file: (handle) => handle.datasync(),
  opened: (file) => synced(fdatasync, file),
  folder: syncFolder,
};

/** Opened without leaving the event loop, as in local-put-small.ts; the sync itself waits for the disk, and is the pool's. */
export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; its file system keeps the order of these changes by itself.
  if (process.platform === 'win32') return;
  const entries = openSync(folder, 'r');
  try {
    await synced(fsync, entries);
  } finally {
    closeSync(entries);
  }
}

function synced(sync: typeof fsync, open: number): Promise<void> {
  return new Promise((resolve, reject) => {
    sync(open, (error) => (error === null ? resolve() : reject(error)));
  });
}
