/** Who listens to knex for its statements (metrics, tests of plans) hears of ours too, in its words. */
import type { Database } from './open-database.ts';
import type { Answer, Statement, Value } from './statement.ts';

type Told = { ended(answer: Answer): void; failed(error: unknown): void };

let lastUid = 0;

/** @returns null where nobody listens */
export function tellListeners(
  database: Database,
  { method }: Statement,
  sql: string,
  bindings: readonly Value[],
): Told | null {
  if (database.listenerCount('query') === 0) return null;
  lastUid += 1;
  const query = { __knexQueryUid: `statement-${lastUid}`, method, sql, bindings };
  database.emit('query', query);
  return {
    ended: ({ rows }) => void database.emit('query-response', rows, query),
    failed: (error) => void database.emit('query-error', error, query),
  };
}
