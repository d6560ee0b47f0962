/** What was counted by day, for the operator: as JSON for the page, as CSV for a spreadsheet. */
import { Readable } from 'node:stream';
import type { Middleware } from 'koa';
import * as z from 'zod';
import type { Analytics } from '../contract/operator.ts';
import { type DayRange, dayOf, type StatisticsTable } from '../database/statistics-table.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId } from '../rules/participant.ts';
import { CSV_COLUMNS, createSum, csvLine, csvRow, dateOf, dayNumber } from '../rules/statistics.ts';
import type { CountRefusals } from '../sharing/count-refusals.ts';
import { readQuery } from './read-query.ts';

type Needs = {
  statistics: Pick<StatisticsTable, 'sums' | 'byCompany' | 'ofCompanies'>;
  refusals: Pick<CountRefusals, 'flush'>;
  now(): number;
};

/** A year, and the month with which it is compared. */
const MAX_RANGE_DAYS = 400;
const DEFAULT_RANGE_DAYS = 30;
const MAX_LISTED_COMPANIES = 50;

export const analyticsQuery = z.object({
  from: z.iso.date().optional(),
  to: z.iso.date().optional(),
  company_id: z.string().refine(isScopeId).optional(),
});

export type StatisticsAdminRoutes = Record<'analytics' | 'csv', Middleware>;

export function createStatisticsAdminRoutes(needs: Needs): StatisticsAdminRoutes {
  const { refusals, now } = needs;
  const read = async (query: unknown) => {
    const { from, to, company_id: company = null } = readQuery(analyticsQuery, query);
    // What was refused a moment ago is in it; while the database is away the next line says so.
    await refusals.flush().catch(() => {});
    return { range: rangeOf(from, to, dayOf(now())), company };
  };
  return {
    analytics: async (ctx) => {
      const { range, company } = await read(ctx.query);
      ctx.body = await analyticsOf(needs, range, company);
    },
    csv: async (ctx) => {
      const { range, company } = await read(ctx.query);
      const days = `${dateOf(range.fromDay)}-${dateOf(range.toDay)}`;
      ctx.set('Content-Disposition', `attachment; filename="chatdrop-${days}.csv"`);
      ctx.body = Readable.from(csvOf(needs, range, company));
      // Koa guesses a type for a stream that has none yet; ours stands.
      ctx.set('Content-Type', 'text/csv; charset=utf-8; header=present');
    },
  };
}

function rangeOf(from: string | undefined, to: string | undefined, today: number): DayRange {
  const toDay = to === undefined ? today : dayNumber(to);
  const fromDay = from === undefined ? toDay - DEFAULT_RANGE_DAYS + 1 : dayNumber(from);
  if (fromDay > toDay) throw new Failure('invalid-request', 'from is later than to.');
  if (toDay - fromDay >= MAX_RANGE_DAYS)
    throw new Failure('invalid-request', `From from to to are ${MAX_RANGE_DAYS} days at most.`);
  return { fromDay, toDay };
}

async function analyticsOf({ statistics }: Needs, range: DayRange, company: string | null): Promise<Analytics> {
  const { fromDay, toDay } = range;
  const all = createSum();
  const days = Array.from({ length: toDay - fromDay + 1 }, () => createSum());
  for await (const counts of statistics.sums(range, company))
    for (const count of counts) {
      all.add(count);
      days[count.day - fromDay]?.add(count);
    }
  const companies = company === null ? await companiesOf(statistics, range) : [];
  return {
    from: dateOf(fromDay),
    to: dateOf(toDay),
    company_id: company,
    totals: all.numbers(),
    days: days.map((sum, at) => ({ day: dateOf(fromDay + at), ...sum.numbers() })),
    first_file_steps: all.steps(),
    companies: companies.slice(0, MAX_LISTED_COMPANIES),
    companies_count: companies.length,
  };
}

async function companiesOf({ byCompany }: Needs['statistics'], range: DayRange): Promise<Analytics['companies']> {
  const sums = new Map<string, Analytics['companies'][number]>();
  for await (const counts of byCompany(range))
    for (const { company, measure, total, bytes } of counts) {
      let sum = sums.get(company);
      if (sum === undefined) {
        sum = { company_id: company, files: 0, bytes: 0, uploads_begun: 0, uploads_saved: 0, refused: 0 };
        sums.set(company, sum);
      }
      sum.bytes += bytes;
      if (measure === 'file') sum.files += total;
      else if (measure === 'begun') sum.uploads_begun += total;
      else if (measure === 'saved') sum.uploads_saved += total;
      else if (measure === 'refused') sum.refused += total;
    }
  return [...sums.values()].sort(
    (one, other) => other.files - one.files || (one.company_id < other.company_id ? -1 : 1),
  );
}

/** A line for each day of each company on which anything was counted. */
async function* csvOf({ statistics }: Needs, range: DayRange, company: string | null): AsyncGenerator<string> {
  yield csvLine(CSV_COLUMNS);
  for await (const counts of statistics.ofCompanies(range, company)) {
    const lines: string[] = [];
    for (const [name, ofCompany] of Map.groupBy(counts, (count) => count.company)) {
      const sum = createSum();
      for (const count of ofCompany) sum.add(count);
      lines.push(csvRow(ofCompany[0]?.day ?? range.fromDay, name, sum.numbers()));
    }
    if (lines.length > 0) yield lines.join('');
  }
}
