/** The database: it opens, is whole, writes through to the disk, and has the tables of this version. */
import type { Database } from '../../database/open-database.ts';
import { type Check, ill, messageOf, well } from './check.ts';

type Needs = {
  databaseFile: string;
  openDatabase(): Database | null;
  migrationState(database: Database): Promise<{ pending: string[]; unknown: string[] }>;
  newestEntryAt(database: Database): Promise<number | null>;
  isServerRunning(): boolean;
};

/** SQLite's words for `synchronous=FULL`. */
const FULL = 2;
const NAME = 'database';
const RESTORE = 'Stop the server, and restore the database from a backup.';

/** `newestEntryAt`: for the check of the clock; null where there is none. */
export async function checkDatabase(needs: Needs): Promise<{ checks: Check[]; newestEntryAt: number | null }> {
  let database: Database | null = null;
  try {
    database = needs.openDatabase();
    if (database === null) {
      const detail = `${needs.databaseFile} is not there yet; the first start makes it`;
      return { checks: [well(NAME, detail)], newestEntryAt: null };
    }
    const checks = [await checkWhole(needs, database), await checkDurable(database)];
    const migrations = await checkMigrations(needs, database);
    const newestEntryAt = migrations.ok ? await needs.newestEntryAt(database) : null;
    return { checks: [...checks, migrations], newestEntryAt };
  } catch (error) {
    const remedy = `${RESTORE} Or set DATABASE_URL to the right file.`;
    return { checks: [ill(NAME, `${needs.databaseFile}: ${messageOf(error)}`, remedy)], newestEntryAt: null };
  } finally {
    await database?.destroy();
  }
}

async function checkWhole({ databaseFile, isServerRunning }: Needs, database: Database): Promise<Check> {
  const [row] = await database.raw('pragma quick_check(1)');
  const verdict = String(Object.values(row ?? {})[0]);
  if (verdict !== 'ok') return ill(NAME, `${databaseFile} is damaged: ${verdict}`, RESTORE);
  return well(
    NAME,
    `${databaseFile} is whole; ${isServerRunning() ? 'a server has it open' : 'no server has it open'}`,
  );
}

async function checkDurable(database: Database): Promise<Check> {
  const name = 'database durability';
  const [synchronous] = await database.raw('pragma synchronous');
  const [journal] = await database.raw('pragma journal_mode');
  const modes = `synchronous=${synchronous?.synchronous}, journal_mode=${journal?.journal_mode}`;
  if (synchronous?.synchronous === FULL && journal?.journal_mode === 'wal') return well(name, modes);
  return ill(name, modes, 'Put the database on a local disk: a network file system does not do.');
}

async function checkMigrations(needs: Needs, database: Database): Promise<Check> {
  const name = 'database tables';
  const { pending, unknown } = await needs.migrationState(database);
  if (unknown.length > 0) {
    const remedy = 'Run the newer version again, or restore a backup from before it.';
    return ill(name, `a newer Chatdrop was here: ${unknown.join(', ')}`, remedy);
  }
  if (pending.length === 0) return well(name, 'up to date');
  const remedy = needs.isServerRunning() ? 'Restart the server: it runs an older version.' : 'Run: chatdrop migrate';
  return ill(name, `${pending.join(', ')} not run yet`, remedy);
}
