/** Puts a folder's entries on disk: a file that was made, renamed or removed is so after a power cut too. */
import { closeSync, fsync, openSync } from 'node:fs';

export type SyncFolder = (folder: string) => Promise<void>;

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

/** @param sync fsync or fdatasync */
export function synced(sync: typeof fsync, open: number): Promise<void> {
  return new Promise((resolve, reject) => {
    sync(open, (error) => (error === null ? resolve() : reject(error)));
  });
}
