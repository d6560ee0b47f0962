/** What the single executable carries beside its program: pages, native libraries, licences. Anywhere else there is nothing. */
import { getRawAsset, isSea } from 'node:sea';
import type { LibraryName } from './library-name.ts';

/** An addon and what it needs beside it, under the paths by which they find each other. */
export type Library = {
  name: LibraryName;
  /** Of all that is in it. */
  sha256: string;
  /** Path of the one that is loaded; it loads the others. */
  addon: string;
  files: readonly { path: string; sha256: string }[];
};

export type Manifest = {
  /** Names of files, as in `dist/widget/`. */
  pages: readonly string[];
  libraries: readonly Library[];
};

/** Of the blob inside the executable; what is carried besides is named by its path. */
export const MANIFEST = 'manifest.json';
/** The bundled server, and what V8 has compiled of it (`prepared/`). */
export const SCRIPT = 'server.cjs';
export const PREPARED = 'server.bin';
export const LICENCES = 'THIRD-PARTY-LICENSES.txt';
export const pagePath = (name: string) => `pages/${name}`;
export const libraryPath = ({ name }: Pick<Library, 'name'>, file: string) => `libraries/${name}/${file}`;

/** Null where the program runs under a Node of its own, from files. */
export function readManifest(): Manifest | null {
  return isSea() ? JSON.parse(readEmbedded(MANIFEST).toString()) : null;
}

/** Not copied: a view into the executable, which nobody may write to. @throws where it carries nothing of this name */
export function readEmbedded(name: string): Buffer {
  return Buffer.from(getRawAsset(name) as ArrayBuffer);
}
