/** Opens the database, makes sure that a commit is on disk, and brings the tables up to date. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Database as SqliteConnection } from 'better-sqlite3';
import knex, { type Knex } from 'knex';

export type Database = Knex;
type NamedMigrations = ReadonlyMap<string, Knex.Migration>;

/** Milliseconds that a statement waits for another process (the command line) to end its write. */
const BUSY_TIMEOUT_MS = 5000;
/** SQLite's number for `synchronous=FULL`. */
const SYNCHRONOUS_FULL = 2;

/**
 * A knex over one SQLite connection: better-sqlite3 is synchronous, so a second would gain nothing.
 * @throws when a connection does not write through to the disk
 */
export function openDatabase(filename: string): Database {
  if (filename !== ':memory:') mkdirSync(path.dirname(filename), { recursive: true, mode: 0o700 });
  return knex({
    client: 'better-sqlite3',
    connection: { filename },
    useNullAsDefault: true,
    // What goes wrong is thrown; knex would print it a second time, with a stack.
    log: { warn() {}, error() {}, deprecate() {}, debug() {} },
    pool: {
      min: 1,
      max: 1,
      afterCreate(connection: SqliteConnection, done: (error: Error | null, connection: SqliteConnection) => void) {
        try {
          makeDurable(connection);
          done(null, connection);
        } catch (error) {
          done(error as Error, connection);
        }
      },
    },
  });
}

function makeDurable(connection: SqliteConnection): void {
  connection.pragma('journal_mode = WAL');
  // A WAL database that is opened again falls back to NORMAL, which loses commits in a power cut.
  connection.pragma('synchronous = FULL');
  connection.pragma('foreign_keys = ON');
  connection.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
  if (connection.pragma('synchronous', { simple: true }) !== SYNCHRONOUS_FULL) {
    throw new Error(
      'The database does not accept synchronous=FULL: a power cut could lose files. Put DATA_DIR on a local disk.',
    );
  }
}

/**
 * Runs what is missing, in order. Call it only under the instance lock: a lock row that a killed migration
 * left behind is then known to be stale and is taken away.
 * @returns the names that were run
 */
export async function migrate(database: Database, migrations: NamedMigrations): Promise<string[]> {
  const source = migrationConfig(migrations);
  await database.migrate.forceFreeMigrationsLock(source);
  const [, names] = await database.migrate.latest(source);
  return names;
}

/** Takes the newest batch back. */
export async function rollback(database: Database, migrations: NamedMigrations): Promise<string[]> {
  const [, names] = await database.migrate.rollback(migrationConfig(migrations));
  return names;
}

/** What the database lacks, and what it has that this version does not know: a newer one was here. Only reads. */
export async function migrationState(
  database: Database,
  migrations: NamedMigrations,
): Promise<{ pending: string[]; unknown: string[] }> {
  const [table] = await database('sqlite_master').where({ type: 'table', name: 'migrations' }).select('name');
  const done: string[] = table === undefined ? [] : await database('migrations').orderBy('id').pluck('name');
  return {
    pending: [...migrations.keys()].filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !migrations.has(name)),
  };
}

function migrationConfig(migrations: NamedMigrations): Knex.MigratorConfig {
  return {
    tableName: 'migrations',
    migrationSource: {
      getMigrations: async () => [...migrations.keys()],
      getMigrationName: (name: string) => name,
      getMigration: async (name: string) => migrations.get(name) as Knex.Migration,
    } satisfies Knex.MigrationSource<string>,
  };
}
