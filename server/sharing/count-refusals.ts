/** Counts what is refused before it has a row: together, once a second, so that no client makes the database write by asking. */
import { dayOf, type StatisticsTable } from '../database/statistics-table.ts';
import { Failure } from '../rules/failure.ts';
import { REFUSED_COLUMNS } from '../rules/statistics.ts';

type Needs = { statistics: Pick<StatisticsTable, 'addRefused'>; now(): number };

/** Kept while the database is away: companies and codes of a few days. What comes beyond is not counted. */
const MAX_WAITING = 10_000;
const COUNTED: ReadonlySet<string> = new Set(REFUSED_COLUMNS);

export type CountRefusals = {
  /** A failure that is no refusal of an upload counts for nothing. */
  note(company: string, error: unknown): void;
  /** Writes what waits. What a crash finds here is lost: a second's. @throws when the database is away; it waits on */
  flush(): Promise<void>;
};

export function createCountRefusals({ statistics, now }: Needs): CountRefusals {
  type Entry = { company: string; day: number; code: string; total: number };
  const waiting = new Map<string, Entry>();
  const write = async () => {
    for (const [key, { company, day, code, total }] of [...waiting]) {
      await statistics.addRefused(company, day, code, total);
      // More may have come meanwhile.
      const entry = waiting.get(key);
      if (entry === undefined || entry.total === total) waiting.delete(key);
      else entry.total -= total;
    }
  };
  let writing = Promise.resolve();
  return {
    note(company, error) {
      if (!(error instanceof Failure) || !COUNTED.has(error.code)) return;
      const day = dayOf(now());
      const key = `${company} ${day} ${error.code}`;
      const entry = waiting.get(key);
      if (entry !== undefined) entry.total += 1;
      else if (waiting.size < MAX_WAITING) waiting.set(key, { company, day, code: error.code, total: 1 });
    },
    // One after the other, so that nothing is written twice.
    flush: () => (writing = writing.catch(() => {}).then(write)),
  };
}
