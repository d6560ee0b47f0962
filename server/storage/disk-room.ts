/** How much room a disk has, for whoever looks after it. */
import { statfs } from 'node:fs/promises';

/** Bytes that this user may still write, and all that the disk has. @throws where the folder is not there */
export async function diskRoom(folder: string): Promise<{ freeBytes: number; totalBytes: number }> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
