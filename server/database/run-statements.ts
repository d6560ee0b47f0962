/** Runs steps (`statement.ts`) on the database: one runner for each, since on SQLite all share its one connection. */
import { isPostgres } from './dialect.ts';
import type { Database } from './open-database.ts';
import { runOnPostgres } from './run-on-postgres.ts';
import { runOnSqlite } from './run-on-sqlite.ts';
import type { Runner } from './statement.ts';

const runners = new WeakMap<Database, Runner>();

export function runnerOf(database: Database): Runner {
  const known = runners.get(database);
  if (known !== undefined) return known;
  const runner = isPostgres(database) ? runOnPostgres(database) : runOnSqlite(database);
  runners.set(database, runner);
  return runner;
}
