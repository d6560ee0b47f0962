/** A shared sync of a folder: nobody is answered by one that began before they came. */
import { expect, test } from 'vitest';
import { shareSyncs } from '../../server/storage/share-syncs.ts';

/** Syncs that end when they are told to, in the order in which they began. */
function heldSyncs() {
  const begun: { folder: string; end(error?: Error): void }[] = [];
  const sync = shareSyncs((folder) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    begun.push({ folder, end: (error) => (error === undefined ? resolve() : reject(error)) });
    return promise;
  });
  return { sync, begun };
}
const turn = () => new Promise(setImmediate);

test('who comes while one runs waits for the next, all of them for the same', async () => {
  const { sync, begun } = heldSyncs();
  const done: string[] = [];
  void sync('a').then(() => done.push('first'));
  for (const name of ['second', 'third']) void sync('a').then(() => done.push(name));
  expect(begun).toHaveLength(1);
  begun[0]?.end();
  await turn();
  expect([done, begun.length]).toEqual([['first'], 2]);
  void sync('a').then(() => done.push('fourth'));
  begun[1]?.end();
  await turn();
  expect([done, begun.length]).toEqual([['first', 'second', 'third'], 3]);
  begun[2]?.end();
  await turn();
  expect(done).toHaveLength(4);
  void sync('a');
  expect(begun).toHaveLength(4);
});

test('folders do not wait for each other', () => {
  const { sync, begun } = heldSyncs();
  void sync('a');
  void sync('b');
  expect(begun.map(({ folder }) => folder)).toEqual(['a', 'b']);
});

test('one that fails fails for all who came by then: what it lost is told once; who comes later has another one', async () => {
  const { sync, begun } = heldSyncs();
  const first = sync('a');
  const second = sync('a');
  begun[0]?.end(new Error('EIO'));
  await expect(first).rejects.toThrow('EIO');
  await expect(second).rejects.toThrow('EIO');
  expect(begun).toHaveLength(1);
  const later = sync('a');
  begun[1]?.end();
  await later;
});
