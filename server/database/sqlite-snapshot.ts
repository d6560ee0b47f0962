/** A copy of a living SQLite database as it was at one moment, and what a backup asks of it. */
import { rmSync } from 'node:fs';
import Sqlite from 'better-sqlite3';
import type { NewAuditEntry } from './audit-table.ts';

export type SqliteSnapshot = ReturnType<typeof takeSqliteSnapshot>;

/**
 * Copied in one read transaction, which keeps no writer waiting (WAL), and without the pages that deleted rows leave
 * behind.
 * @param to replaced if it is there
 */
export function takeSqliteSnapshot(databaseFile: string, to: string) {
  rmSync(to, { force: true });
  const source = new Sqlite(databaseFile, { fileMustExist: true });
  try {
    source.pragma(`busy_timeout = ${BUSY_TIMEOUT_MS}`);
    source.prepare('vacuum into ?').run(to);
  } finally {
    source.close();
  }
  const copy = new Sqlite(to);
  return {
    /** Keys of files and thumbnails, in their order. */
    objectKeys: (): IterableIterator<string> => copy.prepare<[], string>(OBJECT_KEYS).pluck().iterate(),
    /** Uploads that have bytes of their own: as they arrive, or at `storageKey` already. */
    unfinished: (): Unfinished[] => copy.prepare<[], Unfinished>(UNFINISHED).all(),
    /** As if it had been given up: its bytes are not in the backup. */
    abort(uploadId: string): void {
      copy.prepare("update uploads set state = 'aborted', ended_at = ? where id = ?").run(Date.now(), uploadId);
    },
    close: () => copy.close(),
  };
}

type Unfinished = { id: string; state: string; bytesReceived: number; storageKey: string | null };

const BUSY_TIMEOUT_MS = 60_000;
const OBJECT_KEYS = `select storage_key as key from chat_files
  union all select thumbnail from chat_files where thumbnail is not null order by key`;
const UNFINISHED = `select id, state, bytes_received as bytesReceived, storage_key as storageKey from uploads
  where state in ('open', 'finishing') order by id`;

/**
 * Makes a restored database one that goes on after the lost one, not in its place: what was given out between the backup
 * and the loss (numbers of the ledger, ids of files in signed links) never comes again for something else, and whoever
 * knows a later place of the ledger is told to ask anew (`resync`).
 * @param deed goes into its audit, if it is not from before there was one
 * @returns the names of the migrations that it has
 * @throws when it is damaged
 */
export function continueRestored(file: string, deed: NewAuditEntry): string[] {
  const connection = new Sqlite(file, { fileMustExist: true });
  try {
    const found = connection.pragma('quick_check', { simple: true });
    if (found !== 'ok') throw new Error(`the database in the backup is damaged: ${found}`);
    const names = connection.prepare<[], string>('select name from migrations order by id').pluck().all();
    const hasAudit = connection.prepare("select 1 from sqlite_master where name = 'audit_entries'");
    connection.transaction(() => {
      connection.prepare('delete from ledger').run();
      connection.prepare('update ledger_counters set last_seq = last_seq + ?').run(SKIPPED_NUMBERS);
      connection.prepare('update sqlite_sequence set seq = seq + ?').run(SKIPPED_NUMBERS);
      if (hasAudit.get() !== undefined) noteDeed(connection, deed);
    })();
    return names;
  } finally {
    connection.close();
  }
}

function noteDeed(connection: Sqlite.Database, { at, company, role, action, detail }: NewAuditEntry): void {
  connection
    .prepare('insert into audit_entries (at, company_id, role, action, detail) values (?, ?, ?, ?, ?)')
    .run(at, company, role, action, JSON.stringify(detail));
}

/** More than any server gives out between two backups. */
const SKIPPED_NUMBERS = 1_000_000_000;
