/** On SQLite what comes in one turn is committed once; each piece of it is all or nothing, and answered when it is on disk. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Database } from '../../server/database/open-database.ts';
import { openSqlite } from '../../server/database/open-sqlite.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { changesOf, type Runner, rowsOf, type Steps, statement } from '../../server/database/statement.ts';

const INSERT = statement('insert into things (id, text) values (?, ?)');
const IDS = statement<{ id: number }>('select id from things order by id');

let folder = '';
let database: Database;
let runner: Runner;
let beside: Sqlite.Database;
/** How often each statement was asked of the connection by its text. */
let asked: Map<string, number>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-group-'));
  const file = join(folder, 'chatdrop.sqlite');
  database = openSqlite(file);
  await database.raw('create table things (id integer primary key, text text)');
  const connection: Sqlite.Database = await database.client.acquireConnection();
  await database.client.releaseConnection(connection);
  const prepare = connection.prepare.bind(connection);
  asked = new Map();
  const counting = (sql: string) => {
    asked.set(sql, (asked.get(sql) ?? 0) + 1);
    return prepare(sql);
  };
  Object.assign(connection, { prepare: counting });
  connection.pragma('busy_timeout = 20');
  runner = runnerOf(database);
  await runner.write(() => insert(0));
  asked.clear();
  beside = new Sqlite(file, { timeout: 20 });
});
afterEach(async () => {
  beside.close();
  await database.destroy();
  await rm(folder, { recursive: true });
});

const insert = (id: number, text = ''): Steps<number> => changesOf(INSERT, [id, text]);
const idsBeside = () => beside.prepare('select id from things order by id').pluck().all();
const upTo = (count: number) => Array.from({ length: count }, (_, at) => at);
const commits = () => asked.get('commit') ?? 0;

function* insertThenFail(id: number): Steps<never> {
  yield* insert(id);
  throw new Error(`no ${id}`);
}

test('what is asked for in one turn is one commit, and answered after it', async () => {
  const answers = upTo(20).map((at) =>
    runner.transact(() => insert(at + 1)).then(() => expect(idsBeside()).toHaveLength(21)),
  );
  expect(idsBeside()).toEqual([0]);
  await Promise.all(answers);
  expect(commits()).toBe(1);
  expect(asked.has('savepoint piece')).toBe(false);
  await runner.write(() => insert(21));
  expect(commits()).toBe(2);
});

test('one that fails takes none of its group with it', async () => {
  const pieces = upTo(10).map((at) => runner.transact(() => (at % 4 === 2 ? insertThenFail(at + 1) : insert(at + 1))));
  const statuses = (await Promise.allSettled(pieces)).map(({ status }) => status);
  expect(statuses).toEqual(upTo(10).map((at) => (at % 4 === 2 ? 'rejected' : 'fulfilled')));
  expect(idsBeside()).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10]);
  expect(commits()).toBe(1);
});

test('one alone that fails needs no second run', async () => {
  let runs = 0;
  const counted = () => {
    runs += 1;
    return insertThenFail(1);
  };
  await expect(runner.transact(counted)).rejects.toThrow('no 1');
  expect(runs).toBe(1);
  expect(idsBeside()).toEqual([0]);
  expect(await runner.write(() => insert(1))).toBe(1);
});

test('a group has a bound: the rest comes in the next', async () => {
  await Promise.all(upTo(250).map((at) => runner.write(() => insert(at + 1))));
  expect(commits()).toBe(3);
  expect(idsBeside()).toHaveLength(251);
});

test('one that takes long is committed before the others have their turn', async () => {
  function* slow(): Steps<void> {
    yield* insert(1);
    const until = performance.now() + 30;
    while (performance.now() < until) yield* rowsOf(IDS, []);
  }
  const answers: string[] = [];
  const note = (name: string) => () => void answers.push(`${name} ${commits()}`);
  await Promise.all([
    runner.transact(slow).then(note('slow')),
    runner.write(() => insert(2)).then(note('second')),
    runner.write(() => insert(3)).then(note('third')),
  ]);
  expect(answers).toEqual(['slow 1', 'second 2', 'third 2']);
});

