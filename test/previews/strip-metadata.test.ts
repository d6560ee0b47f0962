/** What is taken out of a picture, and what stays: by a reader that is not ours, and pixel by pixel. */
import { setTimeout as sleep } from 'node:timers/promises';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { type ByteSource, bytesOf } from '../../server/pictures/kept-bytes.ts';
import { findKeptBytes } from '../../server/pictures/strip-metadata.ts';
import { pngChunk, pngFile } from '../services/fixtures.ts';
import {
  broken,
  cornersOf,
  gifOfFrames,
  heicFile,
  manyFrames,
  type PhotoFormat,
  photo,
  pixelsOf,
  placeIn,
  SECRET_WORD,
  webpOfFrames,
} from '../services/pictures.ts';

const FORMATS: [PhotoFormat, string][] = [
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['webp', 'image/webp'],
  ['avif', 'image/avif'],
];

describe.each(FORMATS)('%s', (format, type) => {
  test('loses place, camera and XMP, and keeps its pixels and colours', async () => {
    const file = await photo({ format, metadata: true, orientation: 6 });
    expect(await placeIn(file)).toMatchObject({ latitude: expect.closeTo(52.53, 1) });
    expect(file.includes(SECRET_WORD)).toBe(true);
    const stripped = await strip(file, type);
    expect(await placeIn(stripped)).toBeNull();
    expect(stripped.includes(SECRET_WORD)).toBe(false);
    expect(stripped.includes('Chatdrop')).toBe(false);
    expect((await pixelsOf(stripped)).equals(await pixelsOf(file))).toBe(true);
    const [before, after] = [await sharp(file).metadata(), await sharp(stripped).metadata()];
    expect(before.icc).toBeDefined();
    expect(after.icc?.equals(before.icc as Buffer)).toBe(true);
    // Written over, where nothing may move.
    expect(after.xmp?.some((byte) => byte !== 0) ?? false).toBe(false);
    // Twice is once.
    expect((await strip(stripped, type)).equals(stripped)).toBe(true);
  });

  test('without metadata is left as it is', async () => {
    const file = await photo({ format });
    expect(await findKeptBytes(source(file), type)).toBeNull();
  });
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])('orientation %i stays, and nothing beside it', async (orientation) => {
  for (const format of ['jpeg', 'png', 'webp'] as const) {
    const stripped = await strip(await photo({ format, metadata: true, orientation }), `image/${format}`);
    const { orientation: kept, exif } = await sharp(stripped).metadata();
    expect([format, kept ?? 1]).toEqual([format, orientation]);
    expect(exif?.length ?? 0).toBeLessThan(40);
  }
});

test('JPEG: comments, notes of the maker, and whatever stands behind the picture go; a progressive one is followed to its end', async () => {
  const plain = await sharp(await photo({ width: 400, height: 300 }))
    .jpeg({ progressive: true })
    .toBuffer();
  const segment = (marker: number, text: string) => {
    const head = Buffer.from([0xff, marker, 0, 0]);
    head.writeUInt16BE(text.length + 2, 2);
    return Buffer.concat([head, Buffer.from(text, 'latin1')]);
  };
  const file = Buffer.concat([
    plain.subarray(0, 2),
    segment(0xfe, `taken at ${SECRET_WORD}`),
    segment(0xed, `Photoshop 3.0\0${SECRET_WORD}`),
    segment(0xe2, `MPF\0${SECRET_WORD}`),
    Buffer.from([0, 17, 0xff]),
    segment(0xe1, `http://ns.adobe.com/xap/1.0/\0${SECRET_WORD}`),
    plain.subarray(2),
    await photo({ metadata: true }),
  ]);
  const stripped = await strip(file, 'image/jpeg');
  expect(stripped.includes(SECRET_WORD)).toBe(false);
  expect(stripped.length).toBe(plain.length);
  expect((await pixelsOf(stripped)).equals(await pixelsOf(plain))).toBe(true);
});

test('JPEG: one that was cut off in the middle loses its place all the same', async () => {
  const whole = await photo({ metadata: true, width: 400, height: 300 });
  const stripped = await strip(whole.subarray(0, whole.length - 200), 'image/jpeg');
  expect(await placeIn(stripped)).toBeNull();
  expect(stripped.includes(SECRET_WORD)).toBe(false);
  expect(stripped.length).toBeGreaterThan(500);
});

test('PNG: texts, times and what follows the end go; colours, density and unknown chunks stay', async () => {
  const plain = pngFile({ width: 8, height: 8, bytes: 5000 });
  const at = plain.indexOf('IDAT') - 4;
  const physical = pngChunk('pHYs', Buffer.from([0, 0, 11, 19, 0, 0, 11, 19, 1]));
  const gamma = pngChunk('gAMA', Buffer.from([0, 0, 0xb1, 0x8f]));
  const file = Buffer.concat([
    plain.subarray(0, at),
    gamma,
    pngChunk('tEXt', Buffer.from(`Comment\0${SECRET_WORD}`)),
    pngChunk('iTXt', Buffer.from(`XML:com.adobe.xmp\0\0\0\0\0${SECRET_WORD}`)),
    physical,
    pngChunk('tIME', Buffer.from([7, 234, 11, 27, 22, 0, 0])),
    plain.subarray(at),
    Buffer.from(SECRET_WORD),
  ]);
  const expected = Buffer.concat([plain.subarray(0, at), gamma, physical, plain.subarray(at)]);
  expect((await strip(file, 'image/png')).equals(expected)).toBe(true);
});

