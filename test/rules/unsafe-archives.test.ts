/** ZIP files that harm who unpacks them, and documents with a password: known without unpacking anything. */
import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import type { DecidedType, FilePolicy } from '../../server/rules/file-policy.ts';
import { DEFAULT_ALLOWED_TYPES } from '../../server/rules/file-types.ts';
import { confirmType } from '../../server/rules/inspect-whole.ts';
import { DEFLATED, ENCRYPTED, type HostileEntry, hostileZip, repeatedEntry } from './hostile-zips.ts';
import { oleFile } from './ole-files.ts';
import { bytes, noise } from './sample-files.ts';
import * as zips from './zip-files.ts';

const MIB = 1024 * 1024;
const standard: FilePolicy = {
  maxFileSizeBytes: 100 * MIB,
  allowedTypes: [...DEFAULT_ALLOWED_TYPES, 'application/epub+zip'],
};
const strict: FilePolicy = { ...standard, refuseEncrypted: true };
const unknown: DecidedType = { mimeType: 'application/octet-stream', extension: '' };
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const ODT = 'application/vnd.oasis.opendocument.text';
const LINK = 0o120777;

type Reading = { reads: number; readBytes: number };

async function outcome(
  content: Uint8Array,
  name = 'a.zip',
  policy = standard,
  seen: Reading = { reads: 0, readBytes: 0 },
): Promise<string> {
  const read = async (position: number, lengthBytes: number) => {
    if (!(position >= 0 && position < content.length && lengthBytes > 0))
      throw new Error(`reads ${lengthBytes} at ${position}`);
    seen.reads += 1;
    seen.readBytes += lengthBytes;
    return content.subarray(position, position + lengthBytes);
  };
  return confirmType({ sizeBytes: content.length, read }, unknown, { name, declaredType: null }, policy).then(
    ({ mimeType }) => mimeType,
    (error) => (error instanceof Failure ? error.code : String(error)),
  );
}

const text = (name: string, content = name): HostileEntry => ({ name, data: bytes(content) });
const zeros = (name: string, mebibytes: number): HostileEntry => {
  const data = deflateRawSync(Buffer.alloc(mebibytes * MIB), { level: 9 });
  return { name, data, unpackedBytes: mebibytes * MIB, method: DEFLATED };
};

