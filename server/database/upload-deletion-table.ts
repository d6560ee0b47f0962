/** What a deletion does to `uploads`: it ends the unfinished, keeps track of their bytes, and forgets who and what it was. */
import type { Knex } from 'knex';
import type { FileScope } from './chat-file-table.ts';
import type { Database } from './open-database.ts';
import type { Row, UploadRowState } from './upload-row.ts';

/** `untilMs`: a process may be publishing its bytes at the key until then, null: none is. */
export type EndedUpload = { id: string; storageKey: string | null; wasUnfinished: boolean; untilMs: number | null };

const UNFINISHED: UploadRowState[] = ['open', 'finishing'];

/** What a row says of a person or a file. It stays without, so that a client that comes back does not begin again. */
const NOTHING_SAID = { name: '', metadata: null, file_key: null, declared_type: null, sha256: null };

export type UploadDeletionTable = ReturnType<typeof createUploadDeletionTable>;

export function createUploadDeletionTable(database: Database) {
  const within = (under: Knex, { company, session, uploader }: FileScope): Knex.QueryBuilder => {
    const rows = under('uploads').where({ company_id: company });
    if (session !== null) rows.andWhere({ session_id: session });
    if (uploader !== null) rows.andWhere({ uploader });
    return rows;
  };
  const withoutFile = (rows: Knex.QueryBuilder, requestedAt: number): Knex.QueryBuilder =>
    rows
      .andWhere('created_at', '<=', requestedAt)
      .whereNotIn('state', UNFINISHED)
      .whereNotExists(database('chat_files').select('id').whereRaw('chat_files.upload_id = uploads.id'));
  return {
    /** Whether a row is there that was not scrubbed yet. */
    async isAny(scope: FileScope): Promise<boolean> {
      return (await within(database, scope).whereNot({ name: '' }).first('id')) !== undefined;
    },

    /** How many are unfinished. */
    async countUnfinished(scope: FileScope): Promise<number> {
      const row = await within(database, scope).whereIn('state', UNFINISHED).count({ total: '*' }).first();
      return Number(row?.total ?? 0);
    },

    /**
     * A page of those that are no files: what is unfinished ends, and the bytes of all, however they ended, are the
     * deletion's now. Call it after the transaction's first write.
     */
    async endPage(
      transaction: Knex.Transaction,
      scope: FileScope,
      deletion: { id: number; requestedAt: number },
      maxUploads: number,
    ): Promise<EndedUpload[]> {
      const rows: Row[] = await within(transaction, scope)
        .whereNot({ state: 'finished' })
        .andWhere('created_at', '<=', deletion.requestedAt)
        .andWhere((others) => others.whereNull('deletion_id').orWhereNot({ deletion_id: deletion.id }))
        .orderBy('id')
        .limit(maxUploads)
        .forUpdate()
        .select('id', 'storage_key', 'state', 'lease_until');
      const over = { deletion_id: deletion.id, attempts: 0, next_attempt_at: 0, last_error: null };
      const ids = rows.map(({ id }) => id);
      await transaction('uploads').whereIn('id', ids).update(over);
      await transaction('uploads')
        .whereIn('id', ids)
        .whereIn('state', UNFINISHED)
        .update({ state: 'aborted', lease_token: null });
      return rows.map((row) => ({
        id: row.id,
        storageKey: row.storage_key,
        wasUnfinished: UNFINISHED.includes(row.state),
        untilMs: row.state === 'finishing' ? row.lease_until : null,
      }));
    },

    /** Of files that are gone. */
    async scrub(transaction: Knex, ids: readonly string[]): Promise<void> {
      await transaction('uploads')
        .whereIn('id', [...ids])
        .update(NOTHING_SAID);
      await transaction('uploads')
        .whereIn('id', [...ids])
        .andWhere({ uploader: 'user' })
        .update({ subject: null });
    },

    /** A page of the ended ones without a file that still say something. @returns how many */
    async scrubPage(scope: FileScope, requestedAt: number, maxUploads: number): Promise<number> {
      const ids = await withoutFile(within(database, scope), requestedAt)
        .whereNot({ name: '' })
        .limit(maxUploads)
        .pluck('id');
      await this.scrub(database, ids);
      return ids.length;
    },

    /** Those of a deletion whose bytes may be left, and whose attempt is due. */
    async listOwed(deletionId: number, nowMs: number, maxUploads: number): Promise<{ id: string; attempts: number }[]> {
      return database('uploads')
        .where({ deletion_id: deletionId })
        .andWhere('next_attempt_at', '<=', nowMs)
        .orderBy('next_attempt_at')
        .limit(maxUploads)
        .select(['id', 'attempts']);
    },

    /** Its bytes are gone. */
    async noteGone(id: string): Promise<void> {
      await database('uploads').where({ id }).update({ deletion_id: null, last_error: null });
    },

    /** A page of a deleted company's rows whose bytes are gone. @returns how many */
    async forgetPage(company: string, requestedAt: number, maxUploads: number): Promise<number> {
      const all = within(database, { company, session: null, uploader: null });
      const page = withoutFile(all, requestedAt).whereNull('deletion_id').limit(maxUploads).select('id');
      return database('uploads').whereIn('id', page).delete();
    },
  };
}