test('WebP: one that moves keeps all its frames', async () => {
  const file = await webpOfFrames(20);
  const withExif = await sharp(file, { animated: true })
    .withExif({ IFD0: { Model: SECRET_WORD } })
    .webp({ lossless: true })
    .toBuffer();
  const stripped = await strip(withExif, 'image/webp');
  expect(stripped.includes(SECRET_WORD)).toBe(false);
  expect((await sharp(stripped).metadata()).pages).toBe(20);
  expect((await pixelsOf(stripped)).equals(await pixelsOf(withExif))).toBe(true);
  expect(stripped.readUInt32LE(4) + 8).toBe(stripped.length);
});

test('HEIC: what is taken out is written over, and no byte of the picture moves', async () => {
  const { file, picture } = await heicFile();
  expect(await placeIn(file)).not.toBeNull();
  const stripped = await strip(file, 'image/heic');
  expect(stripped.length).toBe(file.length);
  expect(await placeIn(stripped)).toBeNull();
  expect(stripped.includes(SECRET_WORD)).toBe(false);
  expect(stripped.includes('+52.5297')).toBe(false);
  expect(stripped.indexOf(picture)).toBe(file.indexOf(picture));
  expect(stripped.subarray(0, 200).equals(file.subarray(0, 200))).toBe(true);
  expect((await strip(stripped, 'image/heic')).equals(stripped)).toBe(true);
});

test('HEIC: an item that points at the beginning of the file does not make another kind of file of it', async () => {
  const { file } = await heicFile();
  const at = file.indexOf('iloc') + 12;
  const pointing = Buffer.from(file);
  pointing.writeUInt32BE(0, at + 14 + 6);
  const stripped = await strip(pointing, 'image/heic');
  expect(stripped.subarray(0, 24).equals(file.subarray(0, 24))).toBe(true);
});

test('thousands of broken files: none makes it throw, and what comes out is never longer', async () => {
  const files = await Promise.all(FORMATS.map(([format]) => photo({ format, metadata: true, orientation: 3 })));
  const all = [...files, (await heicFile()).file];
  const types = [...FORMATS.map(([, type]) => type), 'image/heic'];
  for (let seed = 0; seed < 6000; seed += 1) {
    const at = seed % all.length;
    const whole = all[at] as Buffer;
    // Half of them in their first bytes, where the lengths and places stand.
    const headBytes = Math.min(whole.length, seed % 2 === 0 ? whole.length : 700);
    const file = Buffer.concat([broken(whole.subarray(0, headBytes), seed), whole.subarray(headBytes)]);
    const stripped = await strip(file, types[at] as string).catch((error) => {
      throw new Error(`seed ${seed} of ${types[at]}`, { cause: error });
    });
    if (stripped.length > file.length + 64) throw new Error(`seed ${seed}: ${stripped.length} of ${file.length} bytes`);
    if (seed % 100 === 0) await sleep(0);
  }
});

test.each(['webp', 'png', 'gif'] as const)('%s of 10,000 frames: all of them stay', async (format) => {
  const file = format === 'gif' ? gifOfFrames(10_000) : await manyFrames(format, 10_000);
  expect((await strip(file, `image/${format}`)).equals(file)).toBe(true);
});

test('a PNG of half a million chunks is left as it is, in no time and no room', async () => {
  const tiny = [pngChunk('tEXt', Buffer.alloc(0)), pngChunk('teSt', Buffer.alloc(0))];
  const plain = pngFile();
  const file = Buffer.concat([
    plain.subarray(0, 33),
    ...Array.from({ length: 250_000 }, () => tiny).flat(),
    plain.subarray(33),
  ]);
  expect(await findKeptBytes(source(file), 'image/png')).toBeNull();
});

test('a picture stays turned as it was', async () => {
  const file = await photo({ orientation: 6 });
  const upright = (bytes: Buffer) => sharp(bytes).autoOrient().png().toBuffer();
  expect(await cornersOf(await upright(await strip(file, 'image/jpeg')))).toEqual(await cornersOf(await upright(file)));
});

async function strip(file: Buffer, type: string): Promise<Buffer> {
  const kept = await findKeptBytes(source(file), type);
  if (kept === null) return file;
  const chunks: Buffer[] = [];
  for await (const chunk of bytesOf(source(file), kept.pieces)) chunks.push(chunk);
  const whole = Buffer.concat(chunks);
  expect(whole.length).toBe(kept.sizeBytes);
  return whole;
}

function source(file: Buffer): ByteSource {
  return { sizeBytes: file.length, read: async (position, length) => file.subarray(position, position + length) };
}
