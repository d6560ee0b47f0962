/** What a database reports that is away, full or overloaded → a failure that says to try again. */
import { Failure } from '../rules/failure.ts';

/** PostgreSQL gave no answer, or none in time. */
export class DatabaseUnreachable extends Error {
  readonly code = 'DATABASE_UNREACHABLE';

  constructor(cause: unknown) {
    super(`the database cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'DatabaseUnreachable';
  }
}

const FULL_SECONDS = 60;
const AWAY_SECONDS = 5;

/** https://www.postgresql.org/docs/current/errcodes-appendix.html; SQLITE_FULL: the disk, or the file's limit. */
const FULL = /^(?:SQLITE_FULL|53100)/;
const AWAY = [
  /^SQLITE_(?:BUSY|IOERR|CANTOPEN|READONLY)/,
  /^DATABASE_UNREACHABLE$/,
  // Connections; resources; shut down, starting, or a statement ended for its time.
  /^(?:08|53|57)/,
  // A disk that fails; a standby that was just promoted, or is one still.
  /^(?:58030|25006)$/,
  // A transaction that lost: deadlock, serialization, a lock's or its own time.
  /^(?:40P01|40001|55P03|25P03)$/,
];

/** @returns null for an error that is none of these: a fault of ours */
export function databaseFailure(error: unknown): Failure | null {
  const code = codeOf(error);
  if (code === null) return null;
  if (FULL.test(code)) {
    return new Failure('storage-full', 'The server has no room left right now.', {
      retryAfterSeconds: FULL_SECONDS,
      cause: error,
    });
  }
  if (!AWAY.some((pattern) => pattern.test(code))) return null;
  return new Failure('storage-unavailable', 'The database does not answer right now.', {
    retryAfterSeconds: AWAY_SECONDS,
    cause: error,
  });
}

function codeOf(error: unknown): string | null {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  // knex: no connection of the pool became free.
  if (name === 'KnexTimeoutError') return 'DATABASE_UNREACHABLE';
  return typeof code === 'string' ? code : null;
}
