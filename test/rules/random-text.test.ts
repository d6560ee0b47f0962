/** Names that nobody can guess are each another, also where a pool of bytes ends in the middle. */
import { expect, test } from 'vitest';
import { randomText } from '../../server/rules/random-text.ts';

test('no byte is handed out twice', () => {
  const texts = Array.from({ length: 3000 }, (_, at) =>
    randomText(at % 2 === 0 ? 16 : 9, at % 2 === 0 ? 'base64url' : 'hex'),
  );
  expect(new Set(texts).size).toBe(texts.length);
  // Nor is any part of one found in another: 9 bytes of the last pool would be.
  const halves = texts.map((text, at) =>
    Buffer.from(text, at % 2 === 0 ? 'base64url' : 'hex')
      .subarray(0, 8)
      .toString('hex'),
  );
  expect(new Set(halves).size).toBe(halves.length);
});

test('it is as long as it was asked for, and more than a name has is refused', () => {
  expect(randomText(16, 'base64url')).toMatch(/^[\w-]{22}$/);
  expect(randomText(8, 'hex')).toMatch(/^[0-9a-f]{16}$/);
  expect(() => randomText(65, 'hex')).toThrow(RangeError);
});
