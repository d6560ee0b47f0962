/** Loads a native library of the single executable. The bundle calls it where a package asks for its addon. */
import path from 'node:path';
import { type Library, libraryPath, readEmbedded, readManifest } from './embedded.ts';
import type { LibraryName } from './library-name.ts';
import { removeOldLibraries } from './remove-old-libraries.ts';
import { unpackFolders } from './unpack-folders.ts';
import { unpackLibrary } from './unpack-library.ts';

/** The first word of a process that decodes pictures: nobody types it. */
export const PREVIEW_WORKER_WORD = 'preview-worker';

/** Packages ask from deep inside, where nobody can hand them anything: so the entry says it here, once. */
let folders: readonly string[] = [];

export function unpackInto(env: NodeJS.ProcessEnv): void {
  folders = unpackFolders(env);
}

/** For a process of its own out of the same executable, whose environment is else empty. */
export function unpackSetting(): { UNPACK_DIR: string } {
  return { UNPACK_DIR: folders.join(path.delimiter) };
}

/**
 * @public in the bundle of the executable
 * @throws with what is wrong with each folder, and what to do
 */
export function loadLibrary(name: LibraryName): unknown {
  const library = readManifest()?.libraries.find((each) => each.name === name);
  if (library === undefined) throw new Error(`This executable carries no library ${name}.`);
  const faults: string[] = [];
  for (const folder of folders) {
    try {
      return loadFrom(folder, library);
    } catch (error) {
      faults.push(`- ${folder}: ${(error as Error).message}`);
    }
  }
  throw new Error(
    `The library ${name}, which this executable carries, cannot be unpacked and loaded:\n${faults.join('\n')}\nSet UNPACK_DIR to a folder of this user, closed to others, on a file system from which programs may be run.`,
  );
}

/** @throws too where the file system forbids to run anything from it */
function loadFrom(folder: string, library: Library): unknown {
  const addon = unpackLibrary(library, folder, (file) => readEmbedded(libraryPath(library, file)));
  const module = { exports: {} };
  process.dlopen(module, addon);
  removeOldLibraries(addon.slice(0, -library.addon.length - 1), Date.now());
  return module.exports;
}
