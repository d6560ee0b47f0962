/** What makes a ZIP file unsafe to unpack, decided from its directory: bombs, paths that lead out, links, two truths. */
import { setImmediate } from 'node:timers/promises';
import { type LocalFileHeader, validateFileName } from 'yauzl';
import { leastEnd, type ZipDirectory, type ZipEntry } from './zip-directory.ts';

/**
 * `bomb`: unpacks to far more than it is. `nested`: so do the archives in it, or there are too many. `path`: an entry would
 * land outside. `link`: a symbolic link or a device. `ambiguous`: two readers would find two different archives in it.
 */
export type ZipHazard = 'too-many' | 'bomb' | 'nested' | 'path' | 'link' | 'ambiguous';

const MIB = 1024 * 1024;
/** Bytes to which all entries may unpack together; a ZIP file that is itself larger may unpack to twice its size. */
export const MAX_UNPACKED_BYTES = 4096 * MIB;
/** Times that a ZIP file, or an entry, may grow. Text shrinks to a tenth; DEFLATE reaches 1,032 with nothing but zeros. */
const MAX_GROWTH = 200;
/** Bytes below which growth hurts nobody. */
const SMALL_BYTES = 16 * MIB;
/** Archives inside, by their names: each hides what it holds until it is unpacked. */
const MAX_NESTED_ARCHIVES = 50;
/** Times that an archive inside may grow: what is packed already does not shrink again, unless it is a bomb of its own kind. */
const MAX_NESTED_GROWTH = 8;
const SMALL_NESTED_BYTES = 16 * 1024;
/** Entries whose own headers are read at once. */
const HEADERS_AT_ONCE = 8;
/** And looked at before others have their turn. */
const ENTRIES_A_TURN = 50;

const ARCHIVE_NAME = /\.(?:7z|ace|arj|bz2|cab|gz|jar|lzh|lzma|rar|t[bgx]z|tbz2|xz|zipx?|zst)$/;
const UNIX_FILE = 0x8000;
const UNIX_FOLDER = 0x4000;
/** Bits of the general flags (4.4.4). */
const ENCRYPTED = 0x0001;
const SIZES_FOLLOW = 0x0008;
const IN_EXTRA_FIELD = 0xffffffff;

/** By the directory alone; null when nothing speaks against it. */
export function hazardInDirectory(directory: ZipDirectory, sizeBytes: number): ZipHazard | null {
  const { entries } = directory;
  const paths = entries.map(({ path }) => path);
  if (entries.some((entry) => isUnsafePath(entry))) return 'path';
  if (entries.some(({ unixType }) => ![0, UNIX_FILE, UNIX_FOLDER].includes(unixType))) return 'link';
  if (new Set(paths).size < paths.length || overlaps(directory)) return 'ambiguous';
  if (isBomb(entries, sizeBytes)) return 'bomb';
  return hidesTooMuch(entries) ? 'nested' : null;
}

/**
 * Each entry has a header of its own before its data, which some programs believe instead of the directory: both must say
 * the same, and the data end before the next one begins. Reads all of them, by pages.
 * @param look is shown each entry, and where its data begin, while its page is at hand
 */
export async function headersAgree(
  { entries, directoryAt, localHeader }: ZipDirectory,
  look: (entry: ZipEntry, dataAt: number) => Promise<void>,
): Promise<boolean> {
  const inOrder = entries
    .toSorted((a, b) => a.headerAt - b.headerAt)
    .map((entry, index, all) => ({ entry, endsBy: all[index + 1]?.headerAt ?? directoryAt }));
  // Each reader goes through a stretch of the file, so that the pages that it reads are its own.
  const stretch = Math.ceil(inOrder.length / HEADERS_AT_ONCE);
  let agree = true;
  let seen = 0;
  const readers = Array.from({ length: HEADERS_AT_ONCE }, async (_, reader) => {
    for (const { entry, endsBy } of inOrder.slice(reader * stretch, (reader + 1) * stretch)) {
      if (!agree) return;
      const local = await localHeader(entry);
      if (local === undefined || !saysTheSame(entry, local) || local.fileDataStart + entry.packedBytes > endsBy)
        agree = false;
      else await look(entry, local.fileDataStart);
      seen += 1;
      // What is at hand keeps nobody waiting but everybody else.
      if (seen % ENTRIES_A_TURN === 0) await setImmediate();
    }
  });
  await Promise.all(readers);
  return agree;
}

/** Both of its names, and whichever way the slashes lean. */
function isUnsafePath({ path, names }: ZipEntry): boolean {
  return [path, ...names].some((name) => name.includes('\0') || validateFileName(name.replaceAll('\\', '/')) !== null);
}

/**
 * No byte belongs to two entries, none to the directory, and the file begins with one: a bomb of the overlapping kind lists
 * the same bytes a thousand times, and what is listed nowhere would be seen by a reader that starts at the front.
 */
function overlaps({ entries, directoryAt }: ZipDirectory): boolean {
  let end = 0;
  for (const [index, entry] of entries.toSorted((a, b) => a.headerAt - b.headerAt).entries()) {
    if (entry.headerAt < end || (index === 0 && entry.headerAt !== 0)) return true;
    end = leastEnd(entry);
  }
  return end > directoryAt;
}

function isBomb(entries: readonly ZipEntry[], sizeBytes: number): boolean {
  const total = entries.reduce((sum, { unpackedBytes }) => sum + unpackedBytes, 0);
  if (total > Math.max(MAX_UNPACKED_BYTES, 2 * sizeBytes)) return true;
  const grows = (unpackedBytes: number, packedBytes: number) =>
    unpackedBytes > SMALL_BYTES && unpackedBytes > MAX_GROWTH * packedBytes;
  return grows(total, sizeBytes) || entries.some(({ unpackedBytes, packedBytes }) => grows(unpackedBytes, packedBytes));
}

function hidesTooMuch(entries: readonly ZipEntry[]): boolean {
  const archives = entries.filter(({ names }) => names.some((name) => ARCHIVE_NAME.test(name)));
  if (archives.length > MAX_NESTED_ARCHIVES) return true;
  return archives.some(
    ({ unpackedBytes, packedBytes }) =>
      unpackedBytes > SMALL_NESTED_BYTES && unpackedBytes > MAX_NESTED_GROWTH * packedBytes,
  );
}

function saysTheSame({ listed }: ZipEntry, local: LocalFileHeader): boolean {
  if (!local.fileName.equals(listed.fileNameRaw) || local.compressionMethod !== listed.compressionMethod) return false;
  if (((local.generalPurposeBitFlag ^ listed.generalPurposeBitFlag) & ENCRYPTED) !== 0) return false;
  if ((local.generalPurposeBitFlag & SIZES_FOLLOW) !== 0) return true;
  const same = (said: number, real: number) => said === real || said === IN_EXTRA_FIELD;
  return same(local.compressedSize, listed.compressedSize) && same(local.uncompressedSize, listed.uncompressedSize);
}
