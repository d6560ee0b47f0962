/** A library of the executable as files that the system can load: each is looked at, byte for byte, before that. */
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { Library } from './embedded.ts';
import { assertPrivate, ensurePrivateFolder } from './private-folder.ts';

/** Of several processes that start at once one is first; the others take what is there then. */
const MAX_TRIES = 5;
const HASH_CHARACTERS = 16;
/** What is being unpacked has this name, so that nobody takes it for whole. */
export const UNFINISHED = '.new-';
/** Of a process that was killed meanwhile. */
const UNFINISHED_FOR_MS = 60 * 60 * 1000;

/**
 * Unpacks it into a folder below `parent` that is named by its hash, unless it is there; so versions lie side by side.
 * @returns the path of its addon; every file beside it is what the executable carries
 * @throws when `parent` cannot be kept from others, or not be written to
 */
export function unpackLibrary(library: Library, parent: string, read: (file: string) => Uint8Array): string {
  const root = ensurePrivateFolder(parent);
  const folder = path.join(root, `${library.name}-${library.sha256.slice(0, HASH_CHARACTERS)}`);
  for (let tries = 1; !isWhole(library, folder); tries += 1) {
    if (tries > MAX_TRIES) throw new Error(`${folder} is not what was unpacked into it`);
    removeUnfinished(root);
    const fresh = path.join(root, `${UNFINISHED}${randomUUID()}`);
    try {
      writeAll(library, fresh, read);
      putInPlace(library, fresh, folder);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  return path.join(folder, library.addon);
}

/** Nothing in it is missing, or other than it was; and only this user can change that. */
function isWhole({ files }: Library, folder: string): boolean {
  try {
    assertPrivate(folder);
    return files.every((file) => sha256Of(readPlainFile(path.join(folder, file.path))) === file.sha256);
  } catch {
    return false;
  }
}

/** @throws for a link */
function readPlainFile(file: string): Buffer {
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll({ files }: Library, folder: string, read: (file: string) => Uint8Array): void {
  mkdirSync(folder, { mode: 0o700 });
  for (const file of files) {
    const bytes = read(file.path);
    if (sha256Of(bytes) !== file.sha256) throw new Error('this executable is damaged: fetch it again');
    const to = path.join(folder, file.path);
    mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
    writeFileSync(to, bytes, { flag: 'wx', mode: 0o500 });
  }
}

/** What is there already is another process' work, or spoilt. The next look decides whether all is well. */
function putInPlace(library: Library, fresh: string, folder: string): void {
  try {
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    if (isWhole(library, folder)) return;
    const spoilt = path.join(path.dirname(folder), `${UNFINISHED}${randomUUID()}`);
    try {
      renameSync(folder, spoilt);
      renameSync(fresh, folder);
    } catch {
      // Another process was at the same, and faster.
    }
    rmSync(spoilt, { recursive: true, force: true });
  }
}

function removeUnfinished(root: string): void {
  for (const name of readdirSync(root)) {
    const folder = path.join(root, name);
    if (!name.startsWith(UNFINISHED)) continue;
    // It may be done by now, and have its name.
    const stats = lstatSync(folder, { throwIfNoEntry: false });
    if (stats === undefined || stats.mtimeMs > Date.now() - UNFINISHED_FOR_MS) continue;
    rmSync(folder, { recursive: true, force: true });
  }
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
