/** What an old office file (OLE compound file, [MS-CFB]) holds, by the names in its directory, within limits. */
import type { ReadBytes } from './whole-file.ts';

/** How many sectors of the directory are read; with 512 bytes each this shows 256 storages and streams. */
const MAX_DIRECTORY_SECTORS = 64;
const HEADER_BYTES = 512;
const ENTRY_BYTES = 128;
/** The allocation table's sectors that the header itself lists (2.2); larger tables are not followed. */
const LISTED_TABLE_SECTORS = 109;

/** The class of a Windows Installer database as it stands in the root entry: {000C1084-0000-0000-C000-000000000046}, and patch and transform. */
const INSTALLER_CLASS = /^8[246]100c0000000000c000000000000046$/;

export type OleDirectory = {
  /** Names of storages and streams in lower case, the root's excluded. */
  names: string[];
  /** A package that Windows installs: .msi, .msp, .mst. */
  isInstaller: boolean;
};

/** The names of the directory's first 64 sectors; undefined when the file is too broken to be followed. At most 65 small reads and one of the table each. */
export async function readOleDirectory(read: ReadBytes): Promise<OleDirectory | undefined> {
  const headerBytes = await read(0, HEADER_BYTES);
  if (headerBytes.byteLength < HEADER_BYTES) return undefined;
  const header = viewOf(headerBytes);
  const shift = header.getUint16(30, true);
  if (shift !== 9 && shift !== 12) return undefined;
  const sectorBytes = 1 << shift;
  const readSector = async (sector: number) => viewOf(await read((sector + 1) * sectorBytes, sectorBytes));

  const found: OleDirectory = { names: [], isInstaller: false };
  let sector = header.getUint32(48, true);
  for (let count = 0; count < MAX_DIRECTORY_SECTORS && sector < 0xfffffffa; count++) {
    const view = await readSector(sector);
    if (view.byteLength < sectorBytes) return count === 0 ? undefined : found;
    addEntries(view, found, count === 0);
    const tableIndex = Math.floor(sector / (sectorBytes / 4));
    if (tableIndex >= LISTED_TABLE_SECTORS) break;
    const table = await readSector(header.getUint32(76 + 4 * tableIndex, true));
    if (table.byteLength < sectorBytes) break;
    sector = table.getUint32((sector % (sectorBytes / 4)) * 4, true);
  }
  return found;
}

/** A directory entry: 64 bytes of UTF-16 name, its length with the closing zero, ..., the class at 80 (2.6.1). */
function addEntries(view: DataView, found: OleDirectory, isFirst: boolean): void {
  for (let at = 0; at + ENTRY_BYTES <= view.byteLength; at += ENTRY_BYTES) {
    const entry = Buffer.from(view.buffer, view.byteOffset + at, ENTRY_BYTES);
    const nameBytes = Math.min(64, entry.readUInt16LE(64)) - 2;
    if (isFirst && at === 0) found.isInstaller = INSTALLER_CLASS.test(entry.toString('hex', 80, 96));
    else if (nameBytes > 0) found.names.push(entry.toString('utf16le', 0, nameBytes).toLowerCase());
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
