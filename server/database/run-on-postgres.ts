/** Steps on a connection of the pool: each statement is sent when the one before it is answered. */
import type { Database } from './open-database.ts';
import { repeatLost } from './repeat-lost.ts';
import type { Answer, Runner, Steps, Value, Work } from './statement.ts';
import { tellListeners } from './tell-listeners.ts';

/** What `pg` answers, and knex's client asks for: its dialect (`open-postgres.ts`) says what a fault is. */
type Asked = { sql: string; bindings: readonly unknown[] };
type Answered = { response: { rows: unknown[]; rowCount: number | null; command: string } };

export function runOnPostgres(database: Database): Runner {
  const { client } = database;
  const ask = async (on: unknown, sql: string, values: readonly Value[] = []): Promise<Answered['response']> => {
    const asked: Asked = { sql, bindings: client.prepBindings(values) };
    const { response }: Answered = await client._query(on, asked);
    return response;
  };
  const runSteps = async <T>(on: unknown, steps: Steps<T>): Promise<T> => {
    let next = steps.next();
    while (next.done !== true) {
      const { statement, values } = next.value;
      const told = tellListeners(database, statement, statement.postgres, values);
      let answer: Answer;
      try {
        const { rows, rowCount } = await ask(on, statement.postgres, values);
        answer = { rows, changes: rowCount ?? 0 };
      } catch (error) {
        told?.failed(error);
        throw error;
      }
      told?.ended(answer);
      next = steps.next(answer);
    }
    return next.value;
  };
  const acquired = async <T>(use: (on: unknown) => Promise<T>): Promise<T> => {
    const on: unknown = await client.acquireConnection();
    try {
      return await use(on);
    } finally {
      await client.releaseConnection(on);
    }
  };
  const transaction = async <T>(on: unknown, work: Work<T>): Promise<T> => {
    await ask(on, 'begin');
    let result: T;
    try {
      result = await runSteps(on, work());
    } catch (error) {
      // One that cannot even do that is thrown away by the pool, and the server rolls back.
      await ask(on, 'rollback').catch(() => {});
      throw error;
    }
    const { command } = await ask(on, 'commit');
    // So PostgreSQL answers where a statement failed, and somebody went on.
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back');
    return result;
  };
  const alone = <T>(work: Work<T>): Promise<T> => acquired((on) => runSteps(on, work()));
  return {
    transact: (work) => repeatLost(() => acquired((on) => transaction(on, work))),
    write: alone,
    read: alone,
  };
}
