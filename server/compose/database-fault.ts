/** What is wrong with a database that cannot be opened or brought up to date, in one line that says what to do. */
import type { Config } from '../config.ts';
import { databaseFailure } from '../database/database-failure.ts';
import { MigrationFailed, NewerDatabase } from '../database/migrate.ts';

/** Of the line: a statement that failed may be a page. */
const MAX_CHARACTERS = 500;

export function databaseFault(config: Config, error: unknown): Error {
  const { message } = error as Error;
  const line = message.replaceAll(/\s+/g, ' ').slice(0, MAX_CHARACTERS);
  return new Error(`The database ${nameOfDatabase(config)} cannot be used: ${line}. ${remedyOf(error)}`, {
    cause: error,
  });
}

function remedyOf(error: unknown): string {
  if (error instanceof NewerDatabase)
    return 'Start the newer version again, or restore a backup from before the upgrade.';
  const failure = databaseFailure(error instanceof MigrationFailed ? error.cause : error);
  if (failure?.code === 'storage-full') return 'Make room on its disk, then start again.';
  if (failure !== null) return 'Is it running, and is DATABASE_URL right?';
  if (error instanceof MigrationFailed)
    return 'The tables are as they were: start the version that ran before, and report this.';
  return 'Restore it from a backup, or start with an empty one.';
}

/** For messages, so without a password. */
export function nameOfDatabase({ databaseFile, postgresUrl }: Config): string {
  if (postgresUrl === undefined) return databaseFile;
  const { host, pathname } = new URL(postgresUrl);
  return `${decodeURIComponent(pathname.slice(1))} at ${host}`;
}
