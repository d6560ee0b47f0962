/** One server for each data folder: a second one would know nothing of the first one's upload locks. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';

export type InstanceLock = { release(): void };

/**
 * Holds an exclusive SQLite lock in each folder as long as the process lives: where the settings, the database and the
 * files are. The system frees it however the process ends, so there is no stale lock to clean up after a crash.
 * @throws when another process holds one
 */
export function takeInstanceLock(...folders: string[]): InstanceLock {
  const held: Sqlite.Database[] = [];
  const release = () => {
    for (const connection of held) connection.close();
  };
  for (const folder of new Set(folders)) {
    try {
      held.push(lockFolder(folder));
    } catch (error) {
      release();
      throw error;
    }
  }
  return { release };
}

function lockFolder(folder: string): Sqlite.Database {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const connection = new Sqlite(path.join(folder, 'instance.lock'), { timeout: 0 });
  try {
    connection.pragma('journal_mode = DELETE');
    connection.exec('begin exclusive');
    return connection;
  } catch (error) {
    connection.close();
    if (!String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) throw error;
    const detail = `Another Chatdrop is running on ${folder}. Stop it first, or set another DATA_DIR.`;
    throw new Error(detail, { cause: error });
  }
}
