/**
 * Steps on SQLite's one connection: each from its first statement to its last within one tick, and what is to be written in
 * a few turns of the event loop within one transaction. A commit writes each page that was touched, and waits for the disk:
 * of many that come together, that is done once.
 */
import type { Statement as Prepared, Database as SqliteConnection } from 'better-sqlite3';
import type { Database } from './open-database.ts';
import type { Answer, Runner, Statement, Step, Steps, Value, Work } from './statement.ts';
import { tellListeners } from './tell-listeners.ts';

/** Of one group. Its memory is small; the bound is for the one that fails, after which all are run again. */
const MAX_GROUP_PIECES = 100;
/** After so long a group is committed, and what is left waits a turn: requests that want no database wait meanwhile. */
const MAX_GROUP_MS = 20;
/** Of the event loop that a group waits for more, as long as each brings some: uploads that come together share a commit. */
const MAX_TURNS = 3;

/** What one caller wants written: all of it or nothing, whatever becomes of the others in its group. */
type Piece = { work: Work<unknown>; resolve(value: unknown): void; reject(error: unknown): void };
type Result = { value: unknown } | { error: unknown };

export function runOnSqlite(database: Database): Runner {
  let connection: SqliteConnection | null = null;
  let waiting: Piece[] = [];
  let isScheduled = false;
  const run = createRun(database);

  /** Free: not in the middle of a transaction of knex, which spans many turns. Nobody else's statements may get into that. */
  const free = (): SqliteConnection | null => (connection?.open && !connection.inTransaction ? connection : null);

  /** Waits in knex's queue for the connection, so that it is nobody else's meanwhile. */
  const acquired = async <T>(use: (on: SqliteConnection) => T): Promise<T> => {
    const own: SqliteConnection = await database.client.acquireConnection();
    connection = own;
    try {
      return use(own);
    } finally {
      await database.client.releaseConnection(own);
    }
  };

  const runWaiting = (on: SqliteConnection) => {
    const group = waiting.splice(0, MAX_GROUP_PIECES);
    const left = runGroup(on, run, group);
    waiting = [...left, ...waiting];
    isScheduled = false;
    if (waiting.length > 0) schedule();
  };
  const failWaiting = (error: unknown) => {
    const failed = waiting;
    waiting = [];
    isScheduled = false;
    for (const { reject } of failed) reject(error);
  };
  const schedule = () => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(afterTurn, 0, 1);
  };
  /** After all that a turn's events bring. `known`: what was waiting after the turn before. */
  const afterTurn = (known: number, turn: number) => {
    if (waiting.length > known && waiting.length < MAX_GROUP_PIECES && turn < MAX_TURNS) {
      setImmediate(afterTurn, waiting.length, turn + 1);
      return;
    }
    const on = free();
    if (on === null) void acquired(runWaiting).catch(failWaiting);
    else runWaiting(on);
  };
  const write = <T>(work: Work<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push({ work, resolve: resolve as Piece['resolve'], reject });
      schedule();
    });

  return {
    transact: write,
    write,
    async read(work) {
      const on = free();
      return on === null ? acquired((own) => runSteps(own, run, work)) : runSteps(on, run, work);
    },
  };
}

type Run = (on: SqliteConnection, step: Step) => Answer;

/** Begins, runs, commits, and only then answers. @returns the pieces that it had no time for */
function runGroup(on: SqliteConnection, run: Run, group: readonly Piece[]): Piece[] {
  let results: Result[];
  try {
    results = groupResults(on, run, group, false) ?? groupResults(on, run, group, true) ?? [];
  } catch (error) {
    if (on.inTransaction) on.prepare('rollback').run();
    for (const { reject } of group) reject(error);
    return [];
  }
  for (const [at, result] of results.entries()) {
    if ('error' in result) group[at]?.reject(result.error);
    else group[at]?.resolve(result.value);
  }
  return group.slice(results.length);
}

/**
 * One transaction. Savepoints cost more than most statements, and hardly anything fails: so a group is first run without,
 * and where one of several fails all are rolled back and run again, each with a savepoint of its own.
 * @returns null where that is to be done @throws what ends the whole transaction
 */
function groupResults(on: SqliteConnection, run: Run, group: readonly Piece[], isCareful: boolean): Result[] | null {
  const results: Result[] = [];
  const startedAt = performance.now();
  on.prepare('begin immediate').run();
  for (const { work } of group) {
    if (isCareful) on.prepare('savepoint piece').run();
    try {
      results.push({ value: runSteps(on, run, work) });
    } catch (error) {
      // SQLite itself rolls back where the disk is full or fails: there is no transaction any more.
      if (!on.inTransaction) throw error;
      if (!isCareful && group.length > 1) {
        on.prepare('rollback').run();
        return null;
      }
      on.prepare(isCareful ? 'rollback to piece' : 'rollback').run();
      results.push({ error });
    }
    if (isCareful) on.prepare('release piece').run();
    if (performance.now() - startedAt > MAX_GROUP_MS) break;
  }
  if (on.inTransaction) on.prepare('commit').run();
  return results;
}

function runSteps<T>(on: SqliteConnection, run: Run, work: Work<T>): T {
  const steps: Steps<T> = work();
  let next = steps.next();
  while (next.done !== true) next = steps.next(run(on, next.value));
  return next.value;
}

function createRun(database: Database): Run {
  let prepared = new WeakMap<Statement, Prepared>();
  let preparedOn: SqliteConnection | null = null;
  return (on, { statement, values, isOne = false }) => {
    if (on !== preparedOn) prepared = new WeakMap();
    preparedOn = on;
    let compiled = prepared.get(statement);
    if (compiled === undefined) {
      compiled = on.prepare(statement.sqlite);
      prepared.set(statement, compiled);
    }
    const bound = values.some(isBoolean) ? values.map(bindable) : values;
    const told = tellListeners(database, statement, statement.sqlite, values);
    if (told === null) return answerOf(compiled, bound, isOne);
    try {
      const answer = answerOf(compiled, bound, isOne);
      told.ended(answer);
      return answer;
    } catch (error) {
      told.failed(error);
      throw error;
    }
  };
}

const NO_ROWS: Answer = { rows: [], changes: 0 };

function answerOf(compiled: Prepared, values: readonly Value[], isOne: boolean): Answer {
  if (!compiled.reader) return { rows: [], changes: compiled.run(values).changes };
  if (isOne) {
    // A list costs as much again as most rows; what writes has written all by its first one.
    const row = compiled.get(values);
    return row === undefined ? NO_ROWS : { rows: [row], changes: 1 };
  }
  const rows = compiled.all(values);
  return { rows, changes: rows.length };
}

/** SQLite has no booleans. */
function bindable(value: Value): Value {
  return isBoolean(value) ? Number(value) : value;
}

function isBoolean(value: Value): value is boolean {
  return typeof value === 'boolean';
}
