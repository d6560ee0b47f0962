/**
 * `company_statistics`: what was shared, refused and saved, by company and day (UTC), and `stored_weeks`: how old what is
 * stored is. Triggers keep both (migration 0021); only what is refused before there is a row is added here.
 */
import type { Database } from './open-database.ts';

/**
 * `file`: shared on that day, by kind. `first_file`: chats that got their first file, by how long it took. The others count
 * uploads on the day on which they began: `begun`, `refused` (by code), `aborted`, `expired`, `resumed` (gone on with after a
 * break), `saved` (so, and finished).
 */
export type Measure = 'file' | 'first_file' | 'begun' | 'refused' | 'aborted' | 'expired' | 'resumed' | 'saved';

/** A sum; `day` in days since 1970. */
export type Counted = { day: number; measure: Measure; detail: string; total: number; bytes: number };
export type CountedOfCompany = Counted & { company: string };

/** Both days are in it. */
export type DayRange = { fromDay: number; toDay: number };

export type StatisticsTable = ReturnType<typeof createStatisticsTable>;

/** Of one statement: on SQLite all others wait for it. A thousand companies have some 100,000 rows in that time. */
const SLICE_DAYS = 7;
const DAY_MS = 86_400_000;

export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** Weeks begin on Mondays, as in the triggers. */
export function weekOf(ms: number): number {
  return Math.floor((dayOf(ms) + 3) / 7);
}

export function createStatisticsTable(database: Database) {
  const within = ({ fromDay, toDay }: DayRange, company: string | null) => {
    const rows = database('company_statistics').whereBetween('day', [fromDay, toDay]);
    return company === null ? rows : rows.where({ company_id: company });
  };
  return {
    /** What was refused before it had a row. */
    async addRefused(company: string, day: number, code: string, total: number): Promise<void> {
      await database('company_statistics')
        .insert({ company_id: company, day, measure: 'refused', detail: code, total, bytes: 0 })
        .onConflict(['company_id', 'day', 'measure', 'detail'])
        .merge({ total: database.raw('company_statistics.total + excluded.total') });
    },

    /** Sums of all companies or of one, in the order of days: a week at a time. */
    async *sums(range: DayRange, company: string | null): AsyncGenerator<Counted[]> {
      for (const slice of slicesOf(range)) {
        const rows = await within(slice, company)
          .groupBy('day', 'measure', 'detail')
          .orderBy('day')
          .select('day', 'measure', 'detail')
          .sum({ total: 'total', bytes: 'bytes' });
        yield rows.map(fromRow);
      }
    },

    /** The same for each company: a day at a time, companies by their names. */
    async *ofCompanies({ fromDay, toDay }: DayRange, company: string | null): AsyncGenerator<CountedOfCompany[]> {
      for (let day = fromDay; day <= toDay; day += 1) {
        const rows = await within({ fromDay: day, toDay: day }, company).orderBy('company_id').select();
        yield rows.map((row) => ({ company: row.company_id, ...fromRow(row) }));
      }
    },

    /** Sums for each company over the days of a week, a week at a time; without what is of first files. */
    async *byCompany(range: DayRange): AsyncGenerator<Omit<CountedOfCompany, 'day' | 'detail'>[]> {
      for (const slice of slicesOf(range)) {
        const rows = await within(slice, null)
          .whereNot({ measure: 'first_file' })
          .groupBy('company_id', 'measure')
          .select('company_id', 'measure')
          .sum({ total: 'total', bytes: 'bytes' });
        yield rows.map((row: Row) => ({ ...fromRow(row), company: row.company_id }));
      }
    },

    /** Uploads that did not become files, of all companies. At most a month of days. */
    async failures({ fromDay, toDay }: DayRange): Promise<Counted[]> {
      const days = Array.from({ length: Math.min(31, toDay - fromDay + 1) }, (_, at) => toDay - at);
      const rows = await database('company_statistics')
        // Days by name, so that the index of (day, measure) leads to these rows only.
        .whereIn('day', days)
        .whereIn('measure', ['refused', 'aborted', 'expired'])
        .groupBy('day', 'measure', 'detail')
        .select('day', 'measure', 'detail')
        .sum({ total: 'total', bytes: 'bytes' });
      return rows.map(fromRow);
    },

    /** What is stored, by the week in which it was shared. */
    async storedByWeek(): Promise<{ week: number; files: number; bytes: number }[]> {
      const rows = await database('stored_weeks')
        .where('files', '>', 0)
        .groupBy('week')
        .orderBy('week', 'desc')
        .select('week')
        .sum({ files: 'files', bytes: 'bytes' });
      return rows.map((row: Row) => ({ week: Number(row.week), files: Number(row.files), bytes: Number(row.bytes) }));
    },

    async forgetCompany(company: string): Promise<void> {
      await database('company_statistics').where({ company_id: company }).delete();
      await database('stored_weeks').where({ company_id: company, files: 0 }).delete();
    },

    /** Days before that one. @returns how many rows */
    forget: (beforeMs: number): Promise<number> =>
      database('company_statistics').where('day', '<', dayOf(beforeMs)).delete(),
  };
}

function* slicesOf({ fromDay, toDay }: DayRange): Generator<DayRange> {
  for (let day = fromDay; day <= toDay; day += SLICE_DAYS)
    yield { fromDay: day, toDay: Math.min(toDay, day + SLICE_DAYS - 1) };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

/** Sums are text on PostgreSQL. */
function fromRow(row: Row): Counted {
  const { day, measure, detail } = row;
  return { day, measure, detail, total: Number(row.total), bytes: Number(row.bytes) };
}
