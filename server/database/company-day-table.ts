/** `company_days`: the bytes that a company shared or reserved on a day (UTC). Triggers keep it (migration 0013). */
import type { Knex } from 'knex';
import type { Database } from './open-database.ts';

export type CompanyDayTable = ReturnType<typeof createCompanyDayTable>;

const DAY_MS = 86_400_000;

export function createCompanyDayTable(database: Database) {
  return {
    /** Call it after the transaction's own write: the row is then locked, and the number true until the commit. */
    async bytesOn(transaction: Knex.Transaction, company: string, atMs: number): Promise<number> {
      const row = await transaction('company_days')
        .where({ company_id: company, day: dayOf(atMs) })
        .first('bytes');
      return Number(row?.bytes ?? 0);
    },

    async forgetCompany(company: string): Promise<void> {
      await database('company_days').where({ company_id: company }).delete();
    },

    /** Days before that one. @returns how many */
    forget: (beforeMs: number): Promise<number> => database('company_days').where('day', '<', dayOf(beforeMs)).delete(),
  };
}

function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}
