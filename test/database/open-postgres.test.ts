/** The pool on a real PostgreSQL that hangs: waits are bounded, and what hung is not used again. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DatabaseUnreachable } from '../../server/database/database-failure.ts';
import { openPostgres } from '../../server/database/open-postgres.ts';
import { startPostgres, type TestPostgres } from '../services/postgres.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await startPostgres();
});
afterAll(() => postgres?.close());

test('a connection that swallows everything is given up, and the next one is new', async () => {
  const proxy = await startTcpProxy({ targetPort: Number(new URL(postgres.url).port) });
  const url = Object.assign(new URL(await postgres.newDatabase()), { port: String(proxy.port) }).href;
  const database = openPostgres(url, { poolSize: 2, statementTimeoutMs: 100 });
  try {
    await Promise.all([database.raw('select pg_sleep(0.05)'), database.raw('select pg_sleep(0.05)')]);
    proxy.hole(true);
    const lost = await Promise.allSettled([
      database.raw('select 1'),
      database.transaction((trx) => trx.raw('select 1')),
    ]);
    expect(lost.map((each) => each.status === 'rejected' && each.reason instanceof DatabaseUnreachable)).toEqual([
      true,
      true,
    ]);
    proxy.hole(false);
    // Both at once: each of the pool's places holds a connection that works.
    const { rows } = await database.raw('select 1 as one');
    expect(rows).toEqual([{ one: 1 }]);
    await Promise.all([database.raw('select pg_sleep(0.05)'), database.transaction((trx) => trx.raw('select 1'))]);
  } finally {
    await database.destroy();
    await proxy.stop();
  }
});
