/** Old office files ([MS-CFB]) made by hand: a header, one table sector, and a directory. */

const SECTOR_BYTES = 512;
const ENTRY_BYTES = 128;
const END_OF_CHAIN = 0xfffffffe;

/** A compound file with streams of these names, its root of this class (hex); `ring` makes its directory never end. */
export function oleFile(names: string[], rootClass = '00'.repeat(16), ring = false): Uint8Array {
  const entries = [entry('Root Entry', rootClass), ...names.map((name) => entry(name, '00'.repeat(16)))];
  const directory = Buffer.alloc(Math.ceil((entries.length * ENTRY_BYTES) / SECTOR_BYTES) * SECTOR_BYTES);
  Buffer.concat(entries).copy(directory);
  const sectors = directory.length / SECTOR_BYTES;

  const header = Buffer.alloc(SECTOR_BYTES);
  header.write('d0cf11e0a1b11ae1', 'hex');
  header.write('3e000300feff0900', 24, 'hex');
  header.writeUInt32LE(1, 44);
  header.writeUInt32LE(1, 48); // the directory begins in sector 1
  header.fill(0xff, 76);
  header.writeUInt32LE(0, 76); // the table is sector 0

  const table = Buffer.alloc(SECTOR_BYTES, 0xff);
  for (let sector = 1; sector <= sectors; sector++) {
    table.writeUInt32LE(sector < sectors ? sector + 1 : ring ? 1 : END_OF_CHAIN, sector * 4);
  }
  return Buffer.concat([header, table, directory]);
}

function entry(name: string, classId: string): Buffer {
  const bytes = Buffer.alloc(ENTRY_BYTES);
  bytes.write(name, 'utf16le');
  bytes.writeUInt16LE(2 * name.length + 2, 64);
  bytes.write(classId, 80, 'hex');
  return bytes;
}
