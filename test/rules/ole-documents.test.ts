/** Old office documents: which need a password, and which hold macros where no storage says so. */
import { describe, expect, test } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import type { FilePolicy } from '../../server/rules/file-policy.ts';
import { DEFAULT_ALLOWED_TYPES } from '../../server/rules/file-types.ts';
import { confirmType } from '../../server/rules/inspect-whole.ts';
import { excelRecord, type OleStream, oleFile, powerPointRecord } from './ole-files.ts';

const lenient: FilePolicy = { maxFileSizeBytes: 1e9, allowedTypes: DEFAULT_ALLOWED_TYPES };
const strict: FilePolicy = { ...lenient, refuseEncrypted: true };
const DOC = 'application/msword';
const XLS = 'application/vnd.ms-excel';
const PPT = 'application/vnd.ms-powerpoint';
/** Long enough to have sectors of its own. */
const LONG = 5000;
const SECTOR_BYTES = 512;

const BIFF8 = excelRecord(0x0809, [0, 6, 5, 0, ...Array.from({ length: 12 }, () => 0)]);
const END = excelRecord(0x0a);
const sheet = (kind: number) => excelRecord(0x85, [0, 0, 0, 0, 0, kind, 5, 0, ...Buffer.from('Sheet')]);
const excel = (...records: Buffer[]): OleStream => ({
  name: 'Workbook',
  bytes: Buffer.concat([BIFF8, ...records, END]),
});
const padded = ({ name, bytes = new Uint8Array() }: OleStream): OleStream => ({
  name,
  bytes: Buffer.concat([bytes, Buffer.alloc(LONG)]),
});

const word = (flags: number, ident = 0xa5ec): OleStream => {
  const bytes = Buffer.alloc(LONG);
  bytes.writeUInt16LE(ident, 0);
  bytes.writeUInt16LE(flags, 10);
  return { name: 'WordDocument', bytes };
};

const user = (token: number): OleStream => {
  const bytes = Buffer.alloc(20);
  bytes.writeUInt32LE(token, 4);
  return { name: 'Current User', bytes: powerPointRecord(0x0ff6, bytes, 0) };
};
const slides = (hasMacros: number): OleStream => {
  const atom = Buffer.alloc(12);
  atom.writeUInt32LE(hasMacros, 4);
  const macros = powerPointRecord(0x03ff, powerPointRecord(0x0400, atom, 2), 0x1f);
  const list = powerPointRecord(0x07d0, Buffer.concat([powerPointRecord(0x1388, Buffer.alloc(70)), macros]));
  const document = powerPointRecord(0x03e8, Buffer.concat([powerPointRecord(0x03e9, Buffer.alloc(40), 1), list]));
  const slide = powerPointRecord(0x03ee, Buffer.alloc(3000));
  return { name: 'PowerPoint Document', bytes: Buffer.concat([slide, document, slide]) };
};

describe('with a password', () => {
  test.each<[string, (string | OleStream)[], string, string]>([
    ['Excel, FilePass behind the beginning', [excel(excelRecord(0x2f, [1, 0, 2, 0])), 'x'], 'a.xls', XLS],
    [
      'Excel, behind WriteProtect, in a long stream',
      [padded(excel(excelRecord(0x86), excelRecord(0x2f)))],
      'a.xls',
      XLS,
    ],
    ['Excel 95', [{ ...excel(excelRecord(0x2f, [1, 2, 3, 4])), name: 'Book' }], 'a.xls', XLS],
    ['Word, fEncrypted', [word(0x0100)], 'a.doc', DOC],
    ['Word 95', [word(0x8100, 0xa5dc)], 'a.doc', DOC],
    ['a table in a Word document', [word(0), excel(excelRecord(0x2f))], 'a.doc', DOC],
    ['PowerPoint, by the user’s stream', [slides(0), user(0xf3d1c4df)], 'a.ppt', PPT],
    ['PowerPoint, by its summary', [slides(0), 'EncryptedSummary'], 'a.ppt', PPT],
    ['rights that somebody manages', [word(0), '\tDRMContent'], 'a.doc', DOC],
  ])('%s: let in, and refused where the policy says so', async (_what, streams, name, type) => {
    expect(await outcome(oleFile(streams), name)).toBe(type);
    expect(await outcome(oleFile(streams), name, strict)).toBe('encrypted');
  });

  test('what has none is let in by the strict policy too', async () => {
    expect(await outcome(oleFile([word(0xf0)]), 'a.doc', strict)).toBe(DOC);
    expect(await outcome(oleFile([padded(excel(sheet(0)))]), 'a.xls', strict)).toBe(XLS);
    expect(await outcome(oleFile([slides(0), user(0xe391c05f)]), 'a.ppt', strict)).toBe(PPT);
    // Names alone, and streams that are cut.
    expect(await outcome(oleFile(['WordDocument']), 'a.doc', strict)).toBe(DOC);
    expect(await outcome(oleFile([{ name: 'Workbook', bytes: Buffer.from([9]) }]), 'a.xls', strict)).toBe(XLS);
  });
});

