/** What is on the local disk, for whoever copies it while a server goes on. Changes nothing. */
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { countedBytes } from './local-unverified.ts';
import { ownId, ownKey } from './own-names.ts';

/** Read it to its end, or destroy it. */
export type LocalBytes = { sizeBytes: number; stream: Readable };
export type LocalReader = ReturnType<typeof createLocalReader>;

export function createLocalReader(root: string) {
  return {
    /** A shared file; null if there is none at this key. */
    object: (key: string) => read(path.join(root, ownKey(key))),
    /**
     * What has arrived of an upload, as far as it counts now; should the server take that back meanwhile, the stream is
     * shorter. Null if it has no bytes (any more).
     */
    incoming: (uploadId: string) => read(path.join(root, '.incoming', ownId(uploadId))),
  };
}

async function read(file: string): Promise<LocalBytes | null> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  return handle === null ? null : readCounted(file, handle);
}

async function readCounted(file: string, handle: FileHandle): Promise<LocalBytes> {
  try {
    const sizeBytes = await countedBytes(file, (await handle.stat()).size);
    if (sizeBytes > 0) return { sizeBytes, stream: handle.createReadStream({ start: 0, end: sizeBytes - 1 }) };
    await handle.close();
    return { sizeBytes, stream: Readable.from([]) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
