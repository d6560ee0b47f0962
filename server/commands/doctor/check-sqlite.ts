/** SQLite: the file is whole, and what is committed is on the disk. */
import type { Database } from '../../database/open-database.ts';
import { type Check, ill, well } from './check.ts';

type Needs = { file: string; isServerRunning(): boolean };

/** SQLite's words for `synchronous=FULL`. */
const FULL = 2;

export async function checkSqlite(needs: Needs, database: Database): Promise<Check[]> {
  return [await checkWhole(needs, database), await checkDurable(database)];
}

async function checkWhole({ file, isServerRunning }: Needs, database: Database): Promise<Check> {
  const name = 'database';
  const [row] = await database.raw('pragma quick_check(1)');
  const verdict = String(Object.values(row ?? {})[0]);
  if (verdict !== 'ok') {
    return ill(name, `${file} is damaged: ${verdict}`, 'Stop the server, and restore the database from a backup.');
  }
  return well(name, `${file} is whole; ${isServerRunning() ? 'a server has it open' : 'no server has it open'}`);
}

async function checkDurable(database: Database): Promise<Check> {
  const name = 'database durability';
  const [synchronous] = await database.raw('pragma synchronous');
  const [journal] = await database.raw('pragma journal_mode');
  const modes = `synchronous=${synchronous?.synchronous}, journal_mode=${journal?.journal_mode}`;
  if (synchronous?.synchronous === FULL && journal?.journal_mode === 'wal') return well(name, modes);
  return ill(name, modes, 'Put the database on a local disk: a network file system does not do.');
}
