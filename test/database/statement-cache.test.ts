/** Statements are compiled once, and never one too few. */
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../../server/database/open-database.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { cacheStatements } from '../../server/database/statement-cache.ts';

let connection: Sqlite.Database;
beforeEach(() => {
  connection = new Sqlite(':memory:');
  cacheStatements(connection);
  connection.exec('create table files (id integer primary key, name text)');
  connection.exec("insert into files (name) values ('one'), ('two')");
});
afterEach(() => connection.close());

const BY_ID = 'select * from files where id = ?';

test('the same text is compiled once', () => {
  const first = connection.prepare(BY_ID);
  expect(connection.prepare(BY_ID)).toBe(first);
  expect(connection.prepare(`${BY_ID} limit 1`)).not.toBe(first);
  expect(first.all(1)).toEqual([{ id: 1, name: 'one' }]);
  expect(first.all(2)).toEqual([{ id: 2, name: 'two' }]);
});

test('one that is being read is left to its reader', () => {
  const all = 'select * from files';
  const rows = connection.prepare(all).iterate();
  expect(rows.next().value).toEqual({ id: 1, name: 'one' });
  expect(connection.prepare(all).all()).toHaveLength(2);
  expect([...rows]).toEqual([{ id: 2, name: 'two' }]);
});

test('a table that changes changes what is read from it', () => {
  connection.prepare(BY_ID).all(1);
  connection.prepare("alter table files add column kind text default 'text'").run();
  expect(connection.prepare(BY_ID).all(1)).toEqual([{ id: 1, name: 'one', kind: 'text' }]);
  // Also one that another connection changes, or a text that is not looked at.
  const kept = connection.prepare(BY_ID);
  connection.exec('alter table files drop column kind');
  expect(connection.prepare(BY_ID)).toBe(kept);
  expect(kept.all(1)).toEqual([{ id: 1, name: 'one' }]);
});

test('of texts without end the last five hundred are kept', () => {
  const textOf = (at: number) => `select ${at} as n`;
  const first = connection.prepare(textOf(0));
  for (let at = 1; at < 500; at += 1) connection.prepare(textOf(at));
  expect(connection.prepare(textOf(0))).toBe(first);
  for (let at = 500; at < 999; at += 1) connection.prepare(textOf(at));
  expect(connection.prepare(textOf(0))).toBe(first);
  for (let at = 999; at < 1499; at += 1) connection.prepare(textOf(at));
  expect(connection.prepare(textOf(0))).not.toBe(first);
});

test('no limit is bound: SQLite would compile the statement anew for each', async () => {
  const database: Database = openSqlite(':memory:');
  const query = database('files').where({ id: 1 }).limit(3).offset(2);
  expect(query.toSQL()).toMatchObject({ sql: 'select * from `files` where `id` = ? limit 3 offset 2', bindings: [1] });
  expect(database('files').first().toSQL()).toMatchObject({ sql: 'select * from `files` limit 1', bindings: [] });
  await database.destroy();
});