describe('bombs', () => {
  test('a flat one: zeros', async () => {
    expect(await outcome(hostileZip([zeros('a.txt', 40)]))).toBe('archive-refused');
    // So small that it hurts nobody, however well it packed.
    expect(await outcome(hostileZip([zeros('a.txt', 10)]))).toBe('application/zip');
    // Many of those.
    expect(await outcome(hostileZip(['a', 'b', 'c', 'd'].map((name) => zeros(name, 10))))).toBe('archive-refused');
  });

  test('one that hides among files which do not shrink', async () => {
    const photo = { name: 'photo.jpg', data: Buffer.alloc(MIB) };
    expect(await outcome(hostileZip([photo, zeros('notes.txt', 40)]))).toBe('archive-refused');
    expect(await outcome(hostileZip([photo, zeros('notes.txt', 10)]))).toBe('application/zip');
  });

  test('one that says to hold more than 4 GiB', async () => {
    const giant = { name: 'a.bin', data: Buffer.alloc(30 * MIB), unpackedBytes: 0xfffffff0, method: DEFLATED };
    expect(
      await outcome(hostileZip([giant, { ...giant, name: 'b.bin', data: noise(1000, 2), unpackedBytes: 1000 }])),
    ).toBe('archive-refused');
  });

  test('an overlapping one: the same bytes are listed again and again', async () => {
    const kernel = zeros('0', 10);
    const packedBytes = kernel.data?.length ?? 0;
    const again = Array.from({ length: 200 }, (_, at): HostileEntry => {
      return { name: `${at + 1}`, at: { header: 0, packedBytes }, unpackedBytes: MIB, method: DEFLATED };
    });
    expect(await outcome(hostileZip([kernel, ...again]))).toBe('archive-refused');
  });

  test('an overlapping one whose headers stand in each other’s data', async () => {
    const inner = hostileZip([text('b', 'x')]).subarray(0, 32);
    const outer: HostileEntry = { name: 'a', data: bytes(inner, 'rest') };
    const other: HostileEntry = { name: 'b', at: { header: 31, packedBytes: 1 }, unpackedBytes: 1 };
    expect(await outcome(hostileZip([outer, other]))).toBe('archive-refused');
  });

  test('an overlapping one whose headers stand in an extra field', async () => {
    const inner = hostileZip([text('b', 'x')]).subarray(0, 32);
    const first: HostileEntry = {
      name: 'a',
      data: bytes('y'),
      local: { extra: bytes(Uint8Array.of(9, 9, 32, 0), inner) },
    };
    const other: HostileEntry = { name: 'b', at: { header: 35, packedBytes: 1 }, unpackedBytes: 1 };
    expect(await outcome(hostileZip([first, other]))).toBe('archive-refused');
  });

  test('a nested one: archives that pack again, or too many of them', async () => {
    const layer = hostileZip(Array.from({ length: 400 }, (_, at) => text(`${at}.txt`, '')));
    const repeated = Buffer.concat(Array.from({ length: 20 }, () => layer));
    const packed = { data: deflateRawSync(repeated), unpackedBytes: repeated.length, method: DEFLATED };
    expect(await outcome(hostileZip([{ name: 'lib 0.ZIP', ...packed }]))).toBe('archive-refused');
    expect(await outcome(hostileZip([{ name: 'lib 0.txt', ...packed }]))).toBe('application/zip');
    const many = (count: number) => hostileZip(Array.from({ length: count }, (_, at) => text(`${at}.zip`)));
    expect(await outcome(many(51))).toBe('archive-refused');
    expect(await outcome(many(50))).toBe('application/zip');
  });

  test('a nested one that is stored is looked into: bombs, depth, number', async () => {
    const nest = (name: string, ...inside: HostileEntry[]): HostileEntry => ({ name, data: hostileZip(inside) });
    const bomb = zeros('a.txt', 40);
    expect(await outcome(hostileZip([nest('photos.zip', bomb)]))).toBe('archive-refused');
    expect(await outcome(hostileZip([nest('photos.zip', nest('more.zip', bomb))]))).toBe('archive-refused');
    expect(await outcome(hostileZip([nest('photos.zip', text('../x'))]))).toBe('archive-refused');
    const three = nest('1.zip', nest('2.zip', nest('3.zip', text('a'))));
    expect(await outcome(hostileZip([three]))).toBe('application/zip');
    expect(await outcome(hostileZip([nest('0.zip', three)]))).toBe('archive-refused');
    const sixty = Array.from({ length: 6 }, (_, at) =>
      nest(`${at}.zip`, ...Array.from({ length: 9 }, (__, inner) => nest(`${inner}.zip`, text('a')))),
    );
    expect(await outcome(hostileZip(sixty))).toBe('archive-refused');
    expect(await outcome(hostileZip(sixty.slice(0, 5)))).toBe('application/zip');
    // Each small, together not.
    const gigabyte: HostileEntry = {
      name: 'a',
      data: Buffer.alloc(6_000_000),
      unpackedBytes: 2 ** 30,
      method: DEFLATED,
    };
    const five = Array.from({ length: 5 }, (_, at) => nest(`${at}.zip`, gigabyte));
    expect(await outcome(hostileZip(five.slice(0, 4)))).toBe('application/zip');
    expect(await outcome(hostileZip(five))).toBe('archive-refused');
    // Not a ZIP file at all, or none that opens: a file like any other.
    expect(await outcome(hostileZip([text('notes.zip')]))).toBe('application/zip');
  });

  test('a hundred thousand entries are not even read', async () => {
    const seen = { reads: 0, readBytes: 0 };
    expect(await outcome(repeatedEntry(100_000), 'a.zip', standard, seen)).toBe('archive-refused');
    expect(seen.readBytes).toBeLessThan(300_000);
    // Nor where the end record says that there are few.
    expect(await outcome(repeatedEntry(100_000, 3))).toBe('archive-refused');
    expect(await outcome(repeatedEntry(20_000, 3))).toBe('type-mismatch');
  });

  test('10,000 entries are let in, in a few reads', async () => {
    const many = hostileZip(Array.from({ length: 10_000 }, (_, at) => text(`folder/${at}`, 'some words of text')));
    const seen = { reads: 0, readBytes: 0 };
    expect(await outcome(many, 'a.zip', standard, seen)).toBe('application/zip');
    expect(seen.reads).toBeLessThan(60);
  });
});

