/** Health of parts that do not work, and answers that are kept for a moment. */
import { expect, test } from 'vitest';
import { keepBriefly } from '../../server/http/kept-briefly.ts';
import { createOverviewAdminRoutes, type Inspected } from '../../server/http/overview-admin-routes.ts';
import { Failure } from '../../server/rules/failure.ts';

test('a part that is away says so; of a fault that nobody expected nothing is told', async () => {
  const parts: Inspected[] = [
    { name: 'database', detail: 'SQLite', look: async () => 1 },
    {
      name: 'storage',
      detail: 'S3',
      look: () => Promise.reject(new Failure('storage-unavailable', 'The bucket is away.')),
    },
    { name: 'nodes', detail: 'PostgreSQL', look: () => Promise.reject(new Error('password authentication failed')) },
    { name: 'redis', detail: 'Redis', look: async () => false },
    { name: 'scanner', detail: 'clamd', look: null },
  ];
  const unasked = () => Promise.reject(new Error('not asked'));
  const { health } = createOverviewAdminRoutes({
    ...{ version: '1.2.3', parts, disks: unasked, isScanning: false, expirySeconds: 60 },
    overview: { newest: unasked, count: unasked, largest: unasked, held: unasked },
    statistics: { failures: unasked, storedByWeek: unasked },
    infections: { list: unasked },
    liveOffsets: { of: () => 0 },
    now: () => 1000,
    monotonicMs: () => 0,
  });
  const ctx = { body: {} };
  await health(ctx as never, async () => {});
  expect(ctx.body).toMatchObject({
    version: '1.2.3',
    parts: [
      { name: 'database', state: 'works', detail: 'SQLite', ms: 0 },
      { name: 'storage', state: 'away', detail: 'S3: The bucket is away.', ms: null },
      { name: 'nodes', state: 'away', detail: 'PostgreSQL: it does not answer' },
      { name: 'redis', state: 'away' },
      { name: 'scanner', state: 'off' },
    ],
    disks: [],
  });
});

test('however many ask, it is read once in that time; a fault is not kept', async () => {
  let at = 0;
  let reads = 0;
  const read = keepBriefly(
    100,
    () => at,
    async () => {
      reads += 1;
      if (reads === 2) throw new Error('away');
      return reads;
    },
  );
  expect(await Promise.all([read(), read()])).toEqual([1, 1]);
  at = 99;
  expect(await read()).toBe(1);
  at = 100;
  await expect(read()).rejects.toThrow('away');
  expect(await read()).toBe(3);
});
