/** Programs in a ZIP file: known by their names and by how they begin, as they would be outside of it. */
import { cleanFileName, extensionOf } from './file-name.ts';
import { forbiddenByBytes } from './forbidden-bytes.ts';
import { type ForbiddenKind, forbiddenByExtension } from './forbidden-types.ts';
import type { ZipEntry } from './zip-directory.ts';

/** What runs when it is opened on a desktop. Pages and pictures in an archive run nothing in anybody's browser. */
const RUNS: readonly ForbiddenKind[] = ['program', 'script', 'shortcut', 'macro'];

/** The kind of program that an entry is; undefined for all others. @param head how it begins; empty where nobody knows */
export function programIn({ path, names }: ZipEntry, head: Uint8Array): ForbiddenKind | undefined {
  const kinds = [path, ...names].map((name) => forbiddenByExtension(extensionOf(cleanFileName(name))));
  return [...kinds, head.length === 0 ? undefined : forbiddenByBytes(head)].find((kind) => kind && RUNS.includes(kind));
}