describe('what would land elsewhere', () => {
  test.each([
    ['../../etc/cron.d/x'],
    ['a/../../x'],
    ['..\\..\\x.txt'],
    ['/etc/passwd'],
    ['\\\\server\\share\\x'],
    ['C:\\Windows\\x.txt'],
    ['a\0b'],
  ])('%j', async (name) => {
    expect(await outcome(hostileZip([text('fine.txt'), text(name)]))).toBe('archive-refused');
  });

  test('a second name in an extra field', async () => {
    const evil = bytes('../x');
    // Info-ZIP's Unicode path: version 1, the CRC-32 of the first name (“ok.txt”), the second name.
    const field = bytes(Uint8Array.of(0x75, 0x70, 5 + evil.length, 0, 1), crcOf('ok.txt'), evil);
    expect(await outcome(hostileZip([{ ...text('ok.txt'), extra: field }]))).toBe('archive-refused');
  });

  test('dots that lead nowhere are names', async () => {
    expect(await outcome(hostileZip([text('a..b/...'), text('.hidden'), text('./x')]))).toBe('application/zip');
  });

  test('links and devices', async () => {
    expect(await outcome(hostileZip([{ ...text('link', '/etc/passwd'), mode: LINK }]))).toBe('archive-refused');
    expect(await outcome(hostileZip([{ ...text('pipe'), mode: 0o010644 }]))).toBe('archive-refused');
    expect(
      await outcome(
        hostileZip([
          { ...text('a'), mode: 0o100644 },
          { name: 'b/', mode: 0o040755 },
        ]),
      ),
    ).toBe('application/zip');
  });
});

describe('two truths', () => {
  test.each<[string, readonly HostileEntry[]]>([
    ['the same name twice', [text('a.txt', 'one'), text('a.txt', 'two')]],
    ['another name in the entry', [{ ...text('a.txt'), local: { name: 'a.exe' } }]],
    ['another size in the entry', [{ ...text('a.txt'), local: { unpackedBytes: 5000 } }]],
    ['another packing in the entry', [{ ...text('a.txt'), local: { method: DEFLATED } }]],
    ['encrypted or not', [{ ...text('a.txt'), method: DEFLATED, local: { flags: ENCRYPTED } }]],
    ['an entry that is nowhere', [text('a'), { name: 'b', at: { header: 3, packedBytes: 1 }, unpackedBytes: 1 }]],
    ['an entry in the directory', [text('a'), { name: 'b', at: { header: 40, packedBytes: 1 }, unpackedBytes: 1 }]],
    ['data that reach into the directory', [{ name: 'a', at: { header: 0, packedBytes: 60 }, unpackedBytes: 60 }]],
  ])('%s', async (_what, entries) => {
    expect(await outcome(hostileZip([...entries]))).toMatch(/^(?:archive-refused|type-mismatch)$/);
  });

  test('an entry before the first one that is listed', async () => {
    const hidden = hostileZip([text('setup.exe', 'MZ')]).subarray(0, 41);
    expect(await outcome(hostileZip([text('a.txt')], hidden))).toBe('archive-refused');
  });

  test('two end records', async () => {
    const first = hostileZip([text('a.txt')]);
    expect(await outcome(Buffer.concat([first, hostileZip([text('b.txt')])]))).toBe('type-mismatch');
  });

  test('sizes behind the data are taken from the directory', async () => {
    const entry = { ...text('a.txt'), flags: 8, local: { unpackedBytes: 0 } };
    expect(await outcome(hostileZip([entry]))).toBe('application/zip');
  });
});