test('transactions of knex that follow each other without end do not keep it waiting', async () => {
  let isAnswered = false;
  const oneOfKnex = () =>
    database.transaction(async (transaction) => {
      await transaction('things').insert({ text: 'knex' });
      await new Promise((resolve) => setImmediate(resolve));
    });
  const first = oneOfKnex();
  const answered = runner.write(() => insert(1000)).then(() => (isAnswered = true));
  let count = 0;
  for (; !isAnswered && count < 1000; count += 1) await Promise.all([first, oneOfKnex(), oneOfKnex()]);
  expect(isAnswered).toBe(true);
  await answered;
  expect(idsBeside()).toContain(1000);
});

test('who reads while a transaction of knex is open sees what is committed, once it is', async () => {
  let read: Promise<{ id: number }[]> | undefined;
  await database.transaction(async (transaction) => {
    await transaction('things').insert({ id: 7 });
    read = runner.read(() => rowsOf(IDS, []));
    await new Promise((resolve) => setTimeout(resolve, 20));
    await transaction('things').where({ id: 7 }).update({ id: 8 });
  });
  expect(await read).toEqual([{ id: 0 }, { id: 8 }]);
});

test('while another process writes all fail, and nothing of them stays', async () => {
  beside.exec('begin immediate');
  const pieces = [runner.write(() => insert(1)), runner.transact(() => insert(2))];
  const results = await Promise.allSettled(pieces);
  expect(results).toMatchObject([{ reason: { code: 'SQLITE_BUSY' } }, { reason: { code: 'SQLITE_BUSY' } }]);
  expect(await runner.read(() => rowsOf(IDS, []))).toEqual([{ id: 0 }]);
  beside.exec('commit');
  await runner.write(() => insert(3));
  expect(idsBeside()).toEqual([0, 3]);
});

test('a full disk fails what needs room, and leaves no transaction open', async () => {
  const connection: Sqlite.Database = await database.client.acquireConnection();
  await database.client.releaseConnection(connection);
  const pages = connection.pragma('page_count', { simple: true }) as number;
  connection.pragma(`max_page_count = ${pages + 1}`);
  const long = 'x'.repeat(50_000);
  const results = await Promise.allSettled([runner.write(() => insert(1)), runner.write(() => insert(2, long))]);
  expect(results[1]).toMatchObject({ status: 'rejected', reason: { code: 'SQLITE_FULL' } });
  // Who is told that it is there, has it; of the other nothing is.
  expect(idsBeside()).toEqual(results[0]?.status === 'fulfilled' ? [0, 1] : [0]);
  expect(connection.inTransaction).toBe(false);
  connection.pragma('max_page_count = 100000');
  await runner.write(() => insert(2, long));
  expect(idsBeside()).toContain(2);
});

test('a commit that fails is told to all of its group', async () => {
  await database.raw('create table owners (id integer primary key)');
  await database.raw('create table owned (owner integer references owners (id) deferrable initially deferred)');
  const own = statement('insert into owned (owner) values (?)');
  const results = await Promise.allSettled([runner.write(() => insert(1)), runner.write(() => changesOf(own, [5]))]);
  expect(results).toMatchObject([
    { reason: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } },
    { reason: { code: 'SQLITE_CONSTRAINT_FOREIGNKEY' } },
  ]);
  expect(idsBeside()).toEqual([0]);
  await runner.write(() => insert(2));
  expect(idsBeside()).toEqual([0, 2]);
});

test('after the database was closed all fail', async () => {
  await database.destroy();
  await expect(runner.write(() => insert(1))).rejects.toThrow();
  await expect(runner.read(() => rowsOf(IDS, []))).rejects.toThrow();
  await database.initialize();
  expect(await runner.write(() => insert(2))).toBe(1);
  expect(idsBeside()).toEqual([0, 2]);
});

const nextTurn = () => new Promise(setImmediate);

test('a commit waits a turn while others come, but not for ever', async () => {
  const answers: Promise<number>[] = [];
  const endAfter = (turns: number) => (turns > 0 ? setImmediate(bring, turns - 1) : undefined);
  const bring = (turns: number) => {
    const id = answers.length + 1;
    answers.push(runner.transact(() => insert(id)));
    endAfter(turns);
  };
  bring(1);
  await answers[0];
  expect(await Promise.all(answers)).toEqual([1, 1]);
  expect(commits()).toBe(1);
  bring(20);
  await answers[2];
  // Those of the turns after it have not come yet.
  expect(answers.length).toBeLessThan(10);
  while (answers.length < 23) await nextTurn();
  await Promise.all(answers);
  expect(idsBeside()).toEqual(upTo(24));
});
