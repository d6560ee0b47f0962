/** When one run over many jobs gives up for now: what it would ask next is away too. */
import { expect, test } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import { NoScanner } from '../../server/sharing/check-scanner.ts';
import { createPatience } from '../../server/sharing/patience.ts';

function failing(error: Error, tookMs: number) {
  let now = 0;
  const patience = createPatience(() => now);
  const fail = () =>
    patience
      .wait(async () => {
        now += tookMs;
        throw error;
      })
      .catch((thrown: unknown) => expect(thrown).toBe(error));
  return { patience, fail };
}

test.each<[string, Error, number, number]>([
  ['a store that says nothing for 10 s', new Failure('storage-unavailable'), 10_000, 2],
  [
    'a finish that waited for it',
    new Failure('try-again', '', { cause: new Failure('storage-unavailable') }),
    10_000,
    2,
  ],
  ['a scanner that refuses at once', new Failure('scanner-unavailable'), 0, 4],
  ['a scanner that hangs', new Failure('scanner-unavailable'), 60_000, 1],
])('%s', async (_, error, tookMs, times) => {
  const { patience, fail } = failing(error, tookMs);
  for (let n = 0; n < times; n += 1) {
    expect(patience.isOver()).toBe(false);
    await fail();
  }
  expect(patience.isOver()).toBe(true);
});

test('faults of single files, and a store that refuses at once, end no run', async () => {
  for (const error of [
    new NoScanner(),
    new Failure('infected'),
    new Error('EIO'),
    new Failure('storage-unavailable'),
  ]) {
    const { patience, fail } = failing(error, 0);
    for (let n = 0; n < 100; n += 1) await fail();
    expect(patience.isOver()).toBe(false);
  }
});
