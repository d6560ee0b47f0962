/** What only the whole file shows: ZIP directories, macros, programs in disguise. */
import { describe, expect, it } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import type { DecidedType, FilePolicy } from '../../server/rules/file-policy.ts';
import { DEFAULT_ALLOWED_TYPES } from '../../server/rules/file-types.ts';
import { confirmType } from '../../server/rules/inspect-whole.ts';
import { oleFile } from './ole-files.ts';
import * as sample from './sample-files.ts';
import { bytes, noise } from './sample-files.ts';
import * as zips from './zip-files.ts';
import { zip } from './zip-files.ts';

const standard: FilePolicy = { maxFileSizeBytes: 1024, allowedTypes: DEFAULT_ALLOWED_TYPES };
const unknown: DecidedType = { mimeType: 'application/octet-stream', extension: '' };
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const ODT = 'application/vnd.oasis.opendocument.text';
const types = '[Content_Types].xml';

/** A file in memory that fails the test when something outside it is read, as an object store would. */
function inMemory(content: Uint8Array) {
  const file = {
    sizeBytes: content.length,
    readBytes: 0,
    reads: 0,
    async read(position: number, lengthBytes: number) {
      if (!(position >= 0 && position < content.length && lengthBytes > 0))
        throw new Error(`reads ${lengthBytes} at ${position}`);
      file.reads++;
      file.readBytes += lengthBytes;
      return await Promise.resolve(content.subarray(position, position + lengthBytes));
    },
  };
  return file;
}

async function confirmation(content: Uint8Array, name: string, decided = unknown): Promise<string> {
  return confirmType(inMemory(content), decided, { name, declaredType: null }, standard).then(
    (type) => type.mimeType,
    (error) => (error instanceof Failure ? error.code : String(error)),
  );
}

