/**
 * All tables of a new SQLite database at once. The migrations are what counts: the build runs them and keeps what they made,
 * since a first start would take a fifth of a second for building one by one what comes out the same each time.
 */
import type { Database as SqliteConnection } from 'better-sqlite3';
import type { Database } from './open-database.ts';

export type FirstTables = {
  /** Names of the migrations that made them, oldest first. */
  migrations: readonly string[];
  sql: string;
  /** What they hold from the beginning, knex's list of what was run among them. */
  rows: { table: string; row: Record<string, string | number | null> }[];
};

/** The build puts it in; a checkout has none. */
declare const CHATDROP_FIRST_TABLES: FirstTables | undefined;

export const FIRST_TABLES: FirstTables | null =
  typeof CHATDROP_FIRST_TABLES === 'undefined' ? null : CHATDROP_FIRST_TABLES;

/**
 * One transaction: after a kill the database is as empty as before. For SQLite only.
 * @returns false where it is not empty, and nothing is done then
 */
export async function makeFirstTables(database: Database, { sql, rows }: FirstTables, nowMs: number): Promise<boolean> {
  const connection = (await database.client.acquireConnection()) as SqliteConnection;
  try {
    if (connection.prepare('select 1 from sqlite_master limit 1').get() !== undefined) return false;
    connection.transaction(() => {
      connection.exec(sql);
      for (const { table, row } of rows) insert(connection, table, withTime(row, nowMs));
    })();
    return true;
  } finally {
    await database.client.releaseConnection(connection);
  }
}

/** When a migration was run is the one thing that each database has of its own. */
function withTime(row: Record<string, string | number | null>, nowMs: number) {
  return 'migration_time' in row ? { ...row, migration_time: nowMs } : row;
}

function insert(connection: SqliteConnection, table: string, row: Record<string, string | number | null>): void {
  const names = Object.keys(row).map((name) => `"${name}"`);
  const places = names.map(() => '?');
  connection.prepare(`insert into "${table}" (${names}) values (${places})`).run(...Object.values(row));
}
