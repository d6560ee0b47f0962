/** Memory is shared by those who need it now. */
import { expect, test } from 'vitest';
import { createMemoryShare } from '../../server/storage/memory-share.ts';

const MIB = 1024 * 1024;

test('alone one may hold all of it; each that comes makes the shares smaller, each that leaves larger, once', () => {
  const share = createMemoryShare(8 * MIB);
  expect(share.heldBytes()).toBe(8 * MIB);
  const leave = [share.enter(), share.enter(), share.enter(), share.enter()];
  expect(share.heldBytes()).toBe(2 * MIB);
  leave[0]?.();
  leave[0]?.();
  leave[1]?.();
  expect(share.heldBytes()).toBe(4 * MIB);
});

test('however many there are, nobody is pressed to store a byte at a time', () => {
  const share = createMemoryShare(MIB);
  for (let count = 0; count < 1000; count += 1) share.enter();
  expect(share.heldBytes()).toBe(MIB / 4);
});
