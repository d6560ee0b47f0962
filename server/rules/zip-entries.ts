/** The names in a ZIP file, read from its first bytes or from its directory, within limits. */

/** How much of a directory is read, in bytes, and how many entries of it are looked at. */
const MAX_DIRECTORY_BYTES = 1024 * 1024;
const MAX_ENTRIES = 10_000;

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_HEADER = 0x02014b50;
const END_RECORD = 0x06054b50;
const END_RECORD_64 = 0x06064b50;
const END_LOCATOR_64 = 0x07064b50;
const END_RECORD_BYTES = 22;
const END_LOCATOR_64_BYTES = 20;
const END_RECORD_64_BYTES = 56;
const MAX_COMMENT_BYTES = 0xffff;

export type ZipEntry = {
  /** In lower case and with `/` between folders, for comparisons; not for showing. */
  name: string;
  /** Where the entry's own header begins, in bytes from the start of the file. */
  headerAt: number;
};

/** Reads `lengthBytes` from `position` on; fewer bytes when the file ends before. */
export type ReadBytes = (position: number, lengthBytes: number) => Promise<Uint8Array>;

/**
 * The entries of a whole ZIP file from its directory (APPNOTE.TXT 4.3.12 to 4.3.16, ZIP64 included): at most 10,000, from
 * at most 1 MiB of directory, further ones are not looked at. Undefined when there is no directory that ends where the end
 * record begins, or it cannot be read: readers disagree about such files, so their contents cannot be vouched for.
 */
export async function readZipDirectory(sizeBytes: number, read: ReadBytes): Promise<ZipEntry[] | undefined> {
  const tailAt = Math.max(0, sizeBytes - END_RECORD_BYTES - MAX_COMMENT_BYTES - END_LOCATOR_64_BYTES);
  const tail = viewOf(await read(tailAt, sizeBytes - tailAt));
  const endAt = findEndRecord(tail);
  if (endAt === undefined) return undefined;
  const end = (await readEnd64(tail, endAt, read)) ?? {
    at: tailAt + endAt,
    directoryBytes: tail.getUint32(endAt + 12, true),
    directoryAt: tail.getUint32(endAt + 16, true),
  };
  if (end.directoryAt + end.directoryBytes !== end.at) return undefined;
  const lengthBytes = Math.min(end.directoryBytes, MAX_DIRECTORY_BYTES);
  const directory = await read(end.directoryAt, lengthBytes);
  if (directory.byteLength !== lengthBytes) return undefined;
  return parseDirectory(viewOf(directory), lengthBytes < end.directoryBytes);
}

/** The names of the entries that the first bytes of a ZIP file show, in order: those whose sizes stand in their headers. */
export function zipNamesInHead(head: Uint8Array): string[] {
  const view = viewOf(head);
  const names: string[] = [];
  let at = 0;
  while (at + 30 <= view.byteLength && view.getUint32(at, true) === LOCAL_HEADER) {
    const nameBytes = view.getUint16(at + 26, true);
    if (at + 30 + nameBytes > view.byteLength) break;
    names.push(nameAt(view, at + 30, nameBytes));
    const hasSizes = (view.getUint16(at + 6, true) & 0x08) === 0; // bit 3: the sizes follow the data (4.4.4)
    if (!hasSizes) break;
    at += 30 + nameBytes + view.getUint16(at + 28, true) + view.getUint32(at + 18, true);
  }
  return names;
}

/** The contents of an entry that is stored and at most `maxBytes` long; undefined for all others. Reads once. */
export async function readStoredEntry(
  entry: ZipEntry,
  maxBytes: number,
  read: ReadBytes,
): Promise<Uint8Array | undefined> {
  const bytes = await read(entry.headerAt, 30 + entry.name.length + 1024 + maxBytes);
  const view = viewOf(bytes);
  if (view.byteLength < 30 || view.getUint32(0, true) !== LOCAL_HEADER || view.getUint16(8, true) !== 0)
    return undefined;
  const sizeBytes = view.getUint32(18, true);
  const dataAt = 30 + view.getUint16(26, true) + view.getUint16(28, true);
  if (sizeBytes > maxBytes || dataAt + sizeBytes > view.byteLength) return undefined;
  return bytes.subarray(dataAt, dataAt + sizeBytes);
}

/** Searched from the end: the last one whose comment fits is the one that readers take. */
function findEndRecord(tail: DataView): number | undefined {
  for (let at = tail.byteLength - END_RECORD_BYTES; at >= 0; at--) {
    if (tail.getUint32(at, true) !== END_RECORD) continue;
    if (at + END_RECORD_BYTES + tail.getUint16(at + 20, true) <= tail.byteLength) return at;
  }
  return undefined;
}

async function readEnd64(tail: DataView, endAt: number, read: ReadBytes) {
  const locatorAt = endAt - END_LOCATOR_64_BYTES;
  if (locatorAt < 0 || tail.getUint32(locatorAt, true) !== END_LOCATOR_64) return undefined;
  const at = Number(tail.getBigUint64(locatorAt + 8, true));
  const record = viewOf(await read(at, END_RECORD_64_BYTES));
  if (record.byteLength < END_RECORD_64_BYTES || record.getUint32(0, true) !== END_RECORD_64) return undefined;
  return {
    at,
    directoryBytes: Number(record.getBigUint64(40, true)),
    directoryAt: Number(record.getBigUint64(48, true)),
  };
}

function parseDirectory(view: DataView, isCut: boolean): ZipEntry[] | undefined {
  const entries: ZipEntry[] = [];
  let at = 0;
  while (at < view.byteLength && entries.length < MAX_ENTRIES) {
    const isWhole = at + 46 <= view.byteLength && at + 46 + view.getUint16(at + 28, true) <= view.byteLength;
    if (!isWhole) return isCut ? entries : undefined;
    if (view.getUint32(at, true) !== DIRECTORY_HEADER) return undefined;
    const nameBytes = view.getUint16(at + 28, true);
    entries.push({ name: nameAt(view, at + 46, nameBytes), headerAt: view.getUint32(at + 42, true) });
    at += 46 + nameBytes + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function nameAt(view: DataView, at: number, lengthBytes: number): string {
  const bytes = Buffer.from(view.buffer, view.byteOffset + at, lengthBytes);
  return bytes.toString('latin1').replaceAll('\\', '/').toLowerCase();
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
