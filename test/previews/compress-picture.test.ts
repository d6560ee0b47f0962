/** Pictures in fewer bytes: which are made smaller, what stays of them, and which are left alone. */
import { Readable } from 'node:stream';
import sharp from 'sharp';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { createPreviewMaker } from '../../server/pictures/preview-maker.ts';
import { createScratch } from '../../server/pictures/scratch-folder.ts';
import { pngChunk } from '../services/fixtures.ts';
import { cornersOf, largePng, type PhotoFormat, photo, placeIn, webpOfFrames } from '../services/pictures.ts';

vi.setConfig({ testTimeout: 120_000 });
const SIDE = 500;
const LARGE = { width: 1000, height: 750, grain: true };
const maker = createPreviewMaker({ programs: {}, scratch: createScratch('/nowhere') });
afterAll(() => maker.rest());

test.each<PhotoFormat>(['jpeg', 'png', 'webp'])(
  '%s: as large as is wanted, upright, in the same colours',
  async (format) => {
    const file = await photo({ ...LARGE, format, metadata: true, orientation: 6 });
    const smaller = await compress(file);
    if (typeof smaller === 'string') throw new Error(smaller);
    expect(smaller.length).toBeLessThan(file.length * 0.9);
    const [before, after] = [await sharp(file).metadata(), await sharp(smaller).metadata()];
    expect([after.format, after.width, after.height, after.orientation ?? 1]).toEqual([format, 375, SIDE, 1]);
    expect(after.icc?.equals(before.icc as Buffer)).toBe(true);
    expect([after.exif, after.xmp]).toEqual([undefined, undefined]);
    expect(await cornersOf(smaller)).toEqual(['#0000ff', '#ff0000', '#ffff00', '#00ff00']);
    // Of colours, not only of corners: a mean that moves is a profile that was applied and kept.
    const mean = async (picture: Buffer) =>
      (await sharp(picture).raw().toBuffer()).reduce((sum, value) => sum + value, 0);
    const pixels = (of: { width: number; height: number }) => of.width * of.height;
    expect((await mean(smaller)) / pixels(after)).toBeCloseTo((await mean(file)) / pixels(before), -1);
  },
);

test('metadata comes along where the company keeps it', async () => {
  const smaller = await compress(await photo({ ...LARGE, metadata: true, orientation: 6 }), true);
  if (typeof smaller === 'string') throw new Error(smaller);
  expect(await placeIn(smaller)).toMatchObject({ latitude: expect.closeTo(52.53, 1) });
  expect((await sharp(smaller).metadata()).orientation ?? 1).toBe(1);
  expect(await cornersOf(smaller)).toEqual(['#0000ff', '#ff0000', '#ffff00', '#00ff00']);
});

describe('is left as it is', () => {
  test.each<[string, () => Promise<Buffer> | Buffer, RegExp]>([
    [
      'what would not be smaller by a tenth',
      async () =>
        sharp(await photo(LARGE))
          .resize(SIDE)
          .jpeg({ quality: 70 })
          .toBuffer(),
      /by a tenth/,
    ],
    ['a WebP that moves', () => webpOfFrames(3), /it moves/],
    ['a PNG that moves', async () => animatedPng(), /it moves/],
    ['a PNG of 16 bits', () => png16(), /colours/],
    ['a JPEG of inks', () => inks(), /colours/],
    ['a GIF', () => photo({ format: 'gif' }), /only JPEG/],
    ['what is too large to be decoded', () => largePng(16_000, 16_000, 1), /256 megapixels/],
    ['half a picture', async () => (await photo(LARGE)).subarray(0, 50_000), /cannot be decoded/],
  ])('%s', async (_what, make, reason) => {
    expect(await compress(await make())).toMatch(reason);
  });

  async function animatedPng(): Promise<Buffer> {
    const plain = await photo({ format: 'png' });
    const at = plain.indexOf('IDAT') - 4;
    return Buffer.concat([plain.subarray(0, at), pngChunk('acTL', Buffer.alloc(8)), plain.subarray(at)]);
  }
  function png16(): Promise<Buffer> {
    const blank = sharp({ create: { width: 900, height: 900, channels: 3, background: 'red' } });
    return blank.toColourspace('rgb16').png().toBuffer();
  }
  async function inks(): Promise<Buffer> {
    return sharp(await photo())
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
  }
});

test('many at once come one after the other, each with its own answer', async () => {
  const widths = [600, 610, 620, 630];
  const files = await Promise.all(widths.map((width) => photo({ ...LARGE, width, height: 400 })));
  const answers = await Promise.all(files.map((file) => compress(file)));
  const found = await Promise.all(answers.map((answer) => sharp(answer as Buffer).metadata()));
  expect(found.map(({ width, height }) => [width, height])).toEqual(
    widths.map((width) => [SIDE, Math.round((400 * SIDE) / width)]),
  );
});

function compress(file: Buffer, keepsMetadata = false): Promise<Buffer | string> {
  const source = {
    sizeBytes: file.length,
    read: async (position: number, lengthBytes: number) => file.subarray(position, position + lengthBytes),
    stream: () => Readable.from([file]),
    close: async () => {},
  };
  return maker.compress(async () => source, { maxSidePx: SIDE, keepsMetadata }, new AbortController().signal);
}
