/** An upgrade that fails leaves everything as it was, and a database of a newer version is left alone. */
import type { Knex } from 'knex';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { isPostgres } from '../../server/database/dialect.ts';
import { MigrationFailed, migrate, NewerDatabase, rollback } from '../../server/database/migrate.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
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

test('the cheaper triggers can be taken back and made again, and are the same afterwards', async () => {
  const { database } = opened;
  const cheaper = MIGRATIONS.get('0023-cheaper-triggers');
  const triggers = (of = database): Promise<{ name: string; text: string }[]> =>
    isPostgres(of)
      ? of('pg_proc')
          .join('pg_trigger', 'tgfoid', 'pg_proc.oid')
          .where({ tgisinternal: false })
          .orderBy('proname')
          .select('proname as name', of.raw('pg_get_triggerdef(pg_trigger.oid) || prosrc as text'))
      : of('sqlite_master').where({ type: 'trigger' }).orderBy('name').select('name', 'sql as text');
  const after = await triggers();
  await cheaper?.down(database);
  const before = await triggers();
  await cheaper?.up(database);
  expect(await triggers()).toEqual(after);
  expect(before.map(({ name }) => name)).toEqual(after.map(({ name }) => name));
  const changed = after.filter(({ text }, at) => text !== before[at]?.text).map(({ name }) => name);
  expect(changed).toEqual([
    'company_usage_upload_added',
    'daily_bytes_upload_added',
    'daily_bytes_upload_changed',
    'ledger_moves_session',
    'uploads_begin_session',
  ]);
  if (isPostgres(database)) return;
  const older = openSqlite(':memory:');
  await migrate(older, new Map([...MIGRATIONS].filter(([name]) => name < '0023')));
  expect(before).toEqual(await triggers(older));
  await older.destroy();
});
