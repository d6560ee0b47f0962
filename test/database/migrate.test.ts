/** An upgrade that fails leaves everything as it was, and a database of a newer version is left alone. */
import type { Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { isPostgres } from '../../server/database/dialect.ts';
import { MigrationFailed, migrate, NewerDatabase, rollback } from '../../server/database/migrate.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { fromRow } from '../../server/database/upload-row.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const LATER: [string, Knex.Migration] = [
  '9998-later',
  {
    up: async (knex) => {
      await knex.schema.createTable('later', (table) => table.increments('id'));
      await knex('chat_files').update({ original_name: 'renamed.png' });
    },
    down: (knex) => knex.schema.dropTable('later'),
  },
];
const FAILING: [string, Knex.Migration] = [
  '9999-fails',
  {
    up: async (knex) => {
      await knex.schema.createTable('half', (table) => table.increments('id'));
      await knex('chat_files').update({ no_such_column: 1 });
    },
    down: async () => {},
  },
];

let opened: TestDatabase;
beforeEach(async () => {
  opened = await openTestDatabase();
});
afterEach(() => opened.remove());

describe('an upgrade that fails', () => {
  test('names the change that failed, and takes all of them back, with what they did to rows', async () => {
    const { database } = opened;
    const id = await insertFile(database);
    const before = await database('migrations').select();
    const failed = await migrate(database, new Map([...MIGRATIONS, LATER, FAILING])).catch((error) => error);
    expect(failed).toBeInstanceOf(MigrationFailed);
    expect(failed.message).toMatch(/^the migration 9999-fails failed, and nothing of it was kept \(.*no_such_column/);
    for (const table of ['later', 'half']) expect(await database.schema.hasTable(table)).toBe(false);
    expect(await database('chat_files').where({ id }).first('original_name')).toEqual({ original_name: 'photo.png' });
    expect(await database('migrations').select()).toEqual(before);
  });

  test('is in the way neither of the version before nor of the next', async () => {
    const { database } = opened;
    await migrate(database, new Map([...MIGRATIONS, FAILING])).catch(() => {});
    expect(await migrate(database, MIGRATIONS)).toEqual([]);
    const id = await insertFile(database);
    expect(await migrate(database, new Map([...MIGRATIONS, LATER]))).toEqual(['9998-later']);
    expect(await database('chat_files').where({ id }).first('original_name')).toEqual({ original_name: 'renamed.png' });
  });
});

test('a database of a newer version is refused both ways, and nothing is changed', async () => {
  const { database } = opened;
  await migrate(database, new Map([...MIGRATIONS, LATER]));
  const before = await database('migrations').select();
  for (const [name, work] of [
    ['up', () => migrate(database, MIGRATIONS)],
    ['up, with a change of its own', () => migrate(database, new Map([...MIGRATIONS, FAILING]))],
    ['down', () => rollback(database, MIGRATIONS)],
  ] as const) {
    const refused = await work().catch((error) => error);
    expect([name, refused]).toEqual([name, expect.any(NewerDatabase)]);
    expect(refused.message).toBe('it was written by a newer Chatdrop (9998-later)');
  }
  expect(await database('migrations').select()).toEqual(before);
  expect(await database.schema.hasTable('later')).toBe(true);
});

test('nodes that start at once on PostgreSQL: one runs what is missing, the others wait for it', async () => {
  const { database } = opened;
  // SQLite's file has one server at a time: see the instance lock.
  if (!isPostgres(database)) return;
  let running = 0;
  let most = 0;
  const counted: Knex.Migration = {
    up: async (knex) => {
      running += 1;
      most = Math.max(most, running);
      await knex.raw('select pg_sleep(0.05)');
      running -= 1;
    },
    down: async () => {},
  };
  const newer = new Map([...MIGRATIONS, ['9998-counted', counted] as const]);
  const ran = await Promise.all([migrate(database, newer), migrate(database, newer)]);
  expect(ran.flat()).toEqual(['9998-counted']);
  expect([running, most]).toEqual([0, 1]);
});

test.each([
  ['0023-cheaper-triggers', ['company_usage_upload_added', 'daily_bytes_upload_added', 'daily_bytes_upload_changed']],
  ['0026-lighter-uploads', ['uploads_begin_session']],
  ['0027-files-by-chat', ['ledger_moves_session']],
  ['0025-counted-chats', ['statistics_file_added', 'statistics_file_uncounted']],
  ['0024-finished-in-one-row', ['chat_files_leave_upload', 'daily_bytes_upload_added', 'daily_bytes_whole_file_added']],
])('the triggers of %s can be taken back and made again, and are the same afterwards', async (name, some) => {
  const { database } = opened;
  const triggers = async (of = database): Promise<Map<string, string>> => {
    const rows: { name: string; text: string }[] = isPostgres(of)
      ? await of('pg_proc')
          .join('pg_trigger', 'tgfoid', 'pg_proc.oid')
          .where({ tgisinternal: false })
          .orderBy('proname')
          .select('proname as name', of.raw('pg_get_triggerdef(pg_trigger.oid) || prosrc as text'))
      : await of('sqlite_master').where({ type: 'trigger' }).orderBy('name').select('name', 'sql as text');
    return new Map(rows.map((row) => [row.name, row.text]));
  };
  const after = await triggers();
  const taken = [...MIGRATIONS].filter(([other]) => other >= name);
  for (const [, migration] of taken.toReversed()) await migration.down(database);
  const before = await triggers();
  for (const [, migration] of taken) await migration.up(database);
  expect(await triggers()).toEqual(after);
  const changed = [...after].filter(([trigger, text]) => text !== before.get(trigger)).map(([trigger]) => trigger);
  expect(changed).toEqual(expect.arrayContaining(some));
  if (isPostgres(database)) return;
  const older = openSqlite(':memory:');
  await migrate(older, new Map([...MIGRATIONS].filter(([other]) => other < name)));
  expect(before).toEqual(await triggers(older));
  await older.destroy();
});

test('the migration that makes the ledger anew keeps its rows, and what is to be deleted', async () => {
  const { database } = opened;
  const migration = MIGRATIONS.get('0025-counted-chats');
  const entry = { company_id: 'c', session_id: 's', type: 'file_shared', file_id: 7, reason: null, created_at: 9 };
  await database('ledger').insert([2, 1].map((seq) => ({ ...entry, seq })));
  await database('removed_objects').insert({ storage_key: 'chat/c/s/key', next_attempt_at: 5, deletion_id: 3 });
  await insertFile(database);
  const held = () =>
    Promise.all([
      database('ledger').orderBy('seq').select(),
      database('removed_objects').select(),
      database('chat_sessions').select('session_id', 'last_activity_at', 'first_file_at'),
    ]);
  const before = await held();
  expect(before.map((rows) => rows.length)).toEqual([2, 1, 1]);
  await migration?.down(database);
  expect(await held()).toEqual(before);
  await migration?.up(database);
  expect(await held()).toEqual(before);
  expect(await database('chat_sessions').pluck('files')).toEqual([1]);
});

test('before the migration that leaves a small upload to its file each has a row of its own again, counted once', async () => {
  const { database } = opened;
  const uploads = createUploadTable(database);
  const upload = { sizeBytes: 12, subject: null, metadata: 'filename YQ==', expiresAt: 9000 };
  const fileId = await insertFile(database, { upload, uploadId: 'whole' });
  await insertFile(database, { uploadId: 'imported' });
  const found = await uploads.find('whole');
  expect(found).toMatchObject({ state: 'finished', fileId, sizeBytes: 12 });
  const counted = () =>
    Promise.all(
      ['company_days', 'company_statistics', 'company_usage', 'chat_sessions'].map((table) =>
        database(table).orderBy(['company_id']).select(),
      ),
    );
  const before = await counted();
  const taken = ['0024-finished-in-one-row', '0025-counted-chats'].map((name) => MIGRATIONS.get(name));
  for (const migration of taken.toReversed()) await migration?.down(database);
  const rows = await database('uploads').select();
  expect(rows.map(({ id, state }) => [id, state])).toEqual([['whole', 'finished']]);
  expect(fromRow(rows[0])).toEqual(found);
  expect(await counted()).toEqual(before.map((of) => of.map(({ files: _, ...row }) => row)));
  for (const migration of taken) await migration?.up(database);
  expect(await uploads.find('whole')).toEqual(found);
  expect(await counted()).toEqual(before);
});

test('the migration that has files found by their chat gives each one, and takes no other index than that by names', async () => {
  const { database } = opened;
  const migration = MIGRATIONS.get('0027-files-by-chat');
  const indexes = async (): Promise<string[]> =>
    isPostgres(database)
      ? database('pg_indexes').where({ schemaname: 'public' }).orderBy('indexname').pluck('indexdef')
      : database('sqlite_master').where({ type: 'index' }).whereNotNull('sql').orderBy('name').pluck('sql');
  const after = await indexes();
  await migration?.down(database);
  const before = await indexes();
  expect(before.filter((index) => !after.includes(index))).toEqual(
    isPostgres(database) ? [] : [expect.stringContaining('(`company_id`, `session_id`, `id`)')],
  );
  if (isPostgres(database)) return;
  const ids = await Promise.all(['there', 'there', 'gone'].map((session) => insertFile(database, { session })));
  await database('chat_files').whereIn('id', ids.slice(1)).update({ chat_session_id: null });
  await database('chat_sessions').where({ session_id: 'gone' }).delete();
  await database('chat_sessions').update({ files: 1 });
  await migration?.up(database);
  expect(await indexes()).toEqual(after);
  const files = createChatFileTable(database);
  const listed = async (session: string) =>
    (await files.list('company', session, {}, { order: 'oldest', beyondId: null }, 10)).map(({ id }) => id);
  expect([await listed('there'), await listed('gone')]).toEqual([ids.slice(0, 2), ids.slice(2)]);
  expect(await database('chat_sessions').orderBy('session_id').pluck('files')).toEqual([1, 2]);
});

test('the migration that makes the uploads anew keeps their rows and their parts', async () => {
  const { database } = opened;
  const migration = MIGRATIONS.get('0026-lighter-uploads');
  const row = {
    company_id: 'c',
    session_id: 's',
    uploader: 'user',
    name: 'a',
    size: 4,
    reserved_bytes: 4,
    state: 'open',
  };
  const made = { ...row, created_at: 5, expires_at: 6 };
  await database('uploads').insert(['b', 'a', 'whole'].map((id) => ({ ...made, id })));
  await database('upload_parts').insert(
    ['a', 'b'].map((partial_id, position) => ({ final_id: 'whole', position, partial_id })),
  );
  const tables = ['uploads', 'upload_parts', 'chat_sessions', 'company_usage', 'company_days', 'company_statistics'];
  const held = () =>
    Promise.all(tables.map(async (table) => [table, await database(table).orderByRaw('1, 2').select()]));
  const before = await held();
  expect(before.map(([, rows]) => rows?.length)).toEqual([3, 2, 1, 1, 1, 1]);
  await migration?.down(database);
  expect(await held()).toEqual(before);
  await migration?.up(database);
  expect(await held()).toEqual(before);
  await database('uploads').where({ id: 'whole' }).delete();
  expect(await database('upload_parts').select()).toEqual([]);
});
