/** Writes a whole file on the local disk, from a stream whose length is known. */
import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { DiskSyncs } from './disk-syncs.ts';

/** What is being written lies under an upload's name and this, until it is whole. */
export const WRITING = '.writing';

/** On disk when this returns. @throws when not all bytes came; nothing stays then */
export async function writeWhole(file: string, body: Readable, sizeBytes: number, syncs: DiskSyncs): Promise<void> {
  const handle = await open(file, 'w', 0o600);
  try {
    await handle.writeFile(body);
    const { size } = await handle.stat();
    if (size !== sizeBytes) throw new Error(`${size} bytes came instead of ${sizeBytes}`);
    await syncs.file(handle);
  } catch (error) {
    // On a full disk what was written is needed by others.
    await rm(file, { force: true }).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}
