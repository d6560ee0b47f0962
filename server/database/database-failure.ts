/** What SQLite reports of a full or failing disk → a failure that says to try again. */
import { Failure } from '../rules/failure.ts';

/** @returns null for an error that is not the disk's: a fault of ours */
export function databaseFailure(error: unknown): Failure | null {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return null;
  if (code === 'SQLITE_FULL') {
    return new Failure('storage-full', 'The server has no room left right now.', {
      retryAfterSeconds: 60,
      cause: error,
    });
  }
  if (/^SQLITE_(?:BUSY|IOERR|CANTOPEN|READONLY)/.test(code)) {
    return new Failure('storage-unavailable', 'The database does not answer right now.', {
      retryAfterSeconds: 5,
      cause: error,
    });
  }
  return null;
}
