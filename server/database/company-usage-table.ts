/** `company_usage`: the bytes that a company holds, shared and reserved. Triggers keep it (migration 0003). */
import { isPostgres } from './dialect.ts';
import type { Database } from './open-database.ts';
import { rowOf, type Steps, statement } from './statement.ts';

export type CompanyUsage = { company: string; bytes: number };
const BYTES = statement<{ bytes: number }>('select bytes from company_usage where company_id = ?');

const steps = {
  /** Call it after the transaction's own write: the row is then locked, and the number true until the commit. */
  *bytesOf(company: string): Steps<number> {
    return Number((yield* rowOf(BYTES, [company]))?.bytes ?? 0);
  },
};

export type CompanyUsageTable = ReturnType<typeof createCompanyUsageTable>;

export function createCompanyUsageTable(database: Database) {
  return {
    steps,

    /** A page of the companies that ever had something, by name. */
    async pageCompanies(afterCompany: string, maxCompanies: number): Promise<string[]> {
      return database('company_usage')
        .where('company_id', '>', afterCompany)
        .orderBy('company_id')
        .limit(maxCompanies)
        .pluck('company_id');
    },

    /** Of a company that has nothing. */
    async forgetEmpty(company: string): Promise<void> {
      await database('company_usage').where({ company_id: company, bytes: 0 }).delete();
    },

    /**
     * Counts everything again and mends what differs, in one statement. 0.3 s for a million files, so not while
     * requests wait. @returns what had to be mended, as it is now
     */
    async repair(): Promise<CompanyUsage[]> {
      return database.transaction(async (transaction) => {
        // Other nodes write: whoever has counted commits first, and nobody counts meanwhile.
        if (isPostgres(database)) await transaction.raw('lock table company_usage in share row exclusive mode');
        const mended = await transaction.raw(REPAIR);
        return rowsOf(mended).map(({ company_id, bytes }) => ({ company: company_id, bytes: Number(bytes) }));
      });
    },

    /** The same for the files that each chat has. @returns how many chats' counters were wrong */
    async repairChats(): Promise<number> {
      return database.transaction(async (transaction) => {
        // Who adds or removes a file has its company's row first.
        if (isPostgres(database)) await transaction.raw('lock table company_usage in share row exclusive mode');
        return rowsOf<unknown>(await transaction.raw(REPAIR_CHATS)).length;
      });
    },
  };
}

const REPAIR = `
        insert into company_usage (company_id, bytes)
        select company_id, sum(bytes) from (
          select company_id, size as bytes from chat_files
          union all select company_id, reserved_bytes from uploads where state in ('open', 'finishing')
          union all select company_id, 0 from company_usage
        ) as held where true group by company_id
        on conflict (company_id) do update set bytes = excluded.bytes where company_usage.bytes <> excluded.bytes
        returning company_id, bytes`;

const REPAIR_CHATS = `
        update chat_sessions set files = counted.files from (
          select id, (select count(*) from chat_files where chat_session_id = chat_sessions.id) as files from chat_sessions
        ) as counted where counted.id = chat_sessions.id and counted.files <> chat_sessions.files
        returning chat_sessions.id`;

type Row = { company_id: string; bytes: number | string };

/** knex answers a raw statement as the driver does. */
function rowsOf<R = Row>(answer: R[] | { rows: R[] }): R[] {
  return Array.isArray(answer) ? answer : answer.rows;
}
