/** `company_days`: the bytes that a company shared or reserved on a day (UTC). Triggers keep it (migration 0013). */
import type { Database } from './open-database.ts';
import { rowOf, type Steps, statement } from './statement.ts';

export type CompanyDayTable = ReturnType<typeof createCompanyDayTable>;

const DAY_MS = 86_400_000;
const BYTES = statement<{ bytes: number }>('select bytes from company_days where company_id = ? and day = ?');

const steps = {
  /** Call it after the transaction's own write: the row is then locked, and the number true until the commit. */
  *bytesOn(company: string, atMs: number): Steps<number> {
    return Number((yield* rowOf(BYTES, [company, dayOf(atMs)]))?.bytes ?? 0);
  },
};

export function createCompanyDayTable(database: Database) {
  return {
    steps,

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
