/** Another service's files in a folder. No link is followed, and nothing is opened that is not a file. */
import { constants, createReadStream } from 'node:fs';
import { lstat, open, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { StoredObject } from './file-storage.ts';
import { type MediaSource, partsOf, UnsafePath } from './media-source.ts';

/** Each read of a stream. */
const STEP_BYTES = 256 * 1024;
/** What makes a name no file: there is none, or a file stands where a folder would have to. */
const MISSING = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);

/** @throws when there is no such folder */
export async function openMediaFolder(folder: string): Promise<MediaSource> {
  if (!(await stat(folder)).isDirectory()) throw new Error(`${folder} is not a folder.`);
  const root = await realpath(folder);
  return {
    async open(name) {
      const parts = partsOf(name);
      try {
        let place = root;
        for (const part of parts) {
          place = path.join(place, part);
          if ((await lstat(place)).isSymbolicLink()) throw new UnsafePath('its path leads over a link');
        }
        return await openFile(place);
      } catch (error) {
        if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return null;
        // A link that took the place of a file after it was looked at.
        if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw new UnsafePath('its path leads over a link');
        throw error;
      }
    },
    close: async () => {},
  };
}

async function openFile(file: string): Promise<StoredObject> {
  // A pipe would wait for its writer.
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  const found = await handle.stat();
  if (!found.isFile()) {
    await handle.close();
    throw new UnsafePath('what lies there is not a file');
  }
  return {
    sizeBytes: found.size,
    async read(position, lengthBytes) {
      const buffer = Buffer.alloc(lengthBytes);
      let filled = 0;
      while (filled < lengthBytes) {
        const { bytesRead } = await handle.read(buffer, filled, lengthBytes - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return buffer.subarray(0, filled);
    },
    stream: (first, last) => createReadStream(file, { fd: handle, start: first, end: last, highWaterMark: STEP_BYTES }),
    close: () => handle.close(),
  };
}
