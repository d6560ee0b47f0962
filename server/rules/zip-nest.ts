/** Archives in an archive that lie there as they are: those can be looked into without unpacking anything. */
import type { WholeFile } from './whole-file.ts';
import { readZipDirectory, type ZipDirectory, type ZipEntry } from './zip-directory.ts';
import { hazardInDirectory, MAX_UNPACKED_BYTES } from './zip-hazards.ts';

/** Archives below each other; a person packs something twice, and hardly a third time. */
const MAX_DEPTH = 3;
/** Archives that are looked into, of all depths together: each costs a few reads. */
const MAX_LOOKED_INTO = 50;

const ZIP_NAME = /\.(?:jar|zipx?)$/;

type Looked = { archives: number; unpackedBytes: number };

/** Whether an archive in this one is unsafe itself, they are too deep or too many, or unpack to too much together. */
export async function nestIsUnsafe(directory: ZipDirectory, file: WholeFile): Promise<boolean> {
  return lookInto(directory, file, { archives: 0, unpackedBytes: 0 }, 1);
}

async function lookInto(directory: ZipDirectory, file: WholeFile, looked: Looked, depth: number): Promise<boolean> {
  for (const entry of directory.entries) {
    if (!entry.isStored || entry.isEncrypted || !entry.names.some((name) => ZIP_NAME.test(name))) continue;
    looked.archives += 1;
    if (depth > MAX_DEPTH || looked.archives > MAX_LOOKED_INTO) return true;
    const inner = await dataOf(directory, entry, file);
    const innerDirectory = inner === undefined ? 'damaged' : await readZipDirectory(inner);
    // What no program can open is a file like any other.
    if (inner === undefined || innerDirectory === 'damaged') continue;
    if (innerDirectory === 'too-many' || hazardInDirectory(innerDirectory, inner.sizeBytes) !== null) return true;
    looked.unpackedBytes += innerDirectory.entries.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
    if (looked.unpackedBytes > Math.max(MAX_UNPACKED_BYTES, 2 * file.sizeBytes)) return true;
    if (await lookInto(innerDirectory, inner, looked, depth + 1)) return true;
  }
  return false;
}

/** The bytes of an entry that is stored, as a file. */
async function dataOf({ localHeader }: ZipDirectory, entry: ZipEntry, file: WholeFile): Promise<WholeFile | undefined> {
  const header = await localHeader(entry);
  if (header === undefined) return undefined;
  const { packedBytes: sizeBytes } = entry;
  return {
    sizeBytes,
    read: async (position, lengthBytes) => {
      const length = Math.min(lengthBytes, sizeBytes - position);
      if (position < 0 || length <= 0) return new Uint8Array();
      return file.read(header.fileDataStart + position, length);
    },
  };
}
