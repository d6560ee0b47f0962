/**
 * How lists and finishes cost with the rows: `node test/bench/rows.ts [sqlite|postgres] [rows …]`, by default 10,000 and
 * 5,000,000. A tenth of all rows is one company's, and a thousand of these are one chat's. Prints medians and query plans.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createAuditTable } from '../../server/database/audit-table.ts';
import type { FileFilter, FilePlace } from '../../server/database/chat-file-table.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { isPostgres } from '../../server/database/dialect.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import type { Database } from '../../server/database/open-database.ts';
import { openPostgres } from '../../server/database/open-postgres.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { createPeopleTable } from '../../server/database/people-table.ts';
import { createPreviewJobTable } from '../../server/database/preview-job-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { createSessionListTable } from '../../server/database/session-list-table.ts';
import { createUploadPartTable } from '../../server/database/upload-part-table.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import { createRecordFile } from '../../server/sharing/record-file.ts';
import { startPostgres } from '../services/postgres.ts';
import { median, printTable } from './print-table.ts';
import { BIG_COMPANY, BIG_SESSION, fillRows } from './speed/fill-rows.ts';

const ROUNDS = 30;
const FIRST: FilePlace = { order: 'oldest', beyondId: null };
const NEWEST: FilePlace = { order: 'newest', beyondId: null };

const [dialect = 'sqlite', ...counts] = process.argv.slice(2);
const figures = new Map<string, Record<string, string>>();
for (const rows of counts.length > 0 ? counts.map(Number) : [10_000, 5_000_000]) {
  const { database, close } = await open(dialect);
  try {
    await fillRows(database, rows);
    for (const [work, milliseconds] of Object.entries(await measure(database))) {
      figures.set(work, { work, ...figures.get(work), [`${rows.toLocaleString('en')} rows`]: milliseconds });
    }
    await printPlans(database, rows);
  } finally {
    await close();
  }
}
printTable(`${dialect}, milliseconds (median of ${ROUNDS})`, [...figures.values()]);

async function open(name: string): Promise<{ database: Database; close(): Promise<void> }> {
  if (name === 'postgres') {
    const server = await startPostgres();
    const database = openPostgres(await server.newDatabase(), { poolSize: 5 });
    return { database, close: () => database.destroy().then(server.close) };
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-rows-'));
  const database = openSqlite(path.join(folder, 'chatdrop.sqlite'));
  return { database, close: () => database.destroy().then(() => rm(folder, { recursive: true, force: true })) };
}

function reads(database: Database): Record<string, () => Promise<unknown>> {
  const files = createChatFileTable(database);
  const sessions = createSessionListTable(database);
  const list =
    (session: string | null, place: FilePlace, filter: FileFilter = {}) =>
    () =>
      files.list(BIG_COMPANY, session, filter, place, 51);
  return {
    'a chat, first page': list(BIG_SESSION, FIRST),
    'a chat, newest': list(BIG_SESSION, NEWEST),
    'a chat, counted': () => files.count(BIG_COMPANY, BIG_SESSION, {}),
    'the company, newest': list(null, NEWEST),
    'the company, a type': list(null, NEWEST, { kind: 'document' }),
    'the company, counted': () => files.count(BIG_COMPANY, null, {}),
    'a name nobody has': list(null, NEWEST, { nameContains: 'invoice' }),
    'chats, newest': () => sessions.list(BIG_COMPANY, { session: null }, null, 51),
  };
}

async function measure(database: Database): Promise<Record<string, string>> {
  const works: Record<string, () => Promise<unknown>> = { ...reads(database), 'a finish': finishOne(database) };
  const result: Record<string, string> = {};
  for (const [name, work] of Object.entries(works)) {
    const times: number[] = [];
    await work();
    for (let round = 0; round < ROUNDS; round += 1) {
      const startedAt = performance.now();
      await work();
      times.push(performance.now() - startedAt);
    }
    result[name] = median(times).toFixed(2);
  }
  return result;
}

/** The one transaction that makes an upload a file, with the row of the upload before it. */
function finishOne(database: Database): () => Promise<void> {
  const uploads = createUploadTable(database);
  const recordFile = createRecordFile({
    runner: runnerOf(database),
    uploads,
    parts: createUploadPartTable(database),
    files: createChatFileTable(database),
    people: createPeopleTable(),
    ledger: createEventLedger(database),
    audit: createAuditTable(database),
    previewJobs: createPreviewJobTable(database),
    wantsPreview: () => true,
    now: Date.now,
  });
  return async () => {
    const id = newUploadId();
    await uploads.insert(database, {
      id,
      company: BIG_COMPANY,
      session: BIG_SESSION,
      uploader: 'user',
      subject: null,
      name: 'photo.png',
      declaredType: null,
      sizeBytes: 1000,
      reservedBytes: 1000,
      metadata: null,
      fileKey: null,
      sha256: null,
      oneRequest: false,
      concat: null,
      holder: null,
      createdAt: Date.now(),
      expiresAt: Date.now() + 1_000_000,
    });
    const lease = { token: `bench.${randomBytes(4).toString('hex')}`, untilMs: Date.now() + 60_000 };
    const upload = await uploads.takeLease(id, lease, Date.now());
    if (upload === null) throw new Error('no lease');
    const storageKey = newStorageKey(BIG_COMPANY, BIG_SESSION, '.png');
    const recorded = await recordFile(upload, lease, {
      storageKey,
      mimeType: 'image/png',
      sizeBytes: 1000,
      sha256: null,
      scan: 'not_scanned',
    });
    if (recorded === null) throw new Error('not recorded');
  };
}

async function printPlans(database: Database, rows: number): Promise<void> {
  for (const [name, work] of Object.entries(reads(database))) {
    const asked: { sql: string; bindings: string[] }[] = [];
    const listen = (query: { sql: string; bindings: string[] }) => asked.push(query);
    database.on('query', listen);
    await work();
    database.off('query', listen);
    for (const { sql, bindings } of asked) {
      const explained = isPostgres(database)
        ? (await database.raw(`explain ${sql.replaceAll(/\$\d+/g, '?')}`, bindings)).rows.map(
            (row: Record<string, string>) => row['QUERY PLAN'],
          )
        : (await database.raw(`explain query plan ${sql}`, bindings)).map(({ detail }: { detail: string }) => detail);
      process.stdout.write(`${rows} rows · ${name}\n  ${explained.join('\n  ')}\n`);
    }
  }
}
