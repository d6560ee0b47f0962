/** Programs in a ZIP file are refused as outside of it: by name, and by how they begin. */
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DEFAULT_ALLOWED_TYPES } from '../../server/rules/file-types.ts';
import { confirmType } from '../../server/rules/inspect-whole.ts';
import { elfFile, exeFile, htmlFile, pngFile, scriptFile, svgFile, textFile } from '../services/fixtures.ts';
import { DEFLATED, ENCRYPTED, type HostileEntry, hostileZip } from './hostile-zips.ts';

const MIB = 1024 * 1024;
const ZIP = 'application/zip';
const policy = { maxFileSizeBytes: 100 * MIB, allowedTypes: DEFAULT_ALLOWED_TYPES };
const harmless: HostileEntry[] = [
  stored('notes.txt', textFile()),
  deflated('photos/one.png', pngFile({ bytes: 5000 })),
  { name: 'photos/' },
];

test('files of all kinds that run nothing are let in, pages and drawings too', async () => {
  expect(await outcome(harmless)).toBe(ZIP);
  const more = [
    stored('site/index.html', htmlFile()),
    deflated('logo.svg', svgFile()),
    stored('empty', Buffer.alloc(0)),
  ];
  expect(await outcome([...harmless, ...more])).toBe(ZIP);
  expect(await outcome([stored('archive.2026/read me', textFile()), stored('.profile', textFile())])).toBe(ZIP);
});

describe('refused', () => {
  test.each([
    'setup.exe',
    'a/b/RUN.BAT',
    'invoice.pdf.js',
    'menu.lnk',
    'table.xlsm',
    'setup.exe. ',
    'a\\tool.ps1',
    'inner.jar',
  ])('by its name: %s', async (name) => {
    const said = await outcome([...harmless, stored(name, textFile())]);
    expect(said).toMatch(/^executable: “a\.zip” holds .* and cannot be sent here\./);
  });

  test.each([
    ['a Windows program', exeFile()],
    ['a Linux program', elfFile()],
    ['a script', scriptFile()],
  ])('by how it begins: %s called a picture, stored or packed', async (_what, content) => {
    for (const entry of [stored('photos/holiday.jpg', content), deflated('photos/holiday.jpg', content)])
      expect(await outcome([...harmless, entry])).toMatch(/^executable: .*“holiday\.jpg”/);
  });

  test('the last of thousands, and with a few reads of the store', async () => {
    const many = Array.from({ length: 3000 }, (_, at) => stored(`${at}.txt`, textFile()));
    const seen = { reads: 0 };
    expect(await outcome([...many, deflated('last.png', exeFile())], seen)).toMatch(/^executable/);
    expect(seen.reads).toBeLessThan(40);
  });
});

test('what is encrypted, damaged, or grows without end is judged by its name alone', async () => {
  const zeros = deflateRawSync(Buffer.alloc(8 * MIB));
  const entries = [
    locked('locked.png', exeFile()),
    { name: 'damaged.png', data: Buffer.alloc(400, 0xff), unpackedBytes: 400, method: DEFLATED },
    { name: 'zeros.dat', data: zeros, unpackedBytes: 8 * MIB, method: DEFLATED },
    { name: 'other.dat', data: exeFile(), method: 12 },
  ];
  expect(await outcome(entries)).toBe(ZIP);
  expect(await outcome([...entries, locked('locked.exe', textFile())])).toMatch(/^executable/);
});

/** Its key takes twelve bytes (APPNOTE 6.1.3). */
function locked(name: string, data: Uint8Array): HostileEntry {
  return { name, data, unpackedBytes: data.length - 12, flags: ENCRYPTED };
}

test('thousands that each grow a thousand times keep nobody else waiting', async () => {
  const zeros = deflateRawSync(Buffer.alloc(480 * 1024));
  const entries = Array.from({ length: 9000 }, (_, at) => ({
    name: `${at}`,
    data: zeros,
    method: DEFLATED,
    unpackedBytes: 480,
  }));
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 1);
  expect(await outcome(entries)).toBe(ZIP);
  clearInterval(counting);
  expect(turns).toBeGreaterThan(10);
});

function stored(name: string, data: Uint8Array): HostileEntry {
  return { name, data };
}

function deflated(name: string, content: Uint8Array): HostileEntry {
  return { name, data: deflateRawSync(content), unpackedBytes: content.length, method: DEFLATED };
}

async function outcome(entries: readonly HostileEntry[], seen = { reads: 0 }): Promise<string> {
  const content = hostileZip(entries);
  const read = async (position: number, lengthBytes: number) => {
    seen.reads += 1;
    return content.subarray(position, position + lengthBytes);
  };
  const decided = { mimeType: ZIP, extension: '.zip' };
  const declared = { name: 'a.zip', declaredType: null };
  return confirmType({ sizeBytes: content.length, read }, decided, declared, policy).then(
    ({ mimeType }) => mimeType,
    (error) => `${error.code}: ${error.message}`,
  );
}
