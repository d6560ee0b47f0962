/** An old office file is a small file system (OLE compound file, [MS-CFB]): its directory and its streams, read within limits. */
import { createReadByPages } from './read-by-pages.ts';
import type { ReadBytes, WholeFile } from './whole-file.ts';

/** Names in a directory: a document with five hundred others in it has fewer. */
const MAX_ENTRIES = 4096;
/** Chains that lead to and fro read a page for each step; a document that was saved by a program reads each a few times. */
const MAX_PAGES_READ = 2048;
const HEADER_BYTES = 512;
const ENTRY_BYTES = 128;
const NUMBER_BYTES = 4;
/** The table's sectors that the header itself lists (2.2); the others are listed in a chain of their own (2.5). */
const LISTED_TABLE_SECTORS = 109;
/** From here on it is no sector, but the end of a chain or a mark. */
const FIRST_MARK = 0xfffffffa;
const STREAM = 2;

/** The class of a Windows Installer database as it stands in the root entry: {000C1084-0000-0000-C000-000000000046}, and patch and transform. */
const INSTALLER_CLASS = /^8[246]100c0000000000c000000000000046$/;

export type OleEntry = {
  /** In lower case. */
  name: string;
  isStream: boolean;
  start: number;
  sizeBytes: number;
};

export type OleFile = {
  /** Storages and streams, the root excluded. */
  entries: OleEntry[];
  /** A package that Windows installs: .msi, .msp, .mst. */
  isInstaller: boolean;
  /** Of a stream; fewer bytes where it ends, or can be followed no further. */
  read(entry: OleEntry, position: number, lengthBytes: number): Promise<Buffer>;
};

/** Where a unit (a sector, or a small one) of a chain is followed by another. */
type Next = (unit: number) => Promise<number>;
type Units = {
  bytes: number;
  next: Next;
  read(unit: number, position: number, lengthBytes: number): Promise<Uint8Array>;
};

/**
 * Lenient, as the programs that wrote such files need it: what is broken ends there, and what no program could open either is
 * undefined. A directory with more names than are looked at is `too-many`, so that nothing hides behind them.
 */
export async function openOle(file: WholeFile): Promise<OleFile | 'too-many' | undefined> {
  const read = createReadByPages(file.read, MAX_PAGES_READ);
  const header = Buffer.from(await read(0, HEADER_BYTES));
  if (header.length < HEADER_BYTES) return undefined;
  const shift = header.readUInt16LE(30);
  if (shift !== 9 && shift !== 12) return undefined;
  const sectorBytes = 1 << shift;
  const maxUnits = Math.ceil(file.sizeBytes / sectorBytes);
  const sectors: Units = {
    bytes: sectorBytes,
    next: createTable(read, header, sectorBytes),
    read: (sector, position, lengthBytes) => read((sector + 1) * sectorBytes + position, lengthBytes),
  };
  const directory = await readDirectory(createChain(sectors, header.readUInt32LE(48), maxUnits));
  if (directory === undefined || directory === 'too-many') return directory;
  const { root, entries, isInstaller } = directory;

  // Short streams lie in one of the root's, in small sectors with a table of their own (2.4).
  const smallBytes = 1 << Math.min(16, header.readUInt16LE(32));
  const smallTable = createChain(sectors, header.readUInt32LE(60), maxUnits);
  const smallArea = createChain(sectors, root.start, maxUnits);
  const small: Units = {
    bytes: smallBytes,
    next: async (unit) => numberIn(await smallTable(unit * NUMBER_BYTES, NUMBER_BYTES)),
    read: (unit, position, lengthBytes) => smallArea(unit * smallBytes + position, lengthBytes),
  };
  const smallBelow = header.readUInt32LE(56);
  /** Of the stream that was read last: they are read one after the other, and a chain is walked once. */
  let last: { entry: OleEntry; chain: ReturnType<typeof createChain> } | undefined;
  return {
    entries,
    isInstaller,
    async read(entry, position, lengthBytes) {
      const length = Math.min(lengthBytes, entry.sizeBytes - position);
      if (!entry.isStream || length <= 0) return Buffer.alloc(0);
      if (last?.entry !== entry) {
        const units = entry.sizeBytes < smallBelow ? small : sectors;
        last = { entry, chain: createChain(units, entry.start, Math.ceil(file.sizeBytes / units.bytes)) };
      }
      return last.chain(position, length);
    },
  };
}

