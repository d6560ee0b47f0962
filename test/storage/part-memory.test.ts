/** The parts of a body lie in the same few blocks, and never two at once in one. */
import { expect, test } from 'vitest';
import { createPartMemory } from '../../server/storage/part-memory.ts';

test('chunks become one part and are given back; the next part takes the block of one that is sent, and of no other', () => {
  const freed: string[] = [];
  const memory = createPartMemory((chunks) => freed.push(...chunks.map(String)));
  const chunks = [Buffer.from('one '), Buffer.from('part')];
  const first = memory.join(chunks, 8);
  expect([String(first), chunks, freed]).toEqual(['one part', [], ['one ', 'part']]);

  const second = memory.join([Buffer.from('8 others')], 8);
  expect([String(first), String(second)]).toEqual(['one part', '8 others']);
  expect(second.buffer).not.toBe(first.buffer);

  const { buffer: block } = first;
  memory.giveBack(first);
  const shorter = memory.join([Buffer.from('end')], 3);
  expect([String(shorter), String(second)]).toEqual(['end', '8 others']);
  expect(shorter.buffer).toBe(block);

  memory.giveBack(shorter);
  memory.giveBack(second);
  const larger = memory.join([Buffer.alloc(9, 'x')], 9);
  expect(String(larger)).toBe('x'.repeat(9));
  memory.end();
  expect([shorter.byteLength, second.byteLength, String(larger)]).toEqual([0, 0, 'x'.repeat(9)]);
});
