/** Old office files ([MS-CFB]) made by hand: a header, tables, a directory, and streams. */

const SECTOR_BYTES = 512;
const ENTRY_BYTES = 128;
const NUMBERS = SECTOR_BYTES / 4;
const LISTED_TABLE_SECTORS = 109;
const END_OF_CHAIN = 0xfffffffe;
/** Shorter streams lie in small sectors. */
const SMALL_BELOW = 4096;
const SMALL_BYTES = 64;

export type OleStream = { name: string; bytes?: Uint8Array };
type OleOptions = {
  /** Of the root, hex. */
  rootClass?: string;
  /** Its directory never ends. */
  ring?: boolean;
  /** Sectors of nothing before the directory, so that a table of their own has to list the others. */
  sectorsBefore?: number;
};

/** A compound file with streams of these names. */
export function oleFile(streams: (string | OleStream)[], options: OleOptions = {}): Uint8Array {
  const { rootClass = '00'.repeat(16), ring = false, sectorsBefore = 0 } = options;
  const sectors: Buffer[] = Array.from({ length: sectorsBefore }, () => Buffer.alloc(SECTOR_BYTES));
  const next: number[] = sectors.map(() => END_OF_CHAIN);
  /** @returns the first sector */
  const store = (bytes: Uint8Array): number => {
    if (bytes.length === 0) return END_OF_CHAIN;
    const start = sectors.length;
    for (let at = 0; at < bytes.length; at += SECTOR_BYTES) {
      const sector = Buffer.alloc(SECTOR_BYTES);
      sector.set(bytes.subarray(at, at + SECTOR_BYTES));
      next.push(at + SECTOR_BYTES < bytes.length ? sectors.length + 1 : END_OF_CHAIN);
      sectors.push(sector);
    }
    return start;
  };

  const small: Buffer[] = [];
  const smallNext: number[] = [];
  const entries = streams.map((stream) => {
    const { name, bytes = new Uint8Array() } = typeof stream === 'string' ? { name: stream } : stream;
    if (bytes.length >= SMALL_BELOW) return entry(name, { start: store(bytes), sizeBytes: bytes.length });
    const start = small.length;
    for (let at = 0; at < bytes.length; at += SMALL_BYTES) {
      const unit = Buffer.alloc(SMALL_BYTES);
      unit.set(bytes.subarray(at, at + SMALL_BYTES));
      smallNext.push(at + SMALL_BYTES < bytes.length ? small.length + 1 : END_OF_CHAIN);
      small.push(unit);
    }
    return entry(name, { start, sizeBytes: bytes.length });
  });
  const area = Buffer.concat(small);
  const root = entry('Root Entry', { start: store(area), sizeBytes: area.length, kind: 5, rootClass });
  const smallTable = store(numbersOf(smallNext));
  const directoryAt = store(Buffer.concat([root, ...entries]));
  if (ring) next[sectors.length - 1] = directoryAt;

  // The tables last; what they say of themselves interests nobody.
  const tables = Math.ceil((sectors.length + 1) / NUMBERS);
  const tableAt = sectors.length;
  const table = numbersOf([...next, ...Array.from({ length: tables * NUMBERS - next.length }, () => 0xfffffffd)]);
  const places = Array.from({ length: tables }, (_, index) => tableAt + index);
  const listed = places.slice(0, LISTED_TABLE_SECTORS);
  const beyond = places.slice(LISTED_TABLE_SECTORS);
  const lists: Buffer[] = [];
  for (let at = 0; at < beyond.length; at += NUMBERS - 1) {
    const page = beyond.slice(at, at + NUMBERS - 1);
    const isLast = at + NUMBERS - 1 >= beyond.length;
    const filled = [...page, ...Array.from({ length: NUMBERS - 1 - page.length }, () => 0xffffffff)];
    lists.push(numbersOf([...filled, isLast ? END_OF_CHAIN : tableAt + tables + lists.length + 1]));
  }

  const header = Buffer.alloc(SECTOR_BYTES);
  header.write('d0cf11e0a1b11ae1', 'hex');
  header.write('3e000300feff09000600', 24, 'hex');
  header.writeUInt32LE(tables, 44);
  header.writeUInt32LE(directoryAt, 48);
  header.writeUInt32LE(SMALL_BELOW, 56);
  header.writeUInt32LE(smallTable, 60);
  header.writeUInt32LE(lists.length === 0 ? END_OF_CHAIN : tableAt + tables, 68);
  header.writeUInt32LE(lists.length, 72);
  header.fill(0xff, 76);
  listed.forEach((sector, index) => {
    header.writeUInt32LE(sector, 76 + 4 * index);
  });
  return Buffer.concat([header, ...sectors, table, ...lists]);
}

/** A record of Excel: its kind, and what it holds. */
export function excelRecord(type: number, bytes: readonly number[] | Uint8Array = []): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(type, 0);
  head.writeUInt16LE(bytes.length, 2);
  return Buffer.concat([head, Uint8Array.from(bytes)]);
}

/** A record of PowerPoint; one with others in it has version 15. */
export function powerPointRecord(type: number, bytes: Uint8Array, version = 15): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(version, 0);
  head.writeUInt16LE(type, 2);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

function numbersOf(numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * numbers.length);
  numbers.forEach((number, index) => {
    bytes.writeUInt32LE(number, 4 * index);
  });
  return bytes;
}

type EntryFacts = { start: number; sizeBytes: number; kind?: number; rootClass?: string };

function entry(name: string, { start, sizeBytes, kind = 2, rootClass = '' }: EntryFacts): Buffer {
  const bytes = Buffer.alloc(ENTRY_BYTES);
  bytes.write(name, 'utf16le');
  bytes.writeUInt16LE(2 * name.length + 2, 64);
  bytes.writeUInt8(kind, 66);
  bytes.write(rootClass, 80, 'hex');
  bytes.writeUInt32LE(start, 116);
  bytes.writeUInt32LE(sizeBytes, 120);
  return bytes;
}
