/** What the build makes of the migrations is what the migrations make, and a database that is not empty is left to them. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MIGRATIONS } from '../../migrations/index.ts';
import { makeFirstTables } from '../../server/build/first-tables.ts';
import type { FirstTables } from '../../server/database/first-tables.ts';
import { migrate } from '../../server/database/migrate.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';

let folder: string;
let firstTables: FirstTables;
const opened: Knex[] = [];
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-first-tables-'));
  firstTables = await makeFirstTables();
});
afterAll(async () => {
  for (const database of opened) await database.destroy();
  await rm(folder, { recursive: true, force: true });
});

test('the same tables, indexes, triggers and rows', async () => {
  const [slow, fast] = [open('slow'), open('fast')];
  const names = [...MIGRATIONS.keys()];
  expect(await migrate(slow, MIGRATIONS)).toEqual(names);
  expect(await migrate(fast, MIGRATIONS, firstTables)).toEqual(names);
  expect(await contentOf(fast)).toEqual(await contentOf(slow));
  expect((await contentOf(fast)).parts.length).toBeGreaterThan(50);
  for (const { migration_time: time } of await fast('migrations').select('migration_time'))
    expect(Math.abs(Date.now() - time)).toBeLessThan(60 * 60_000);
  expect(await migrate(fast, MIGRATIONS, firstTables)).toEqual([]);
});

test('a database that has anything in it, or other migrations, goes the way of the migrations', async () => {
  const [half, later] = [open('half'), open('later')];
  const first = new Map([...MIGRATIONS].slice(0, 1));
  await migrate(half, first, firstTables);
  expect(await half('migrations').pluck('name')).toEqual([...first.keys()]);
  expect(await migrate(half, MIGRATIONS, firstTables)).toEqual([...MIGRATIONS.keys()].slice(1));
  expect((await contentOf(half)).parts).toEqual((await contentOf(open('fast'))).parts);
  const more = new Map([
    ...MIGRATIONS,
    [
      '9998-later',
      { up: (knex: Knex) => knex.schema.createTable('later', (table) => table.increments('id')), down: async () => {} },
    ],
  ] as const);
  expect(await migrate(later, more, firstTables)).toEqual([...more.keys()]);
  expect(await later.schema.hasTable('later')).toBe(true);
});

function open(name: string): Knex {
  const database = openSqlite(path.join(folder, `${name}.sqlite`));
  opened.push(database);
  return database;
}

/** All of it, but when a migration was run. */
async function contentOf(database: Knex) {
  const parts = await database('sqlite_master').select('type', 'name', 'tbl_name', 'sql').orderBy(['type', 'name']);
  const rows: Record<string, unknown[]> = {};
  for (const { name } of parts.filter(({ type }) => type === 'table'))
    rows[name] = (await database(name).select('*'))
      .map(({ migration_time: _, ...row }) => row)
      .toSorted((one, other) => JSON.stringify(one).localeCompare(JSON.stringify(other)));
  return { parts, rows };
}
