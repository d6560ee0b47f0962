/** The data folders: there, writable, with room, and the files on one file system (a rename must be able to move them). */
import { constants } from 'node:fs';
import { access, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../config.ts';
import { type Check, ill, messageOf, well } from './check.ts';

/** For the database and its log, beside the files. */
const SPARE_BYTES = 64 * 1024 * 1024;
const MIB = 1024 * 1024;

export async function checkFolders(
  { mediaRoot, maxFileSizeBytes, store }: Pick<Config, 'mediaRoot' | 'maxFileSizeBytes' | 'store'>,
  folders: readonly string[],
): Promise<Check[]> {
  const checks: Check[] = [];
  // Files in a bucket need no room here.
  const isLocal = store === 'local';
  const fileBytes = isLocal ? maxFileSizeBytes : 0;
  const withFiles = isLocal ? [mediaRoot] : [];
  for (const folder of new Set([...folders, ...withFiles])) checks.push(await checkFolder(folder, fileBytes));
  if (isLocal) checks.push(await checkOneFileSystem(mediaRoot));
  return checks;
}

async function checkFolder(folder: string, fileBytes: number): Promise<Check> {
  const name = `folder ${folder}`;
  try {
    const existing = await nearestExisting(folder);
    if (!(await stat(existing)).isDirectory())
      return ill(name, `${existing} is not a folder`, 'Move it away, or set another DATA_DIR or MEDIA_ROOT.');
    await access(existing, constants.R_OK | constants.W_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(existing);
    const freeBytes = bavail * bsize;
    const room = `${Math.floor(freeBytes / MIB)} MiB free`;
    if (freeBytes < fileBytes + SPARE_BYTES)
      return ill(
        name,
        fileBytes > 0 ? `${room}: not enough for one file of CHAT_MAX_FILE_SIZE` : `${room}: not enough`,
        'Make room, or move it to a larger disk.',
      );
    return well(name, existing === folder ? `writable, ${room}` : `not there yet, the first start makes it; ${room}`);
  } catch (error) {
    return ill(name, messageOf(error), 'Give the user that runs the server the right to read and write it.');
  }
}

/** The folder itself, or the one in which it will be made. */
async function nearestExisting(folder: string): Promise<string> {
  for (let current = folder; ; current = path.dirname(current)) {
    const found = await stat(current).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (found !== null) return current;
  }
}

async function checkOneFileSystem(mediaRoot: string): Promise<Check> {
  const name = 'one file system';
  const devices = new Map<number, string>();
  for (const part of ['.incoming', 'chat']) {
    const found = await stat(path.join(mediaRoot, part)).catch(() => null);
    if (found !== null) devices.set(found.dev, part);
  }
  if (devices.size < 2) return well(name, 'unfinished and finished files are moved by a rename');
  const remedy = `Mount one volume on ${mediaRoot} as a whole, not on a folder in it.`;
  return ill(name, `${[...devices.values()].join(' and ')} of ${mediaRoot} are on different ones`, remedy);
}
