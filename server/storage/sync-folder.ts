/** Puts a folder's entries on disk: a file that was made, renamed or removed is so after a power cut too. */
import { open } from 'node:fs/promises';

export async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; its file system keeps the order of these changes by itself.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  await handle.sync().finally(() => handle.close());
}