describe('confirmType', () => {
  it.each([
    ['docx', zips.docx, 'a.docx', DOCX],
    ['xlsx', zips.xlsx, 'a.xlsx', 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet'],
    ['pptx', zips.pptx, 'a.pptx', 'application/vnd.openxmlformats-officedocument.presentationml.presentation'],
    ['odt', zips.odt, 'a.odt', ODT],
    ['zip', zips.plainZip, 'a.zip', 'application/zip'],
    ['empty zip', zips.emptyZip, 'a.zip', 'application/zip'],
    ['zip with a comment', zip({ a: 'b' }, { comment: 'hello PK\u0005\u0006' }), 'a.zip', 'application/zip'],
    ['zip of a large kind', zip({ a: 'b' }, { zip64: true }), 'a.zip', 'application/zip'],
    ['docx named zip', zips.docx, 'a.zip', 'application/zip'],
    [
      'zip with a program in a folder',
      zip({ 'x/setup.exe': 'MZ', 'x/META-INF/MANIFEST.MF': 'x', 'x/a.class': 'x' }),
      'a.zip',
      'executable',
    ],
    ['odt with empty macro shelves', zip({ mimetype: ODT, 'Basic/Standard/script-lb.xml': 'x' }), 'a.odt', ODT],
    ['picture', sample.png, 'a.png', 'image/png'],
    ['empty file', new Uint8Array(), 'a.docx', DOCX],
    ['doc', oleFile(['WordDocument', '1Table']), 'a.doc', 'application/msword'],
    ['doc with a table inside', oleFile(['WordDocument', 'ObjectPool', 'Workbook']), 'a.doc', 'application/msword'],
    ['doc that cannot be followed', sample.ole, 'a.doc', 'application/msword'],
    ['doc cut short', sample.ole.subarray(0, 100), 'a.doc', 'application/msword'],

    ['xlsx named docx', zips.xlsx, 'a.docx', 'type-mismatch'],
    ['plain zip named docx', zips.plainZip, 'a.docx', 'type-mismatch'],
    ['empty zip named docx', zips.emptyZip, 'a.docx', 'type-mismatch'],
    ['docx without its list of types', zip({ 'word/document.xml': 'x' }), 'a.docx', 'type-mismatch'],
    ['docx cut short', zip({ [types]: 'x', 'word/a.xml': 'x' }, { cutBytes: 30 }), 'a.docx', 'type-mismatch'],
    ['zip cut short', zip({ a: 'x' }, { cutBytes: 30 }), 'a.zip', 'type-mismatch'],
    ['zip whose directory lies elsewhere', zip({ a: 'x' }, { shiftBytes: 7 }), 'a.zip', 'type-mismatch'],
    [
      'large zip whose directory lies outside',
      zip({ a: 'x' }, { shiftBytes: 2 ** 40, zip64: true }),
      'a.zip',
      'type-mismatch',
    ],
    ['zip of noise', bytes('PK\u0003\u0004', noise(3000, 1)), 'a.zip', 'type-mismatch'],
    ['ods named odt', zip({ mimetype: 'application/vnd.oasis.opendocument.spreadsheet' }), 'a.odt', 'type-mismatch'],
    ['docx named odt', zips.docx, 'a.odt', 'type-mismatch'],
    ['odt with a huge mimetype', zip({ mimetype: ODT.repeat(50) }), 'a.odt', 'type-mismatch'],
    ['xls named doc', oleFile(['Workbook']), 'a.doc', 'type-mismatch'],

    ['jar named zip', zips.jar, 'a.zip', 'executable'],
    [
      'jar behind a large entry',
      zip({ a: 'x'.repeat(5000), 'META-INF/MANIFEST.MF': 'x', 'b.class': 'x' }),
      'a.zip',
      'executable',
    ],
    ['apk named zip', zips.apk, 'a.zip', 'executable'],
    ['apk named docx', zip({ [types]: 'x'.repeat(5000), 'word/a': 'x', 'classes2.dex': 'x' }), 'a.docx', 'executable'],
    ['iPhone app', zip({ a: 'x'.repeat(5000), 'Payload/X.app/Info.plist': 'x' }), 'a.zip', 'executable'],
    [
      'a macro sheet in xlsx',
      zip({ [types]: 'x'.repeat(5000), 'xl/macrosheets/sheet1.xml': 'x' }),
      'a.xlsx',
      'executable',
    ],
    ['macros in docx', zips.macroDocument, 'a.docx', 'executable'],
    [
      'macros in docx with other slashes',
      zip({ [types]: 'x'.repeat(5000), 'word\\VBAProject.bin': 'x' }),
      'a.docx',
      'executable',
    ],
    [
      'macros in odt',
      zip({ mimetype: ODT, a: 'x'.repeat(5000), 'Basic/Standard/Module1.xml': 'x' }),
      'a.odt',
      'executable',
    ],
    ['macros in doc', oleFile(['WordDocument', 'Macros', 'VBA']), 'a.doc', 'executable'],
    ['macros in xls', oleFile(['Workbook', '_VBA_PROJECT_CUR']), 'a.xls', 'executable'],
    ['installer named doc', oleFile([], { rootClass: '84100c0000000000c000000000000046' }), 'a.doc', 'executable'],
    ['page', bytes('<html>'), 'a.txt', 'executable'],
  ])('%s', async (_what, content, name, expected) => {
    expect(await confirmation(content, name)).toBe(expected);
  });

  it('does not rest on what was decided before', async () => {
    expect(await confirmation(sample.elf, 'a', { mimeType: 'image/png', extension: '.png' })).toBe('executable');
    expect(await confirmation(sample.pdf, 'a', { mimeType: 'image/png', extension: '.png' })).toBe('application/pdf');
    expect(await confirmation(sample.pdf, 'a', { mimeType: 'application/zip', extension: '.zip' })).toBe(
      'type-mismatch',
    );
  });

  it('follows no ring in the table of an old document', async () => {
    const file = inMemory(oleFile(['WordDocument'], { ring: true }));
    await confirmType(file, unknown, { name: 'a.doc', declaredType: null }, standard);
    expect(file.reads).toBeLessThan(140);
  });

  it('says what a document is instead', async () => {
    const confirmed = confirmType(inMemory(zips.xlsx), unknown, { name: 'a.docx', declaredType: null }, standard);
    await expect(confirmed).rejects.toThrow(
      '“a.docx” is not a Word document: its contents are an Excel table. Choose the file again or rename it.',
    );
    const cut = confirmType(
      inMemory(zip({ a: 'x' }, { cutBytes: 9 })),
      unknown,
      { name: 'a.zip', declaredType: null },
      standard,
    );
    await expect(cut).rejects.toThrow('“a.zip” is not a ZIP file that can be opened: it is damaged or incomplete.');
  });

  it('answers or throws a Failure on any damage', async () => {
    const wholes = [
      zips.docx,
      zips.odt,
      zips.plainZip,
      zip({ a: 'b' }, { zip64: true }),
      oleFile(['WordDocument', 'Data']),
    ];
    for (let seed = 0; seed < 3000; seed++) {
      const whole = wholes[seed % wholes.length] ?? sample.png;
      const damaged = Uint8Array.from(whole);
      for (const [at, byte] of noise(1 + (seed % 5), seed).entries()) {
        damaged[8 + ((seed * 31 + at * 97 + byte) % (damaged.length - 8))] = byte;
      }
      const got = await confirmation(damaged, ['a.docx', 'a.odt', 'a.zip', 'a.zip', 'a.doc'][seed % 5] ?? 'a');
      expect(got).toMatch(/^(?:executable|type-mismatch|type-not-allowed|archive-refused|application\/[a-z.-]+)$/);
    }
  });
});
