/** Writes a small file on the local disk straight at its place: one open, one write, its bytes and its name synced. */
import { closeSync, mkdirSync, openSync, writevSync } from 'node:fs';
import path from 'node:path';
import type { DiskSyncs } from './disk-syncs.ts';

/** Of `openSync`: made here, by nobody else, and for nobody else to read. */
const NEW_FILE = 'wx';
const MODE = 0o600;

/**
 * Opening and writing do not leave the event loop: some ten microseconds each, where a thread of the pool, a promise and a
 * FileHandle cost several times as much CPU as the work. They wait for no disk, since what is written goes to the page
 * cache; where the kernel makes writers wait, because too much waits there, it is for what comes to a few hundred KiB, and
 * less than SQLite's own commits, which wait for the disk in this thread too. The syncs do wait for it, so they are the pool's.
 * @param syncBytes, syncName wait for the disk, one beside the other: for the file's bytes, and for its name in its folder
 * @throws when there is a file already. What a fault leaves there is the caller's to remove
 */
export async function writeAtOnce(
  file: string,
  bytes: readonly Uint8Array[],
  sizeBytes: number,
  syncBytes: DiskSyncs['opened'],
  syncName: () => Promise<void>,
): Promise<void> {
  const open = openNew(file);
  try {
    writeAll(open, bytes, sizeBytes);
    // Both have ended before the file is closed: its number would be another's.
    const syncs = await Promise.allSettled([syncBytes(open), syncName()]);
    for (const sync of syncs) if (sync.status === 'rejected') throw sync.reason;
  } finally {
    closeSync(open);
  }
}

/** Most chats have a folder already. */
function openNew(file: string): number {
  try {
    return openSync(file, NEW_FILE, MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    return openSync(file, NEW_FILE, MODE);
  }
}

function writeAll(open: number, bytes: readonly Uint8Array[], sizeBytes: number): void {
  if (sizeBytes === 0) return;
  let written = writevSync(open, bytes as NodeJS.ArrayBufferView[], 0);
  // A short write: the disk is nearly full. The rest fails with the true reason, or fits.
  while (written < sizeBytes) {
    const rest = Buffer.concat(bytes).subarray(written);
    if (rest.length === 0) throw new Error(`${written} bytes came instead of ${sizeBytes}`);
    written += writevSync(open, [rest], written);
  }
}
