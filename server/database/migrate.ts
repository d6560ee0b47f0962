/** Brings the tables up to date, one node at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Knex } from 'knex';
import { isPostgres } from './dialect.ts';
import { type FirstTables, makeFirstTables } from './first-tables.ts';
import type { Database } from './open-database.ts';

type NamedMigrations = ReadonlyMap<string, Knex.Migration>;

/** The tables are a newer version's: this one does not know what it would do to them. */
export class NewerDatabase extends Error {
  constructor(unknown: readonly string[]) {
    super(`it was written by a newer Chatdrop (${unknown.join(', ')})`);
  }
}

/** One of the changes failed. All that ran with it were one transaction, so the tables are as they were. */
export class MigrationFailed extends Error {
  constructor(name: string, cause: Error) {
    super(`the migration ${name} failed, and nothing of it was kept (${cause.message})`, { cause });
  }
}

/** Of PostgreSQL's advisory locks; any number would do, as long as every version takes the same. */
const MIGRATION_LOCK = 7_236_541_987;
const LOOK_AGAIN_MS = 200;
/** Another node that is at it may have a large table. */
const MAX_WAIT_MS = 10 * 60_000;

/**
 * Runs what is missing, in order. For SQLite call it only under the instance lock; PostgreSQL keeps the other nodes out
 * by a lock of its own.
 * @param firstTables what the same migrations make of an empty SQLite database, to be made at once there
 * @returns the names that were run
 * @throws {MigrationFailed} · {NewerDatabase}, and nothing was changed then · after ten minutes' wait
 */
export function migrate(
  database: Database,
  migrations: NamedMigrations,
  firstTables: FirstTables | null = null,
): Promise<string[]> {
  return alone(database, async () => {
    const { pending, unknown, isEmpty } = await migrationState(database, migrations);
    if (unknown.length > 0) throw new NewerDatabase(unknown);
    if (pending.length === 0) return [];
    const fits = firstTables !== null && isDeepStrictEqual([...firstTables.migrations], pending);
    if (isEmpty && fits && !isPostgres(database) && (await makeFirstTables(database, firstTables, Date.now())))
      return pending;
    const source = migrationConfig(migrations);
    // Nobody else is at it: a lock row that a killed migration left behind is stale.
    await database.migrate.forceFreeMigrationsLock(source);
    const [, names] = await database.migrate.latest(source);
    return names;
  });
}

/** Takes the newest batch back. @throws as `migrate` */
export function rollback(database: Database, migrations: NamedMigrations): Promise<string[]> {
  return alone(database, async () => {
    const { unknown } = await migrationState(database, migrations);
    if (unknown.length > 0) throw new NewerDatabase(unknown);
    const [, names] = await database.migrate.rollback(migrationConfig(migrations));
    return names;
  });
}

/** What the database lacks, and what it has that this version does not know: a newer one was here. Only reads. */
export async function migrationState(
  database: Database,
  migrations: NamedMigrations,
): Promise<{ pending: string[]; unknown: string[]; isEmpty: boolean }> {
  const done: string[] = (await database.schema.hasTable(TABLE))
    ? await database(TABLE).orderBy('id').pluck('name')
    : [];
  return {
    pending: [...migrations.keys()].filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !migrations.has(name)),
    isEmpty: done.length === 0,
  };
}

const TABLE = 'migrations';

async function alone<T>(database: Database, work: () => Promise<T>): Promise<T> {
  if (!isPostgres(database)) return work();
  const connection = await database.client.acquireConnection();
  const ask = async (statement: 'pg_advisory_unlock' | 'pg_try_advisory_lock'): Promise<boolean> => {
    const { rows } = await database.raw(`select ${statement}(?) as done`, [MIGRATION_LOCK]).connection(connection);
    return rows[0].done;
  };
  try {
    const endsAt = performance.now() + MAX_WAIT_MS;
    while (!(await ask('pg_try_advisory_lock'))) {
      if (performance.now() >= endsAt) throw new Error('another node has been migrating the database for ten minutes');
      await sleep(LOOK_AGAIN_MS);
    }
    return await work();
  } finally {
    await ask('pg_advisory_unlock').catch(() => {});
    await database.client.releaseConnection(connection);
  }
}

function migrationConfig(migrations: NamedMigrations): Knex.MigratorConfig {
  return {
    tableName: TABLE,
    migrationSource: {
      getMigrations: async () => [...migrations.keys()],
      getMigrationName: (name: string) => name,
      getMigration: async (name: string) => named(name, migrations.get(name) as Knex.Migration),
    } satisfies Knex.MigrationSource<string>,
  };
}

/** The same, and its fault says which it was: knex would throw what the database said and no more. */
function named(name: string, migration: Knex.Migration): Knex.Migration {
  const run = async (direction: 'up' | 'down', knex: Knex) => {
    try {
      await migration[direction]?.(knex);
    } catch (error) {
      throw new MigrationFailed(name, error as Error);
    }
  };
  return { ...migration, up: (knex) => run('up', knex), down: (knex) => run('down', knex) };
}