describe('with a password', () => {
  const secret = { name: 'a.txt', data: noise(40, 1), unpackedBytes: 28, flags: ENCRYPTED };
  const sealed = oleFile(['EncryptionInfo', 'EncryptedPackage']);
  const pdf = (trailer: string) => bytes(`%PDF-1.7\n1 0 obj <</Type/Catalog>> endobj\n${trailer}\n%%EOF\n`);
  const tableTrailer = pdf('trailer <</Root 1 0 R /Encrypt 5 0 R /Size 3>>\nstartxref\n9');
  test.each<[string, Uint8Array, string, string]>([
    ['a ZIP file', hostileZip([secret]), 'a.zip', 'application/zip'],
    ['AES', hostileZip([{ ...secret, method: 99 }]), 'a.zip', 'application/zip'],
    ['a Word document', sealed, 'a.docx', DOCX],
    ['an OpenDocument', zips.zip({ mimetype: ODT, 'encrypted-package': 'x' }), 'a.odt', ODT],
    ['a PDF', tableTrailer, 'a.pdf', 'application/pdf'],
    ['a PDF with another spelling', pdf('trailer <</#45ncrypt 5 0 R>>\nstartxref\n9'), 'a.pdf', 'application/pdf'],
    ['a PDF with its key inside', pdf('trailer <</Encrypt<</V 4>>>>\nstartxref\n9'), 'a.pdf', 'application/pdf'],
    [
      'a PDF whose trailer is far from its end',
      bytes(
        '%PDF-1.7\n',
        `7 0 obj <</Type/XRef /Encrypt 5 0 R>> stream\n`,
        'x'.repeat(200_000),
        '\nstartxref\n9\n%%EOF',
      ),
      'a.pdf',
      'application/pdf',
    ],
  ])('%s is let in, and refused where the policy says so', async (_what, content, name, mimeType) => {
    expect(await outcome(content, name)).toBe(mimeType);
    expect(await outcome(content, name, strict)).toBe('encrypted');
  });

  test('what has none is let in by the strict policy too', async () => {
    expect(await outcome(zips.docx, 'a.docx', strict)).toBe(DOCX);
    expect(await outcome(pdf('(the word /Encrypt in a text) startxref\n9'), 'a.pdf', strict)).toBe('application/pdf');
    expect(await outcome(pdf('startxref\n99999999'), 'a.pdf', strict)).toBe('application/pdf');
  });

  test('an old document under a new name is not what it says', async () => {
    expect(await outcome(oleFile(['WordDocument']), 'a.docx')).toBe('type-mismatch');
    expect(await outcome(oleFile(['EncryptedPackage', 'VBA']), 'a.docx')).toBe('executable');
  });

  test('a pattern cannot be kept busy', async () => {
    // Of this process: what else runs on the machine does not count.
    const before = process.cpuUsage();
    await outcome(bytes('%PDF-1.7\n', '/Encrypt%'.repeat(7000), 'startxref 1'), 'a.pdf', strict);
    await outcome(bytes('%PDF-1.7\n', '/Encrypt', ' '.repeat(60_000)), 'a.pdf', strict);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(5_000_000);
  });
});

test('what people send every day is let in', async () => {
  const epub = zips.zip({ mimetype: 'application/epub+zip', 'META-INF/container.xml': '<c/>' });
  for (const [content, name] of [
    [zips.docx, 'a.docx'],
    [zips.xlsx, 'a.xlsx'],
    [zips.pptx, 'a.pptx'],
    [zips.odt, 'a.odt'],
    [epub, 'a.epub'],
    [zips.plainZip, 'a.zip'],
    [hostileZip([text('photos.zip'), text('backup.tar.gz'), text('Ünïcode/文.txt')]), 'a.zip'],
  ] as const)
    expect(await outcome(content, name, strict)).toMatch(/^application\//);
});

test('a store that fails is no fault of the file', async () => {
  const broken = zips.docx;
  const read = async (position: number, lengthBytes: number) => {
    if (position > 0) throw new Error('the store is away');
    return broken.subarray(0, Math.min(lengthBytes, 20));
  };
  const confirmed = confirmType(
    { sizeBytes: 1_000_000, read },
    unknown,
    { name: 'a.zip', declaredType: null },
    standard,
  );
  await expect(confirmed).rejects.toThrow('the store is away');
});

function crcOf(name: string): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc32(name));
  return bytes;
}
