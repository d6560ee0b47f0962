/** Entries by name in an SQLite file, so that millions of them need no memory; and the manifest, which is for every reader. */
import { createReadStream, createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Sqlite from 'better-sqlite3';
import { type BackupEntry, readEntry } from './backup-entry.ts';

export type EntryList = ReturnType<typeof openEntryList>;

const PAGE_ENTRIES = 1000;

/** @param file made if it is not there */
export function openEntryList(file: string) {
  const connection = new Sqlite(file);
  connection.pragma('journal_mode = WAL');
  connection.pragma('synchronous = NORMAL');
  connection.exec(
    'create table if not exists entries (name text primary key, sizeBytes integer, sha256 text) without rowid',
  );
  const put = connection.prepare('insert or replace into entries (name, sizeBytes, sha256) values (?, ?, ?)');
  const one = connection.prepare<[string], BackupEntry>('select * from entries where name = ?');
  const page = connection.prepare<[string, number], BackupEntry>(
    'select * from entries where name > ? order by name limit ?',
  );
  const remove = connection.prepare('delete from entries where name = ?');
  return {
    note: ({ name, sizeBytes, sha256 }: BackupEntry) => void put.run(name, sizeBytes, sha256),
    find: (name: string): BackupEntry | null => one.get(name) ?? null,
    forget: (name: string) => void remove.run(name),
    /** By name; entries may be forgotten meanwhile. */
    *all(): Generator<BackupEntry> {
      for (let after = ''; ; ) {
        const entries = page.all(after, PAGE_ENTRIES);
        yield* entries;
        if (entries.length < PAGE_ENTRIES) return;
        after = entries.at(-1)?.name ?? '';
      }
    },
    close: () => void connection.close(),
  };
}

/** One JSON object a line. */
export async function writeManifest(file: string, entries: Iterable<BackupEntry>): Promise<void> {
  const lines = function* () {
    for (const entry of entries) yield `${JSON.stringify(entry)}\n`;
  };
  await pipeline(Readable.from(lines()), createWriteStream(file, { mode: 0o600, flush: true }));
}

/** @throws when a line is none of ours */
export async function* readManifest(file: string): AsyncGenerator<BackupEntry> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Number.POSITIVE_INFINITY });
  for await (const line of lines) if (line !== '') yield readEntry(line);
}
