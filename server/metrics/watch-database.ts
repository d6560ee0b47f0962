/** How long statements and transactions take, by what kind they are. */
import type { Database } from '../database/open-database.ts';
import { runnerOf } from '../database/run-statements.ts';
import type { Watch } from '../rules/watch.ts';
import type { PartMetrics } from './part-metrics.ts';

type Needs = { watch: Watch; parts: Pick<PartMetrics, 'queried'> };

/** Of statements under way; the pool allows far fewer, so more means that some never ended. */
const MAX_UNDER_WAY = 10_000;
/** knex's words → ours; whatever else it says is `other`. */
const OPERATIONS = new Map([
  ['select', 'select'],
  ['first', 'select'],
  ['pluck', 'select'],
  ['insert', 'insert'],
  ['update', 'update'],
  ['del', 'delete'],
  ['raw', 'raw'],
]);

type Query = { __knexQueryUid: string; method?: string; sql?: string };

/** Changes the database that it is given: knex tells its listeners, and lets its transactions be taken over. */
export function watchDatabase(database: Database, { watch, parts }: Needs): void {
  const underWay = new Map<string, number>();
  const ended = (query: Query, isFault: boolean) => {
    const startedAt = underWay.get(query.__knexQueryUid);
    if (startedAt === undefined) return;
    underWay.delete(query.__knexQueryUid);
    parts.queried(OPERATIONS.get(query.method ?? '') ?? 'other', (performance.now() - startedAt) / 1000, isFault);
  };
  database.on('query', (query: Query) => {
    // knex does not say when these end; they are in the time of their transaction.
    if (/^(?:begin|commit|rollback|savepoint|release|set|trx)/i.test(query.sql ?? '')) return;
    if (underWay.size >= MAX_UNDER_WAY) underWay.clear();
    underWay.set(query.__knexQueryUid, performance.now());
  });
  database.on('query-response', (_answer: unknown, query: Query) => ended(query, false));
  database.on('query-error', (_error: unknown, query: Query) => ended(query, true));
  const begin = database.transaction.bind(database) as (...args: unknown[]) => Promise<unknown>;
  const watched = (...args: unknown[]) => watch('database', 'transaction', () => begin(...args));
  Object.defineProperty(database, 'transaction', { value: watched, configurable: true });
  const runner = runnerOf(database);
  const transact = runner.transact.bind(runner);
  runner.transact = (work) => watch('database', 'transaction', () => transact(work));
}
