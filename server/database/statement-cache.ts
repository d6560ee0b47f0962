/** Keeps prepared statements: SQLite would compile the same text for each query anew, which costs more than most of them take. */
import type { Database as SqliteConnection, Statement } from 'better-sqlite3';

/** Lists of varying length make texts of their own; beyond that the one that was not used for longest goes. */
const MAX_STATEMENTS = 500;
/** What changes a table changes what others return: that is compiled when it is run. */
const KEPT = /^\s*(?:select|insert|update|delete|with|begin|commit|rollback)\b/i;

/**
 * Gives a connection's `prepare` a memory. knex runs each statement to its end before the next, so one for a text is
 * enough; one that is still being read (an iterator) is left to its reader.
 */
export function cacheStatements(connection: SqliteConnection): void {
  const prepare = connection.prepare.bind(connection);
  const kept = new Map<string, Statement>();
  const prepareOnce = (sql: string): Statement => {
    if (!KEPT.test(sql)) {
      kept.clear();
      return prepare(sql);
    }
    const known = kept.get(sql);
    if (known?.busy) return prepare(sql);
    const statement = known ?? prepare(sql);
    // A Map keeps its order: who was used last stands last.
    kept.delete(sql);
    kept.set(sql, statement);
    if (kept.size > MAX_STATEMENTS) kept.delete(kept.keys().next().value as string);
    return statement;
  };
  Object.assign(connection, { prepare: prepareOnce });
}
