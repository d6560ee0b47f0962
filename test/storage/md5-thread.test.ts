/** The hashes of a thread are those of this one, whatever is asked for at once. */
import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { createMd5Thread } from '../../server/storage/md5-thread.ts';

const MIB = 1024 * 1024;

test('blocks of all sizes, many at once: each gets its own hash, and what was read stays as it is', async () => {
  const thread = createMd5Thread();
  const sizes = [1, MIB - 1, MIB, MIB + 1, 3 * MIB, 4 * MIB + 7, 9 * MIB];
  const blocks = [...sizes, ...sizes].map((bytes) => randomBytes(bytes));
  const before = blocks.map((block) => createHash('md5').update(block).digest('base64'));
  expect(await Promise.all(blocks.map(thread.digest))).toEqual(before);
  expect(blocks.map((block) => createHash('md5').update(block).digest('base64'))).toEqual(before);
});
