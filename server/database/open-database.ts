/** Opens the database that the settings name. */
import type { Knex } from 'knex';
import { openSqlite } from './open-sqlite.ts';

export type Database = Knex;

export type DatabaseSettings = {
  /** Of SQLite; not looked at where there is `postgresUrl`. */
  databaseFile: string;
  postgresUrl: string | undefined;
  databasePoolSize: number;
};

/** @throws when SQLite's file cannot be made; PostgreSQL is asked at the first statement only */
export async function openDatabase(settings: DatabaseSettings): Promise<Database> {
  const { postgresUrl, databasePoolSize, databaseFile } = settings;
  if (postgresUrl === undefined) return openSqlite(databaseFile);
  const { openPostgres } = await import('./open-postgres.ts');
  return openPostgres(postgresUrl, { poolSize: databasePoolSize });
}

/** For migrations: a large table may take its time. @param options of SQLite, see `openSqlite` */
export async function openForMigration(
  settings: DatabaseSettings,
  options: { commitsWait?: boolean } = {},
): Promise<Database> {
  const { postgresUrl, databaseFile } = settings;
  if (postgresUrl === undefined) return openSqlite(databaseFile, options);
  const { openPostgres } = await import('./open-postgres.ts');
  return openPostgres(postgresUrl, { poolSize: MIGRATION_CONNECTIONS, unhurried: true });
}

/** One holds the lock, one the table of migrations, one the migration itself. */
const MIGRATION_CONNECTIONS = 3;