describe('macros', () => {
  test.each<[string, (string | OleStream)[], string, string]>([
    ['a macro sheet of Excel 4', [excel(sheet(0), sheet(1))], 'a.xls', XLS],
    ['a module of Excel 5', [{ ...excel(sheet(6)), name: 'Book' }], 'a.xls', XLS],
    ['a macro sheet in a Word document', [word(0), excel(sheet(1))], 'a.doc', DOC],
    ['PowerPoint’s', [slides(1)], 'a.ppt', PPT],
  ])('%s are refused', async (_what, streams, name) => {
    expect(await outcome(oleFile(streams), name)).toBe('executable');
  });

  test('sheets, charts and presentations without are let in', async () => {
    expect(await outcome(oleFile([excel(sheet(0), sheet(2))]), 'a.xls')).toBe(XLS);
    expect(await outcome(oleFile([slides(0)]), 'a.ppt')).toBe(PPT);
  });

  test('behind a thousand other names, and in a file whose table is too long for its header', async () => {
    const many = Array.from({ length: 1000 }, (_, at) => `stream ${at}`);
    expect(await outcome(oleFile([word(0), ...many]), 'a.doc')).toBe(DOC);
    expect(await outcome(oleFile([word(0), ...many, 'Macros']), 'a.doc')).toBe('executable');
    for (const sectorsBefore of [14_000, 40_000]) {
      const far = { sectorsBefore };
      expect(await outcome(oleFile([word(0), 'a', 'b', 'c', 'd', 'e'], far), 'a.doc')).toBe(DOC);
      expect(await outcome(oleFile([word(0), 'a', 'b', 'c', 'd', 'Macros'], far), 'a.doc')).toBe('executable');
      expect(await outcome(oleFile([excel(sheet(0)), padded(excel(sheet(1)))], far), 'a.xls')).toBe('executable');
    }
  });

  test('so much in it that they could hide is refused, soon', async () => {
    const names = Array.from({ length: 5000 }, (_, at) => `stream ${at}`);
    expect(await outcome(oleFile([word(0), ...names]), 'a.doc')).toBe('archive-refused');
    const books = Array.from({ length: 300 }, () => excel(sheet(0)));
    expect(await outcome(oleFile(books), 'a.xls')).toBe('archive-refused');
    const records = Array.from({ length: 30_000 }, () => excelRecord(0x31, [0]));
    expect(await outcome(oleFile([excel(...records, sheet(1))]), 'a.xls')).toBe('archive-refused');
    const slides = Array.from({ length: 30_000 }, () => powerPointRecord(0x03ee, Buffer.alloc(0)));
    const deck = { name: 'PowerPoint Document', bytes: Buffer.concat(slides) };
    expect(await outcome(oleFile([deck]), 'a.ppt')).toBe('archive-refused');
    // A stream each step of which lies in another part of the file, so that it would be a request in a bucket.
    const sectors = 23_437;
    const record = excelRecord(0x31, Buffer.alloc(SECTOR_BYTES - 4));
    const bytes = Buffer.concat([
      BIFF8,
      record.subarray(0, record.length - BIFF8.length),
      ...Array(sectors - 1).fill(record),
    ]);
    bytes.writeUInt16LE(SECTOR_BYTES - BIFF8.length - 4, BIFF8.length + 2);
    const scattered = Buffer.from(oleFile([{ name: 'Workbook', bytes }]));
    const tables = scattered.readUInt32LE(44) + scattered.readUInt32LE(72);
    const table = scattered.length - SECTOR_BYTES * tables;
    for (let sector = 0; sector < sectors; sector += 1)
      scattered.writeUInt32LE((sector + 129) % sectors, table + 4 * sector);
    const seen = { reads: 0 };
    expect(await outcome(scattered, 'a.xls', lenient, seen)).toBe('archive-refused');
    expect(seen.reads).toBeGreaterThan(2000);
    expect(seen.reads).toBeLessThan(2100);
  });
});

async function outcome(content: Uint8Array, name: string, policy = lenient, seen = { reads: 0 }): Promise<string> {
  const read = async (position: number, lengthBytes: number) => {
    seen.reads += 1;
    return content.subarray(position, position + lengthBytes);
  };
  const decided = { mimeType: 'application/octet-stream', extension: '' };
  return confirmType({ sizeBytes: content.length, read }, decided, { name, declaredType: null }, policy).then(
    ({ mimeType }) => mimeType,
    (error) => (error instanceof Failure ? error.code : String(error)),
  );
}