/** What follows a sector, by the table of all sectors. */
function createTable(read: ReadBytes, header: Buffer, sectorBytes: number): Next {
  const numbers = sectorBytes / NUMBER_BYTES;
  const numberAt = async (sector: number, index: number) =>
    sector >= FIRST_MARK
      ? FIRST_MARK
      : numberIn(await read((sector + 1) * sectorBytes + index * NUMBER_BYTES, NUMBER_BYTES));
  /** The chain that lists the table's sectors; the last number of each is where it goes on. */
  const lists = [header.readUInt32LE(68)];
  const listAt = async (index: number) => {
    while (lists.length <= index && (lists.at(-1) as number) < FIRST_MARK)
      lists.push(await numberAt(lists.at(-1) as number, numbers - 1));
    return lists[index] ?? FIRST_MARK;
  };
  const tableSector = async (index: number) => {
    if (index < LISTED_TABLE_SECTORS) return header.readUInt32LE(76 + NUMBER_BYTES * index);
    const beyond = index - LISTED_TABLE_SECTORS;
    return numberAt(await listAt(Math.floor(beyond / (numbers - 1))), beyond % (numbers - 1));
  };
  return async (sector) => numberAt(await tableSector(Math.floor(sector / numbers)), sector % numbers);
}

/** Reads what is strung along a chain. One that is longer than the file goes round in a ring, and ends there. */
function createChain({ bytes, next, read }: Units, start: number, maxUnits: number) {
  const units = [start];
  const unitAt = async (index: number) => {
    while (units.length <= index && units.length <= maxUnits && (units.at(-1) as number) < FIRST_MARK)
      units.push(await next(units.at(-1) as number));
    return units[index] ?? FIRST_MARK;
  };
  return async (position: number, lengthBytes: number): Promise<Buffer> => {
    const parts: Uint8Array[] = [];
    for (let at = position; at < position + lengthBytes; ) {
      const unit = await unitAt(Math.floor(at / bytes));
      if (unit >= FIRST_MARK) break;
      const part = await read(unit, at % bytes, Math.min(bytes - (at % bytes), position + lengthBytes - at));
      if (part.length === 0) break;
      parts.push(part);
      at += part.length;
    }
    return Buffer.concat(parts);
  };
}

/** Of the bytes of a number; of fewer, the end of a chain. */
function numberIn(bytes: Uint8Array): number {
  return bytes.length < NUMBER_BYTES ? FIRST_MARK : Buffer.from(bytes).readUInt32LE(0);
}

/** An entry: 64 bytes of UTF-16 name, its length with the closing zero, its kind, …, the class at 80, where it starts, its size (2.6.1). */
async function readDirectory(read: (position: number, lengthBytes: number) => Promise<Buffer>) {
  const entries: OleEntry[] = [];
  const first = await read(0, ENTRY_BYTES);
  if (first.length < ENTRY_BYTES) return undefined;
  const root = { start: first.readUInt32LE(116) };
  const isInstaller = INSTALLER_CLASS.test(first.toString('hex', 80, 96));
  const seen = new Set<string>();
  for (let index = 1; ; index += 1) {
    const entry = await read(index * ENTRY_BYTES, ENTRY_BYTES);
    if (entry.length < ENTRY_BYTES) return { root, entries, isInstaller };
    if (index >= MAX_ENTRIES) return 'too-many';
    const nameBytes = Math.min(64, entry.readUInt16LE(64)) - 2;
    if (nameBytes <= 0) continue;
    const found = {
      name: entry.toString('utf16le', 0, nameBytes).toLowerCase(),
      isStream: entry.readUInt8(66) === STREAM,
      start: entry.readUInt32LE(116),
      // Of version 3 the upper half is not to be looked at (2.6.1); no stream of ours is longer.
      sizeBytes: entry.readUInt32LE(120),
    };
    // A ring, or an entry that is there twice: looked at once.
    const key = `${found.name} ${found.start} ${found.isStream}`;
    if (!seen.has(key)) entries.push(found);
    seen.add(key);
  }
}
