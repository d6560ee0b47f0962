/** The process that decodes: what it is given, what it may take, and that nothing it is fed ends more than itself. */
import { readdir, readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import { createPreviewMaker, type Preview } from '../../server/pictures/preview-maker.ts';
import { createScratch } from '../../server/pictures/scratch-folder.ts';
import { eventually } from '../services/eventually.ts';
import { svgFile } from '../services/fixtures.ts';
import { broken, cornersOf, gifOfFrames, largePng, manyFrames, type PhotoFormat, photo } from '../services/pictures.ts';

/** Pictures need neither a program nor a folder. */
const maker = createPreviewMaker({ programs: {}, scratch: createScratch('/nowhere') });
const goOn = new AbortController().signal;
afterAll(() => maker.rest());

describe('what is no picture for it is refused with a reason', () => {
  test.each<[string, () => Buffer, RegExp]>([
    ['50,000 × 50,000', () => largePng(50_000, 50_000, 1), /2500 megapixels/],
    ['16,000 × 16,000', () => largePng(16_000, 16_000, 1), /256 megapixels/],
    ['an SVG', svgFile, /cannot be decoded/],
    ['a PDF', () => Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n'), /cannot be decoded/],
    ['no bytes at all', () => Buffer.alloc(0), /cannot be decoded/],
  ])('%s', async (_what, file, reason) => {
    expect(await make(file())).toMatch(reason);
  });

  test('the bombs are as small as they are said to be', () => {
    expect(largePng(50_000, 50_000, 1).length).toBeLessThan(400_000);
    expect(largePng(16_000, 16_000, 1).length).toBeLessThan(40_000);
  });
});

test('of what moves the first picture is taken, however many follow', async () => {
  expect(await made(gifOfFrames(10_000))).toMatchObject({ width: 1, height: 1 });
  expect(await made(await manyFrames('webp', 10_000))).toMatchObject({ width: 16, height: 16 });
  expect(await made(await manyFrames('png', 10_000))).toMatchObject({ width: 16, height: 16 });
});

test.each<PhotoFormat>(['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'])('%s', async (format) => {
  const { thumbnail, width, height, placeholder } = await made(await photo({ format, width: 1500, height: 1000 }));
  expect([width, height]).toEqual([1500, 1000]);
  const small = await sharp(thumbnail).metadata();
  expect([small.format, small.width, small.height]).toEqual(['webp', 640, 427]);
  expect(Buffer.from(placeholder, 'base64').length).toBeGreaterThan(10);
});

test('nothing that stood beside the pixels is in it', async () => {
  const { thumbnail } = await made(await photo({ metadata: true, orientation: 6 }));
  const { exif, xmp, icc, iptc, orientation } = await sharp(thumbnail).metadata();
  expect([exif, xmp, icc, iptc, orientation]).toEqual([undefined, undefined, undefined, undefined, undefined]);
});

test('a small picture is not made larger', async () => {
  const { thumbnail } = await made(await photo({ width: 30, height: 20 }));
  const { width, height } = await sharp(thumbnail).metadata();
  expect([width, height]).toEqual([30, 20]);
});

test.each([
  [1, '#ff0000 #00ff00 #0000ff #ffff00'],
  [2, '#00ff00 #ff0000 #ffff00 #0000ff'],
  [3, '#ffff00 #0000ff #00ff00 #ff0000'],
  [4, '#0000ff #ffff00 #ff0000 #00ff00'],
  [5, '#ff0000 #0000ff #00ff00 #ffff00'],
  [6, '#0000ff #ff0000 #ffff00 #00ff00'],
  [7, '#ffff00 #00ff00 #0000ff #ff0000'],
  [8, '#00ff00 #ffff00 #ff0000 #0000ff'],
])('orientation %i is applied, to the size too', async (orientation, corners) => {
  const { thumbnail, width, height } = await made(await photo({ orientation }));
  expect([width, height]).toEqual(orientation < 5 ? [120, 80] : [80, 120]);
  expect((await cornersOf(thumbnail)).join(' ')).toBe(corners);
});

test('a thousand broken pictures: each is answered, by processes that end with their work, and it goes on', async () => {
  const files = await Promise.all(
    (['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff'] as const).map((format) => photo({ format, width: 48, height: 48 })),
  );
  let refused = 0;
  const faults: string[] = [];
  for (let seed = 0; seed < 1000; seed += 1) {
    const result = await make(broken(files[seed % files.length] as Buffer, seed)).catch((error) => {
      faults.push(`seed ${seed}: ${error}`);
      return '';
    });
    if (typeof result === 'string') refused += 1;
  }
  expect(faults).toEqual([]);
  expect(refused).toBeGreaterThan(200);
  expect((await workersOf(process.pid)).length).toBeLessThanOrEqual(1);
  expect(await made(await photo())).toMatchObject({ width: 120 });
});

test('it knows no setting and no secret, and the kernel bounds what it can ask for', async () => {
  await made(await photo());
  const [pid] = await workersOf(process.pid);
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
  const names = environment.split('\0').map((line) => line.split('=')[0]);
  expect(
    names
      .filter((name) => name !== 'PWD')
      .toSorted()
      .join(' ')
      .trim(),
  ).toBe('MALLOC_ARENA_MAX VIPS_BLOCK_UNTRUSTED VIPS_DISC_THRESHOLD');
  expect(await readFile(`/proc/${pid}/limits`, 'utf8')).toMatch(/Max data size\s+1610612736/);
});

test('one that is killed is replaced, whether it works or waits', async () => {
  await made(await photo());
  const [waiting] = await workersOf(process.pid);
  process.kill(waiting as number, 'SIGKILL');
  // Its end may not be known yet: then the picture meets it, and the next one does not.
  await make(await photo()).catch(() => {});
  await made(await photo());
  const [stopped] = await workersOf(process.pid);
  expect(stopped).not.toBe(waiting);
  process.kill(stopped as number, 'SIGSTOP');
  const failed = make(await photo()).catch((error: Error) => error.message);
  process.kill(stopped as number, 'SIGKILL');
  expect(await failed).toMatch(/SIGKILL|EPIPE|ECONNRESET|could not be sent/);
  expect(await made(await photo())).toMatchObject({ width: 120 });
});

test('bytes that end before they should are no answer of the picture, and cost the process', async () => {
  const file = await photo();
  const cut = async () => ({ ...source(file), stream: () => Readable.from([file.subarray(0, 100)]) });
  const short = maker.make('image/jpeg', cut, goOn);
  await expect(short).rejects.toThrow('100 bytes were there');
  expect(await made(file)).toMatchObject({ width: 120 });
});

test('it ends when it is told to', async () => {
  const stop = new AbortController();
  await made(await photo());
  const [pid] = await workersOf(process.pid);
  process.kill(pid as number, 'SIGSTOP');
  const file = await photo();
  const under = maker.make('image/jpeg', async () => source(file), stop.signal);
  setTimeout(() => stop.abort(), 50);
  await expect(under).rejects.toThrow();
  await eventually('it is gone', async () => !(await workersOf(process.pid)).includes(pid as number), 60_000);
});

function make(file: Buffer): Promise<Preview | string> {
  return maker.make('image/jpeg', async () => source(file), goOn);
}

/** As a stored object is read. */
function source(file: Buffer) {
  return {
    sizeBytes: file.length,
    read: async (position: number, lengthBytes: number) => file.subarray(position, position + lengthBytes),
    stream: () => Readable.from(file.length === 0 ? [] : [file]),
    close: async () => {},
  };
}

async function made(file: Buffer): Promise<Preview> {
  const result = await make(file);
  if (typeof result === 'string') throw new Error(`refused: ${result}`);
  return result;
}

/** Processes that decode pictures for this one. */
async function workersOf(parent: number): Promise<number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, 'utf8').catch(() => '');
    const words = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(ppid) === parent && state !== 'Z' && words.includes('preview-worker')) found.push(Number(entry));
  }
  return found;
}
