/** Writes a small file on the local disk straight at its place: one open, one write, its bytes and its name synced. */
import { closeSync, fdatasync, fsync, mkdirSync, openSync, writevSync } from 'node:fs';
import path from 'node:path';

/** Of `openSync`: made here, by nobody else, and for nobody else to read. */
const NEW_FILE = 'wx';
const MODE = 0o600;

/**
 * Opening and writing do not leave the event loop: some ten microseconds each, where a thread of the pool, a promise and a
 * FileHandle cost several times as much CPU as the work. They wait for no disk, since what is written goes to the page
 * cache; where the kernel makes writers wait, because too much waits there, it is for what comes to a few hundred KiB, and
 * less than SQLite's own commits, which wait for the disk in this thread too. The syncs do wait for it, so they are the pool's.
 * @throws when there is a file already. What a fault leaves there is the caller's to remove
 */
export async function writeAtOnce(file: string, bytes: readonly Uint8Array[], sizeBytes: number): Promise<void> {
  const folder = path.dirname(file);
  const open = openNew(file, folder);
  try {
    writeAll(open, bytes, sizeBytes);
    await synced(fdatasync, open);
  } finally {
    closeSync(open);
  }
  // Windows cannot open a folder; see sync-folder.ts.
  if (process.platform === 'win32') return;
  const entries = openSync(folder, 'r');
  try {
    await synced(fsync, entries);
  } finally {
    closeSync(entries);
  }
}

/** Most chats have a folder already. */
function openNew(file: string, folder: string): number {
  try {
    return openSync(file, NEW_FILE, MODE);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
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

function synced(sync: typeof fsync, open: number): Promise<void> {
  return new Promise((resolve, reject) => {
    sync(open, (error) => (error === null ? resolve() : reject(error)));
  });
}
