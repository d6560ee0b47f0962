/** Steps on both databases: all or nothing, whatever becomes of others at the same time. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { isPostgres } from '../../server/database/dialect.ts';
import type { Database } from '../../server/database/open-database.ts';
import { repeatLost } from '../../server/database/repeat-lost.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { changesOf, rowOf, rowsOf, runWithin, type Steps, statement } from '../../server/database/statement.ts';
import { eventually } from '../services/eventually.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const INSERT = statement('insert into things (id, amount, is_kept, bytes) values (?, ?, ?, ?)');
const ADD = statement<{ amount: number }>('update things set amount = amount + ? where id = ? returning amount');
const RENAME = statement('update things set id = ? where id = ?');
const DELETE = statement('delete from things where id = ?');
const FIND = statement<{ id: string; amount: number; is_kept: boolean | number; bytes: Buffer | null }>(
  'select * from things where id = ?',
);
const IDS = statement<{ id: string }>('select id from things order by id');

let open: TestDatabase;
let database: Database;
beforeAll(async () => {
  open = await openTestDatabase();
  database = open.database;
  await database.schema.createTable('things', (table) => {
    table.string('id', 64).primary();
    table.integer('amount').notNullable();
    table.boolean('is_kept');
    table.binary('bytes');
  });
});
beforeEach(() => database('things').delete());
afterAll(() => open.remove());

const ids = async () => (await database('things').orderBy('id').pluck('id')) as string[];
const insert = (id: string, amount = 0): Steps<number> => changesOf(INSERT, [id, amount, null, null]);

function* insertThenFail(id: string): Steps<never> {
  yield* insert(id);
  throw new Error(`no ${id}`);
}

test('steps see what those before them did, and answer with what they return', async () => {
  const seen = await runnerOf(database).transact(function* () {
    yield* insert('a', 1);
    const added = yield* rowOf(ADD, [5, 'a']);
    const all = yield* rowsOf(IDS, []);
    return { added, all, none: yield* rowOf(ADD, [5, 'b']), renamed: yield* changesOf(RENAME, ['c', 'a']) };
  });
  expect(seen).toEqual({ added: { amount: 6 }, all: [{ id: 'a' }], none: undefined, renamed: 1 });
  expect(await ids()).toEqual(['c']);
});

test('values of each kind are kept', async () => {
  const bytes = Buffer.from([0, 255, 1]);
  await runnerOf(database).write(() => changesOf(INSERT, ["it's ?", 2, true, bytes]));
  const row = await runnerOf(database).read(() => rowOf(FIND, ["it's ?"]));
  expect(row).toEqual({ id: "it's ?", amount: 2, is_kept: isPostgres(database) ? true : 1, bytes });
  expect(await runnerOf(database).read(() => rowOf(FIND, ['it']))).toBeUndefined();
});

test('what throws, and a statement that fails, leave nothing', async () => {
  const { transact } = runnerOf(database);
  await expect(transact(() => insertThenFail('a'))).rejects.toThrow('no a');
  await expect(
    transact(function* () {
      yield* insert('b');
      yield* insert('b');
    }),
  ).rejects.toMatchObject({ code: isPostgres(database) ? '23505' : 'SQLITE_CONSTRAINT_PRIMARYKEY' });
  const failsAtOnce = () => {
    throw new Error('at once');
  };
  await expect(transact(failsAtOnce)).rejects.toThrow('at once');
  expect(await ids()).toEqual([]);
});

test('of many at once each fails for itself', async () => {
  const { transact, write } = runnerOf(database);
  const results = await Promise.allSettled([
    transact(() => insert('a')),
    transact(() => insertThenFail('b')),
    write(() => insert('c')),
    write(() => insert('a')),
    transact(() => insertThenFail('d')),
    transact(() => insert('e')),
  ]);
  expect(results[0]?.status === results[3]?.status).toBe(false);
  expect([1, 2, 4, 5].map((at) => results[at]?.status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled']);
  expect(await ids()).toEqual(['a', 'c', 'e']);
});

test('a transaction of knex that is open meanwhile has no part in it', async () => {
  const { transact, read } = runnerOf(database);
  const asked: Promise<unknown>[] = [];
  const undone = database.transaction(async (transaction) => {
    await transaction('things').insert({ id: 'knex', amount: 1 });
    asked.push(
      transact(() => insert('ours')),
      read(() => rowsOf(IDS, [])).then((rows) => expect(rows).not.toContainEqual({ id: 'knex' })),
    );
    // Turns in which ours could get in between.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await transaction('things').insert({ id: 'knex too', amount: 1 });
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  await Promise.all(asked);
  expect(await ids()).toEqual(['ours']);
  // And another one works after ours.
  await database.transaction((transaction) => transaction('things').insert({ id: 'later', amount: 1 }));
  expect(await ids()).toEqual(['later', 'ours']);
});

test('the same steps run inside a transaction of knex', async () => {
  const undone = database.transaction(async (transaction) => {
    expect(await runWithin(transaction, insert('a', 1))).toBe(1);
    expect(await runWithin(transaction, rowOf(ADD, [1, 'a']))).toEqual({ amount: 2 });
    expect(await runWithin(transaction, rowsOf(IDS, []))).toEqual([{ id: 'a' }]);
    expect(await runWithin(transaction, changesOf(DELETE, ['b']))).toBe(0);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await ids()).toEqual([]);
  await runWithin(database, insert('a'));
  expect(await ids()).toEqual(['a']);
});

test('who listens to knex hears of each statement, and how it ended', async () => {
  const heard: unknown[] = [];
  const began = (query: { method: string; bindings: unknown[] }) => heard.push([query.method, ...query.bindings]);
  const answered = (rows: unknown[], query: { method: string }) => heard.push([query.method, 'answered', rows]);
  const failed = (_error: unknown, query: { method: string }) => heard.push([query.method, 'failed']);
  database.on('query', began).on('query-response', answered).on('query-error', failed);
  await runnerOf(database).transact(() => insert('a', 3));
  await runnerOf(database).write(() => changesOf(DELETE, ['b']));
  await runnerOf(database).read(() => rowsOf(IDS, []));
  await expect(runnerOf(database).write(() => insert('a', 4))).rejects.toThrow();
  database.off('query', began).off('query-response', answered).off('query-error', failed);
  await runnerOf(database).read(() => rowsOf(IDS, []));
  expect(heard).toEqual([
    ['insert', 'a', 3, null, null],
    ['insert', 'answered', []],
    ['del', 'b'],
    ['del', 'answered', []],
    ['select'],
    ['select', 'answered', [{ id: 'a' }]],
    ['insert', 'a', 4, null, null],
    ['insert', 'failed'],
  ]);
});

test('two that take the same rows in different orders both come to their end', async () => {
  if (!isPostgres(database)) return;
  await database('things').insert([
    { id: 'a', amount: 0 },
    { id: 'b', amount: 0 },
  ]);
  let ours: Promise<unknown> | undefined;
  let isOver = false;
  await database.transaction(async (transaction) => {
    await transaction('things').where({ id: 'b' }).increment('amount', 1);
    ours ??= runnerOf(database)
      .transact(function* () {
        yield* rowOf(ADD, [1, 'a']);
        yield* rowOf(ADD, [1, 'b']);
      })
      .finally(() => {
        isOver = true;
      });
    // PostgreSQL says which of the two loses and is run again. Is it this one, then the other has ended meanwhile.
    await eventually('ours waits for the row of b', async () => {
      if (isOver) return true;
      const { rows } = await database.raw(
        "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows.length > 0;
    });
    await transaction('things').where({ id: 'a' }).increment('amount', 1);
  });
  await ours;
  expect(await database('things').orderBy('id').pluck('amount')).toEqual([2, 2]);
});

test('what another transaction won is repeated a few times, anything else is not', async () => {
  const lost = (code: string, times: number) => {
    let tries = 0;
    const transaction = async () => {
      tries += 1;
      if (tries <= times) throw Object.assign(new Error('lost'), { code });
      return tries;
    };
    return repeatLost(transaction);
  };
  expect(await lost('40P01', 2)).toBe(3);
  expect(await lost('40001', 4)).toBe(5);
  await expect(lost('40P01', 5)).rejects.toThrow('lost');
  await expect(lost('23505', 1)).rejects.toThrow('lost');
});
