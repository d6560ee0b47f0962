/** The native libraries of this machine's kind, file by file, as the executable is to carry them. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Library } from '../embedded/embedded.ts';

const modules = path.join(import.meta.dirname, '../../node_modules');
const MACHINE = `${process.platform}-${process.arch}`;
/** On Windows it comes in the package of the addon. */
const LIBVIPS = `@img/sharp-libvips-${MACHINE}`;
const SHARED_LIBRARY = /\.(?:node|dll|dylib|so(?:\.\d+)*)$/;

/** With where it lies now. */
export type CarriedLibrary = Library & { sources: ReadonlyMap<string, string> };

/** @throws where one is not installed */
export async function carriedLibraries(): Promise<CarriedLibrary[]> {
  const sqlite = `better-sqlite3/prebuilds/${MACHINE}.node`;
  // An addon finds libvips by the way from its own folder to that one: so both keep their paths.
  const ofSharp = await sharedLibraries(`@img/sharp-${MACHINE}/lib`);
  const ofLibvips = process.platform === 'win32' ? [] : await sharedLibraries(`${LIBVIPS}/lib`);
  const addon = ofSharp.find((file) => file.endsWith('.node'));
  if (addon === undefined) throw new Error(`sharp is not there for ${MACHINE}`);
  return [await describe('sqlite', sqlite, [sqlite]), await describe('sharp', addon, [...ofSharp, ...ofLibvips])];
}

/** Their packages, as folders of the project. What is not in a bundle has no other mention. */
export function packagesOfLibraries(): string[] {
  const names = [`@img/sharp-${MACHINE}`, ...(process.platform === 'win32' ? [] : [LIBVIPS])];
  return names.map((name) => `node_modules/${name}`);
}

async function sharedLibraries(folder: string): Promise<string[]> {
  const names = await readdir(path.join(modules, folder));
  return names.filter((name) => SHARED_LIBRARY.test(name)).map((name) => `${folder}/${name}`);
}

async function describe(name: Library['name'], addon: string, paths: string[]): Promise<CarriedLibrary> {
  const files = await Promise.all(
    paths.map(async (file) => ({ path: file, sha256: sha256Of(await readFile(path.join(modules, file))) })),
  );
  const sources = new Map(paths.map((file) => [file, path.join(modules, file)]));
  return { name, addon, files, sources, sha256: sha256Of(JSON.stringify(files)) };
}

function sha256Of(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}
