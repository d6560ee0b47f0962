/**
 * A statement is written once and compiled once; each use binds its values. What belongs together is a generator of such
 * uses, so that it is written once for both databases: SQLite runs it within one tick, PostgreSQL waits for each answer.
 */
import type { Knex } from 'knex';

export type Value = string | number | boolean | null | Buffer;

/** `Row`: what it answers with; nothing checks that but the tests of the table. */
export type Statement<Row = unknown> = {
  /** With `?` for each value. */
  readonly sqlite: string;
  /** The same with `$1`, `$2` … */
  readonly postgres: string;
  /** As knex calls it: `select`, `insert`, `update`, `del`. */
  readonly method: string;
  readonly row?: Row;
};

/** One use of a statement. `isOne`: of its rows only the first is wanted. */
export type Step = { readonly statement: Statement; readonly values: readonly Value[]; readonly isOne?: boolean };
/** `changes`: rows that were written; where rows are answered with, how many these are. */
export type Answer = { readonly rows: readonly unknown[]; readonly changes: number };

/**
 * Statements that depend on each other's answers. One that fails ends them all: there is nothing to catch, since
 * PostgreSQL takes no other statement in a transaction after it. To give up, throw. They change nothing but the database:
 * they may be run again from the start.
 */
export type Steps<T> = Generator<Step, T, Answer>;

/** Begins them: called again where they have to be run again. */
export type Work<T> = () => Steps<T>;

/** What fails is as knex's own: `databaseFailure` knows it. */
export type Runner = {
  /** All of it or nothing; answered when it is committed, so on disk. What it throws rolls it back, and is thrown on. */
  transact<T>(work: Work<T>): Promise<T>;
  /** The same of one statement. */
  write<T>(work: Work<T>): Promise<T>;
  /** What only reads. Each statement sees what is committed when it runs. */
  read<T>(work: Work<T>): Promise<T>;
};

/**
 * A statement of a text that both dialects understand, or of one for each; `?` stands for a value, and for nothing else.
 * Make it once, outside of what uses it. A number that is a limit is written out, not bound: SQLite would compile the
 * statement anew for each.
 */
export function statement<Row = never>(text: string | { sqlite: string; postgres: string }): Statement<Row> {
  const { sqlite, postgres } = typeof text === 'string' ? { sqlite: text, postgres: text } : text;
  let values = 0;
  const word = /^\s*(\w+)/.exec(sqlite)?.[1]?.toLowerCase() ?? '';
  return {
    sqlite,
    postgres: postgres.replaceAll('?', () => `$${++values}`),
    method: word === 'delete' ? 'del' : word,
  };
}

/** What stands in each column, of something that is to be a row. */
export type Columns<Of> = Readonly<Record<string, (of: Of) => Value>>;

/** Puts one row into a table: its columns once, with what is in them. `after`: what follows the values. */
export function insertion<Of, Row = never>(table: string, columns: Columns<Of>, after = '') {
  const names = Object.keys(columns);
  const readers = Object.values(columns);
  const places = names.map(() => '?').join(', ');
  return {
    statement: statement<Row>(`insert into ${table} (${names.join(', ')}) values (${places}) ${after}`),
    valuesOf: (of: Of): Value[] => readers.map((read) => read(of)),
  };
}

/** All rows. */
export function* rowsOf<Row>(of: Statement<Row>, values: readonly Value[]): Steps<Row[]> {
  const { rows } = yield { statement: of, values };
  return rows as Row[];
}

/** The first row; undefined where there is none. */
export function* rowOf<Row>(of: Statement<Row>, values: readonly Value[]): Steps<Row | undefined> {
  const { rows } = yield { statement: of, values, isOne: true };
  return rows[0] as Row | undefined;
}

/** How many rows it wrote. */
export function* changesOf(of: Statement, values: readonly Value[]): Steps<number> {
  const { changes } = yield { statement: of, values };
  return changes;
}

/**
 * Rolls the transaction back where that was not done. Of the module, and not made anew at each use: a generator function brings a
 * hidden class of its own, which V8 keeps, with all that the function knows, until a full collection.
 */
export function* mustDo(steps: Steps<boolean>, Fault: new () => Error): Steps<void> {
  if (!(yield* steps)) throw new Fault();
}

/** The same steps inside a transaction of knex, or as statements of their own on its pool. */
export async function runWithin<T>(under: Knex, steps: Steps<T>): Promise<T> {
  let next = steps.next();
  while (next.done !== true) {
    const { statement: of, values } = next.value;
    next = steps.next(answerOf(await under.raw(of.sqlite, values as Knex.RawBinding[])));
  }
  return next.value;
}

/** knex answers a raw statement as the driver does. */
function answerOf(answer: unknown[] | { changes: number } | { rows: unknown[]; rowCount: number | null }): Answer {
  if (Array.isArray(answer)) return { rows: answer, changes: answer.length };
  if ('changes' in answer) return { rows: [], changes: answer.changes };
  return { rows: answer.rows, changes: answer.rowCount ?? 0 };
}
