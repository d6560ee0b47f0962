/** One server for each data folder: a second one would know nothing of the first one's upload locks. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import Sqlite from 'better-sqlite3';

export type InstanceLock = { release(): void };

/**
 * Holds an exclusive SQLite lock as long as the process lives. The system frees it however the process ends,
 * so there is no stale lock to clean up after a crash.
 * @throws when another process holds it
 */
export function takeInstanceLock(dataDir: string): InstanceLock {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const file = path.join(dataDir, 'instance.lock');
  const connection = new Sqlite(file, { timeout: 0 });
  try {
    connection.pragma('journal_mode = DELETE');
    connection.exec('begin exclusive');
  } catch (error) {
    connection.close();
    throw new Error(`Another Chatdrop is running on ${dataDir}. Stop it first, or set another DATA_DIR.`, {
      cause: error,
    });
  }
  return { release: () => connection.close() };
}
