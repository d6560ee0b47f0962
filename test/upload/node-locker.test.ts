/** The lock of an upload among nodes, on a real PostgreSQL: one writer, who is asked to end, and who may die or lose sight of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Locker } from '@tus/utils';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type NodeSession, openNodeSession } from '../../server/database/node-session.ts';
import { createLocker, withLock } from '../../server/upload/locker.ts';
import { createNodeLocker } from '../../server/upload/node-locker.ts';
import { createSharedLocks } from '../../server/upload/shared-locks.ts';
import { eventually } from '../services/eventually.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';

let postgres: TestPostgres;
let url: string;
const sessions: NodeSession[] = [];
const never = new AbortController().signal;

beforeAll(async () => {
  postgres = await startPostgres();
  url = await postgres.newDatabase();
});
afterEach(async () => {
  for (const session of sessions.splice(0)) await session.close();
});
afterAll(() => postgres?.close());

async function node(): Promise<Locker> {
  const session = await openNodeSession(url);
  sessions.push(session);
  return createNodeLocker(createLocker(), await createSharedLocks(session));
}

test('three nodes, sixty writers at one upload: never two at once, and all have their turn', async () => {
  const nodes = await Promise.all([node(), node(), node()]);
  let inside = 0;
  let most = 0;
  let turns = 0;
  const write = (at: number) =>
    withLock(nodes[at % 3] as Locker, 'film', async () => {
      inside += 1;
      most = Math.max(most, inside);
      await sleep(2);
      inside -= 1;
      turns += 1;
    });
  await Promise.all(Array.from({ length: 60 }, (_, at) => write(at)));
  expect([most, turns]).toEqual([1, 60]);
});

test('who comes on another node asks the writer to end, and gets the lock as soon as it has', async () => {
  const [a, b] = [await node(), await node()];
  const first = a.newLock('film');
  let asked = 0;
  await first.lock(never, () => {
    asked += 1;
    void first.unlock();
  });
  await b.newLock('film').lock(never, () => {});
  expect(asked).toBe(1);
});

test('a writer that does not end: whoever waits is told to try again, and may leave before', async () => {
  const [a, b] = [await node(), await node()];
  await a.newLock('film').lock(never, () => {});
  const leaving = new AbortController();
  const waiting = b.newLock('film').lock(leaving.signal, () => {});
  setTimeout(() => leaving.abort(), 100);
  await expect(waiting).rejects.toMatchObject({ code: 'try-again' });
  await withLock(b, 'another', async () => {});
});

test('the database goes: writers are told to stop, newcomers to try again; when it is back all goes on', async () => {
  const [a, b] = [await node(), await node()];
  let told = 0;
  const lock = a.newLock('film');
  await lock.lock(never, () => {
    told += 1;
  });
  await postgres.stop('immediate');
  await eventually('the writer is told', () => told === 1);
  await expect(b.newLock('film').lock(never, () => {})).rejects.toMatchObject({ code: 'try-again' });
  await lock.unlock();
  await postgres.start();
  await eventually('both lock again', async () => {
    await withLock(a, 'film', async () => {});
    await withLock(b, 'film', async () => {});
    return true;
  });
});
