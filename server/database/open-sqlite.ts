/** A database in a file of its own, where a commit is on disk. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Database as SqliteConnection } from 'better-sqlite3';
import knex, { type Knex } from 'knex';
import BetterSqliteDialect from 'knex/lib/dialects/better-sqlite3/index.js';
import { cacheStatements } from './statement-cache.ts';

/** Milliseconds that a statement waits for another process (the command line) to end its write. */
const BUSY_TIMEOUT_MS = 5000;
/**
 * Of the log (`-wal`), 16 MiB, before they are brought into the database: a commit of a few files is some dozen pages, and
 * the same ones again and again, which are brought there once. What a commit waits for, and what a crash leaves, is the same.
 */
const LOG_PAGES = 4000;
/** SQLite's number for `synchronous=FULL`. */
const SYNCHRONOUS_FULL = 2;

/**
 * A knex over one SQLite connection: better-sqlite3 is synchronous, so a second would gain nothing.
 * @param commitsWait for the disk: only a bench says no, to measure without
 * @throws when a connection does not write through to the disk
 */
export function openSqlite(filename: string, { commitsWait = true } = {}): Knex {
  if (filename !== ':memory:') mkdirSync(path.dirname(filename), { recursive: true, mode: 0o700 });
  return knex({
    client: SqliteDialect as unknown as typeof Knex.Client,
    connection: { filename },
    useNullAsDefault: true,
    // Faults are logged, and a statement's values may be a key or a name.
    compileSqlOnError: false,
    // What goes wrong is thrown; knex would print it a second time, with a stack.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    pool: {
      min: 1,
      max: 1,
      afterCreate(connection: SqliteConnection, done: (error: Error | null, connection: SqliteConnection) => void) {
        try {
          prepare(connection);
          if (commitsWait) makeDurable(connection);
          else connection.pragma('synchronous = OFF');
          cacheStatements(connection);
          done(null, connection);
        } catch (error) {
          done(error as Error, connection);
        }
      },
    },
  });
}

/**
 * Limits are whole numbers, and stand in the statement as such: SQLite plans by the value of a bound one, and so compiles
 * the statement anew whenever one is bound.
 */
class SqliteDialect extends BetterSqliteDialect {
  override queryCompiler(builder: unknown, bindings: unknown) {
    const compiler = super.queryCompiler(builder, bindings);
    compiler.single.skipBinding = { ...compiler.single.skipBinding, limit: true, offset: true };
    return compiler;
  }
}

function makeDurable(connection: SqliteConnection): void {
  // A WAL database that is opened again falls back to NORMAL, which loses commits in a power cut.
  connection.pragma('synchronous = FULL');
  if (connection.pragma('synchronous', { simple: true }) !== SYNCHRONOUS_FULL) {
    throw new Error(
      'The database does not accept synchronous=FULL: a power cut could lose files. Put DATA_DIR on a local disk.',
    );
  }
}

function prepare(connection: SqliteConnection): void {
  connection.pragma('journal_mode = WAL');
  connection.pragma('foreign_keys = ON');
  // Not in a folder for temporary files: a container with a read-only root has none, and a statement would fail there.
  connection.pragma('temp_store = MEMORY');
  connection.pragma(`wal_autocheckpoint = ${LOG_PAGES}`);
  connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
}
