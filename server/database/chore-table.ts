/** `chores`: how often each chore of the server failed. A chore that never failed has no row: nothing is written for it. */
import type { Database } from './open-database.ts';

export type ChoreFaults = {
  name: string;
  /** In a row; 0 once it works again. */
  failures: number;
  failuresTotal: number;
  lastError: string | null;
  lastFailedAt: number;
  nextAttemptAt: number;
};

export type ChoreTable = ReturnType<typeof createChoreTable>;

const MAX_ERROR_CHARACTERS = 1000;

export function createChoreTable(database: Database) {
  return {
    async failed(name: string, error: string, nowMs: number, nextAttemptAt: number): Promise<void> {
      const fault = {
        last_error: error.slice(0, MAX_ERROR_CHARACTERS),
        last_failed_at: nowMs,
        next_attempt_at: nextAttemptAt,
      };
      await database('chores')
        .insert({ name, failures: 1, failures_total: 1, ...fault })
        .onConflict('name')
        .merge({
          failures: database.raw('chores.failures + 1'),
          failures_total: database.raw('chores.failures_total + 1'),
          ...fault,
        });
    },

    /** It works again. */
    async recovered(name: string): Promise<void> {
      await database('chores').where({ name }).andWhere('failures', '>', 0).update({ failures: 0 });
    },

    /** Those that ever failed. */
    async list(): Promise<ChoreFaults[]> {
      const rows = await database('chores').orderBy('name');
      return rows.map((row) => ({
        name: row.name,
        failures: row.failures,
        failuresTotal: row.failures_total,
        lastError: row.last_error,
        lastFailedAt: row.last_failed_at,
        nextAttemptAt: row.next_attempt_at,
      }));
    },
  };
}
