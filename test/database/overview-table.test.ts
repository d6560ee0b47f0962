/** What the operator's overview asks: bounded, the newest first, and by indexes however many uploads there are. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isPostgres } from '../../server/database/dialect.ts';
import { createOverviewTable } from '../../server/database/overview-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const HOUR_MS = 3_600_000;
let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
  const states = ['open', 'open', 'open', 'finished', 'rejected', 'finishing'];
  await open.database('uploads').insert(
    states.map((state, at) => ({
      ...{ id: `u${at}`, company_id: `c${at % 4}`, session_id: 's', uploader: 'user', name: `${at}`, state },
      ...{ size: 10, reserved_bytes: 10 * (at + 1), created_at: 1, expires_at: HOUR_MS * ((at * 5) % 7) },
    })),
  );
});
afterAll(() => open.remove());

test('the newest of a state, and a count that ends somewhere', async () => {
  const overview = createOverviewTable(open.database);
  expect((await overview.newest('open', 10)).map(({ id }) => id)).toEqual(['u1', 'u2', 'u0']);
  expect((await overview.newest('open', 2)).map(({ id }) => id)).toEqual(['u1', 'u2']);
  expect(await overview.newest('expired', 2)).toEqual([]);
  expect(await overview.count('open', 3)).toEqual({ count: 3, is_more: false });
  expect(await overview.count('open', 2)).toEqual({ count: 2, is_more: true });
  expect(await overview.count('expired', 2)).toEqual({ count: 0, is_more: false });
});

test('the companies that hold most, and what all hold', async () => {
  const overview = createOverviewTable(open.database);
  // Open and finishing ones are held; what ended is not.
  expect(await overview.largest(2)).toEqual([
    { company_id: 'c1', bytes: 80 },
    { company_id: 'c2', bytes: 30 },
  ]);
  expect(await overview.held()).toEqual({ bytes: 120, companies: 3 });
});

test('by the index of states and times: no row is read that is not shown', async () => {
  const { database } = open;
  const asked: { sql: string; bindings: string[] }[] = [];
  const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
  database.on('query', listen);
  await createOverviewTable(database).newest('open', 50);
  await createOverviewTable(database).count('open', 10);
  database.off('query', listen);
  const plans: string[] = [];
  for (const { sql, bindings } of asked) {
    if (isPostgres(database)) {
      // A table of six rows is read whole, unless it is said to be dear.
      const plan = await database.transaction(async (transaction) => {
        await transaction.raw('set local enable_seqscan = off');
        await transaction.raw('set local enable_bitmapscan = off');
        const { rows } = await transaction.raw(`explain ${sql.replaceAll(/\$\d+/g, '?')}`, bindings);
        return rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n');
      });
      plans.push(plan);
    } else {
      const steps: { detail: string }[] = await database.raw(`explain query plan ${sql}`, bindings);
      plans.push(steps.map(({ detail }) => detail).join('\n'));
    }
  }
  expect(plans).toHaveLength(2);
  expect(plans[0]).toMatch(/uploads_state_expires_at_index/);
  for (const plan of plans) expect(plan).not.toMatch(/Sort|TEMP B-TREE|SCAN uploads|Seq Scan/);
});
