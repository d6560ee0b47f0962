/** A ZIP file's own directory, read by yauzl within limits; nothing is unpacked. */
import { constants, inflateRawSync } from 'node:zlib';
import {
  type Entry,
  fromRandomAccessReaderPromise,
  getFileNameLowLevel,
  type LocalFileHeader,
  type ZipFile,
} from 'yauzl';
import { createReadByPages } from './read-by-pages.ts';
import type { WholeFile } from './whole-file.ts';
import { comparableName } from './zip-head.ts';
import { ZipPages } from './zip-pages.ts';

/** Entries of a ZIP file that is let in: clamd, too, looks at no more than these by default (`MaxFiles`). */
const MAX_ENTRIES = 10_000;
/** Bytes of the directory that lists them: 400 for each. */
const MAX_DIRECTORY_BYTES = 4 * 1024 * 1024;

/** DEFLATE's own tables may fill most of it before the first bytes come. */
const PACKED_HEAD_BYTES = 512;
/** Tried first: it makes 66 kB at most, where all of the above would make half a megabyte of each of thousands of entries. */
const FIRST_PACKED_BYTES = 64;
/** Bytes by which a program is known. */
const ENOUGH_BYTES = 64;
const DEFLATED = 8;

const END_RECORD_BYTES = 22;
const END_LOCATOR_64_BYTES = 20;
const END_RECORD_64 = 0x06064b50;
const LOCAL_HEADER_BYTES = 30;

export type ZipEntry = {
  /** As a program that unpacks it would call it, with `/` between folders. */
  path: string;
  /** The same for comparisons, in lower case; both, where the entry has another name in an extra field (0x7075). */
  names: readonly string[];
  /** Where the entry's own header begins, in bytes from the start of the file. */
  headerAt: number;
  packedBytes: number;
  /** As it says itself. */
  unpackedBytes: number;
  isEncrypted: boolean;
  isStored: boolean;
  /** Type bits of a Unix mode (`S_IFMT`), 0 where another system wrote the entry. */
  unixType: number;
  listed: Entry;
};

export type ZipDirectory = {
  entries: readonly ZipEntry[];
  /** Where the directory begins: no entry reaches beyond. */
  directoryAt: number;
  /** The header before the entry's data; undefined when there is none, or its data would leave the file. */
  localHeader(entry: ZipEntry): Promise<LocalFileHeader | undefined>;
  /** How what an entry holds begins, in memory and by the few bytes that are packed there; empty where that cannot be told. */
  head(entry: ZipEntry, dataAt: number): Promise<Uint8Array>;
};

/**
 * The directory by APPNOTE.TXT 4.3.12 to 4.3.16, ZIP64 included. `damaged`: there is none that fills exactly the room up to
 * the end record and says the same as that one: readers disagree about such files, so their contents cannot be vouched for.
 * Throws what `read` throws, and nothing else.
 */
export async function readZipDirectory(file: WholeFile): Promise<ZipDirectory | 'damaged' | 'too-many'> {
  const read = createReadByPages(file.read);
  const pages = new ZipPages(read);
  // What yauzl cannot read is damaged, unless it was the store that failed.
  const orDamaged = (): undefined => {
    if (pages.storeFault !== undefined) throw pages.storeFault;
  };
  const options = { autoClose: false, decodeStrings: false };
  const zip = await fromRandomAccessReaderPromise(pages, file.sizeBytes, options).catch(orDamaged);
  if (zip === undefined) return 'damaged';
  const endAt = file.sizeBytes - END_RECORD_BYTES - zip.comment.length;
  const directoryAt = Number(zip.readEntryCursor);
  if (directoryAt > endAt) return 'damaged';
  if (zip.entryCount > MAX_ENTRIES || endAt - directoryAt > MAX_DIRECTORY_BYTES) return 'too-many';
  const entries = await readEntries(zip).catch(orDamaged);
  if (entries === undefined || !(await endsThere(file, zip, directoryAt, endAt))) return 'damaged';
  return {
    entries,
    directoryAt,
    localHeader: ({ listed }) => zip.readLocalFileHeaderPromise(listed).catch(orDamaged),
    head: async (entry, dataAt) =>
      unpackedHead(entry, await read(dataAt, Math.min(entry.packedBytes, PACKED_HEAD_BYTES))),
  };
}

async function readEntries(zip: ZipFile): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  for await (const entry of zip.eachEntry()) entries.push(toZipEntry(entry));
  return entries;
}

/** Only what is stored or deflated; what is encrypted says nothing. */
function unpackedHead({ isEncrypted, isStored, listed }: ZipEntry, packed: Uint8Array): Uint8Array {
  if (isEncrypted || packed.length === 0) return new Uint8Array();
  if (isStored) return packed;
  if (listed.compressionMethod !== DEFLATED) return new Uint8Array();
  try {
    for (let bytes = FIRST_PACKED_BYTES; ; bytes *= 2) {
      const head = inflateRawSync(packed.subarray(0, bytes), { finishFlush: constants.Z_SYNC_FLUSH });
      if (head.length >= ENOUGH_BYTES || bytes >= packed.length) return head;
    }
  } catch {
    // Damaged, and so nothing that anybody could run.
    return new Uint8Array();
  }
}

/** The directory ends where the end record (or ZIP64's, before it) begins, and that one says so too. */
async function endsThere(file: WholeFile, zip: ZipFile, directoryAt: number, endAt: number): Promise<boolean> {
  const directoryEnd = Number(zip.readEntryCursor);
  const end = viewOf(await file.read(endAt, END_RECORD_BYTES));
  const says = (value: number, real: number, unsaid: number) => value === real || value === unsaid;
  if (!says(end.getUint16(10, true), zip.entryCount, 0xffff)) return false;
  if (!says(end.getUint32(12, true), directoryEnd - directoryAt, 0xffffffff)) return false;
  if (!says(end.getUint32(16, true), directoryAt, 0xffffffff)) return false;
  if (directoryEnd === endAt) return true;
  if (directoryEnd + 12 + END_LOCATOR_64_BYTES > endAt) return false;
  const record = viewOf(await file.read(directoryEnd, 12));
  const recordEnd = directoryEnd + 12 + Number(record.getBigUint64(4, true));
  return record.getUint32(0, true) === END_RECORD_64 && recordEnd + END_LOCATOR_64_BYTES === endAt;
}

function toZipEntry(listed: Entry): ZipEntry {
  const { generalPurposeBitFlag, versionMadeBy, externalFileAttributes, extraFields } = listed;
  // With `decodeStrings` off these are bytes, and so nothing is read from names yet.
  const path = getFileNameLowLevel(generalPurposeBitFlag, listed.fileNameRaw, extraFields, false);
  const bare = comparableName(listed.fileNameRaw);
  const names = new Set([bare, path.toLowerCase()]);
  // 3 is Unix, 19 macOS (4.4.2).
  const isUnix = [3, 19].includes(versionMadeBy >>> 8);
  return {
    path,
    names: [...names],
    headerAt: listed.relativeOffsetOfLocalHeader,
    packedBytes: listed.compressedSize,
    unpackedBytes: listed.uncompressedSize,
    isEncrypted: listed.isEncrypted(),
    isStored: listed.compressionMethod === 0,
    unixType: isUnix ? (externalFileAttributes >>> 16) & 0xf000 : 0,
    listed,
  };
}

/** Of an entry's own header and its data, as far as the directory knows. */
export function leastEnd({ headerAt, packedBytes, listed }: ZipEntry): number {
  return headerAt + LOCAL_HEADER_BYTES + listed.fileNameLength + packedBytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
