/** One server for each data folder: a second one would know nothing of the first one's upload locks. */
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';

/** Milliseconds to wait for one who only looks whether the lock is held. */
const LOOK_MS = 200;

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

/** Whether another process holds one of these folders. Looks only: no server that starts meanwhile is kept from it. */
export function isInstanceRunning(...folders: string[]): boolean {
  return folders.some((folder) => {
    const file = path.join(folder, 'instance.lock');
    if (!existsSync(file)) return false;
    const connection = new Sqlite(file, { readonly: true, timeout: 0 });
    try {
      connection.prepare('select count(*) from sqlite_master').get();
      return false;
    } catch (error) {
      if (isBusy(error)) return true;
      throw error;
    } finally {
      connection.close();
    }
  });
}

function lockFolder(folder: string): Sqlite.Database {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const connection = new Sqlite(path.join(folder, 'instance.lock'), { timeout: LOOK_MS });
  try {
    connection.pragma('journal_mode = DELETE');
    connection.exec('begin exclusive');
    return connection;
  } catch (error) {
    connection.close();
    if (!isBusy(error)) throw error;
    const detail = `Another Chatdrop is running on ${folder}. Stop it first, or set another DATA_DIR.`;
    throw new Error(detail, { cause: error });
  }
}

function isBusy(error: unknown): boolean {
  return String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY');
}
