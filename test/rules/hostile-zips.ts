/** ZIP files as nobody's program packs them: every field of every entry is to be had. */
export type HostileEntry = {
  name: string;
  /** As it lies in the file. */
  data?: Uint8Array;
  /** What it says to unpack to; the data's length if left out. */
  unpackedBytes?: number;
  method?: number;
  flags?: number;
  /** A Unix mode with its type bits, such as 0o120777 for a link. */
  mode?: number;
  /** Of the entry's own header, where it differs from the directory. */
  local?: { name?: string; unpackedBytes?: number; method?: number; flags?: number; extra?: Uint8Array };
  /** No header or data of its own: it is listed at this place, with the packed size given. */
  at?: { header: number; packedBytes: number };
  extra?: Uint8Array;
};

export const DEFLATED = 8;
export const ENCRYPTED = 1;

export function hostileZip(entries: readonly HostileEntry[], before: Uint8Array = new Uint8Array()): Buffer {
  const locals: Uint8Array[] = [before];
  const directory: Uint8Array[] = [];
  let at = before.length;
  for (const entry of entries) {
    const headerAt = entry.at?.header ?? at;
    if (entry.at === undefined) {
      const local = localEntry(entry);
      locals.push(local);
      at += local.length;
    }
    directory.push(listedEntry(entry, headerAt));
  }
  const listed = Buffer.concat(directory);
  return Buffer.concat([...locals, listed, endRecord(entries.length, listed.length, at)]);
}

/** One entry, listed so many times; the end record says another number, if told to. */
export function repeatedEntry(count: number, saidCount = count): Buffer {
  const local = localEntry({ name: 'a' });
  const listed = listedEntry({ name: 'a' }, 0);
  const directory = Buffer.alloc(count * listed.length);
  for (let index = 0; index < count; index++) listed.copy(directory, index * listed.length);
  return Buffer.concat([local, directory, endRecord(saidCount, directory.length, local.length)]);
}

function localEntry({
  name,
  data = new Uint8Array(),
  unpackedBytes,
  method = 0,
  flags = 0,
  local = {},
}: HostileEntry): Buffer {
  const shown = Buffer.from(local.name ?? name);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(local.flags ?? flags, 6);
  header.writeUInt16LE(local.method ?? method, 8);
  header.writeUInt32LE(data.length, 18);
  header.writeUInt32LE(local.unpackedBytes ?? unpackedBytes ?? data.length, 22);
  header.writeUInt16LE(shown.length, 26);
  header.writeUInt16LE(local.extra?.length ?? 0, 28);
  return Buffer.concat([header, shown, local.extra ?? new Uint8Array(), data]);
}

function listedEntry(entry: HostileEntry, headerAt: number): Buffer {
  const { data = new Uint8Array(), method = 0, flags = 0, mode = 0, extra = new Uint8Array() } = entry;
  const name = Buffer.from(entry.name);
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE(mode === 0 ? 20 : (3 << 8) | 20, 4);
  header.writeUInt16LE(20, 6);
  header.writeUInt16LE(flags, 8);
  header.writeUInt16LE(method, 10);
  header.writeUInt32LE(entry.at?.packedBytes ?? data.length, 20);
  header.writeUInt32LE(entry.unpackedBytes ?? data.length, 24);
  header.writeUInt16LE(name.length, 28);
  header.writeUInt16LE(extra.length, 30);
  header.writeUInt32LE((mode << 16) >>> 0, 38);
  header.writeUInt32LE(headerAt, 42);
  return Buffer.concat([header, name, extra]);
}

function endRecord(count: number, directoryBytes: number, directoryAt: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(directoryBytes, 12);
  end.writeUInt32LE(directoryAt, 16);
  if (count <= 0xffff) return end;
  const record = Buffer.alloc(56 + 20);
  record.writeUInt32LE(0x06064b50, 0);
  record.writeBigUInt64LE(44n, 4);
  record.writeBigUInt64LE(BigInt(count), 24);
  record.writeBigUInt64LE(BigInt(count), 32);
  record.writeBigUInt64LE(BigInt(directoryBytes), 40);
  record.writeBigUInt64LE(BigInt(directoryAt), 48);
  record.writeUInt32LE(0x07064b50, 56);
  record.writeBigUInt64LE(BigInt(directoryAt + directoryBytes), 64);
  record.writeUInt32LE(1, 72);
  return Buffer.concat([record, end]);
}
