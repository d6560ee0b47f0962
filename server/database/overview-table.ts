/** What the operator's overview asks of `uploads` and `company_usage`: each question by an index, and bounded. */
import type { Database } from './open-database.ts';
import { fromRow, type UploadRecord, type UploadRowState } from './upload-row.ts';

export type OverviewTable = ReturnType<typeof createOverviewTable>;

export function createOverviewTable(database: Database) {
  return {
    /** Those whose last bytes came last, first: the time of expiry moves with them. */
    async newest(state: UploadRowState, maxUploads: number): Promise<UploadRecord[]> {
      const rows = await database('uploads').where({ state }).orderBy('expires_at', 'desc').limit(maxUploads);
      return rows.map(fromRow);
    },

    /** For a number that is only to say how much it is about; `is_more`: there are more. */
    async count(state: UploadRowState, maxCounted: number): Promise<{ count: number; is_more: boolean }> {
      const some = database('uploads')
        .where({ state })
        .limit(maxCounted + 1)
        .select('state')
        .as('some');
      const row = await database.from(some).count({ total: '*' }).first();
      const total = Number(row?.total ?? 0);
      return { count: Math.min(total, maxCounted), is_more: total > maxCounted };
    },

    /** Companies that hold most, of a table with a row for each company. */
    async largest(maxCompanies: number): Promise<{ company_id: string; bytes: number }[]> {
      return database('company_usage')
        .where('bytes', '>', 0)
        .orderBy('bytes', 'desc')
        .limit(maxCompanies)
        .select('company_id', 'bytes');
    },

    /** What all hold: shared and on their way. */
    async held(): Promise<{ bytes: number; companies: number }> {
      const row = await database('company_usage')
        .where('bytes', '>', 0)
        .sum({ bytes: 'bytes' })
        .count({ companies: '*' })
        .first();
      return { bytes: Number(row?.bytes ?? 0), companies: Number(row?.companies ?? 0) };
    },
  };
}
