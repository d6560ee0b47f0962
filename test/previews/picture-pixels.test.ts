/** How many pixels a picture has is read from its header, and too many are refused before anybody opens them. */
import { describe, expect, test } from 'vitest';
import { DEFAULT_ALLOWED_TYPES } from '../../server/rules/file-types.ts';
import { confirmType } from '../../server/rules/inspect-whole.ts';
import { pixelsOf } from '../../server/rules/picture-pixels.ts';
import { broken, heicFile, largePng, type PhotoFormat, photo } from '../services/pictures.ts';

const policy = { maxFileSizeBytes: 1e9, allowedTypes: DEFAULT_ALLOWED_TYPES, maxImagePixels: 250_000_000 };

test.each<PhotoFormat>(['jpeg', 'png', 'webp', 'avif', 'tiff', 'gif'])('of a picture: %s', async (format) => {
  expect(await pixelsOf(fileOf(await photo({ format, width: 90, height: 70 })))).toBe(6300);
});

test('of one that does not say', async () => {
  expect(await pixelsOf(fileOf((await heicFile()).file))).toBeNull();
  expect(await pixelsOf(fileOf(Buffer.alloc(0)))).toBeNull();
});

test('of a JPEG that has a megabyte of something else in front of it', async () => {
  const whole = await photo({ format: 'jpeg', width: 90, height: 70 });
  const segment = Buffer.alloc(2 + 0xffff, 0x20);
  segment.writeUInt16BE(0xffef, 0);
  segment.writeUInt16BE(0xffff, 2);
  const segments = Array.from({ length: 20 }, () => segment);
  expect(await pixelsOf(fileOf(Buffer.concat([whole.subarray(0, 2), ...segments, whole.subarray(2)])))).toBe(6300);
});

describe('too many', () => {
  test.each([
    ['50,000 × 50,000', () => largePng(50_000, 50_000, 1)],
    ['16,000 × 16,000', () => largePng(16_000, 16_000, 1)],
  ])('%s is refused in a sentence', async (_size, make) => {
    expect(await outcome(make())).toBe(
      'file-too-large: “a.png” has more than 250 megapixels, the most that a picture may have here. Make it smaller and send it again.',
    );
  });

  test('15,000 × 15,000 is not', async () => {
    expect(await outcome(largePng(15_000, 15_000, 1))).toBe('image/png');
  });
});

test('a thousand broken ones are let in or refused, and nothing else is thrown', async () => {
  const samples = await Promise.all(
    (['jpeg', 'png', 'webp', 'tiff', 'gif'] as const).map((format) => photo({ format, width: 64, height: 64 })),
  );
  for (let seed = 0; seed < 1000; seed += 1) {
    const pixels = await pixelsOf(fileOf(broken(samples[seed % samples.length] as Buffer, seed)));
    expect(pixels === null || pixels >= 0, `seed ${seed}`).toBe(true);
  }
});

function fileOf(content: Buffer) {
  const read = async (position: number, lengthBytes: number) => content.subarray(position, position + lengthBytes);
  return { sizeBytes: content.length, read };
}

function outcome(content: Buffer): Promise<string> {
  const decided = { mimeType: 'image/png', extension: '.png' };
  return confirmType(fileOf(content), decided, { name: 'a.png', declaredType: null }, policy).then(
    ({ mimeType }) => mimeType,
    (error) => `${error.code}: ${error.message}`,
  );
}
