/** The database: it opens, keeps what it is given, and has the tables of this version. */
import type { Database } from '../../database/open-database.ts';
import { type Check, ill, messageOf, well } from './check.ts';
import { checkPostgres } from './check-postgres.ts';
import { checkSqlite } from './check-sqlite.ts';

type Needs = {
  /** As the operator knows it: SQLite's file, or PostgreSQL's database and host. */
  name: string;
  /** Null: SQLite. */
  postgres: { poolSize: number } | null;
  openDatabase(): Promise<Database | null>;
  migrationState(database: Database): Promise<{ pending: string[]; unknown: string[]; isEmpty: boolean }>;
  newestEntryAt(database: Database): Promise<number | null>;
  isServerRunning(): boolean;
};

const NAME = 'database';

/** `newestEntryAt`: for the check of the clock; null where there is none. */
export async function checkDatabase(needs: Needs): Promise<{ checks: Check[]; newestEntryAt: number | null }> {
  const { name, postgres } = needs;
  let database: Database | null = null;
  try {
    database = await needs.openDatabase();
    if (database === null) {
      return { checks: [well(NAME, `${name} is not there yet; the first start makes it`)], newestEntryAt: null };
    }
    const checks =
      postgres === null
        ? await checkSqlite({ file: name, isServerRunning: needs.isServerRunning }, database)
        : await checkPostgres(name, postgres.poolSize, database);
    const { check: migrations, isCurrent } = await checkMigrations(needs, database);
    const newestEntryAt = isCurrent ? await needs.newestEntryAt(database) : null;
    return { checks: [...checks, migrations], newestEntryAt };
  } catch (error) {
    const remedy =
      postgres === null
        ? 'Stop the server, and restore the database from a backup. Or set DATABASE_URL to the right file.'
        : 'Is it running, and are name, password and address in DATABASE_URL right?';
    return { checks: [ill(NAME, `${name}: ${messageOf(error)}`, remedy)], newestEntryAt: null };
  } finally {
    await database?.destroy();
  }
}

async function checkMigrations(needs: Needs, database: Database): Promise<{ check: Check; isCurrent: boolean }> {
  const name = 'database tables';
  const { pending, unknown, isEmpty } = await needs.migrationState(database);
  if (unknown.length > 0) {
    const remedy = 'Run the newer version again, or restore a backup from before it.';
    return { check: ill(name, `a newer Chatdrop was here: ${unknown.join(', ')}`, remedy), isCurrent: false };
  }
  if (pending.length === 0) return { check: well(name, 'up to date'), isCurrent: true };
  // A new database: nothing is wrong with it.
  if (isEmpty) return { check: well(name, 'there are none yet; the first start makes them'), isCurrent: false };
  const remedy = needs.isServerRunning() ? 'Restart the server: it runs an older version.' : 'Run: chatdrop migrate';
  return { check: ill(name, `${pending.join(', ')} not run yet`, remedy), isCurrent: false };
}
