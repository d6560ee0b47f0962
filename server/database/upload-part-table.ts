/** `upload_parts`: which partial uploads a final one is made of, in order. */
import type { Knex } from 'knex';
import type { Database } from './open-database.ts';
import { changesOf, rowsOf, runWithin, type Steps, statement } from './statement.ts';
import { type NewUpload, type Owner, ownedBy } from './upload-row.ts';

const END_PARTS = statement<{ id: string }>(
  `update uploads set state = 'joined'
   where state = 'open' and id in (select partial_id from upload_parts where final_id = ?)
     and not exists (
       select 1 from upload_parts as others join uploads as finals on finals.id = others.final_id
       where others.partial_id = uploads.id and finals.id <> ? and finals.state in ('open', 'finishing'))
   returning id`,
);
const FORGET_PARTS = statement('delete from upload_parts where final_id = ?');

const steps = {
  /** See `endParts` below. */
  *endParts(finalId: string): Steps<string[]> {
    const ended = yield* rowsOf(END_PARTS, [finalId, finalId]);
    yield* changesOf(FORGET_PARTS, [finalId]);
    return ended.map(({ id }) => id);
  },
};

export type UploadPartTable = ReturnType<typeof createUploadPartTable>;

export function createUploadPartTable(database: Database) {
  return {
    steps,

    /**
     * Bytes that a final upload takes beyond what its parts hold: a part that is there twice, or that an earlier final
     * upload waits for too. Parts of deferred length count nothing yet.
     */
    async bytesBeyond(transaction: Knex, finalId: string): Promise<number> {
      const ofThis = () => transaction('upload_parts').where({ final_id: finalId });
      const all = await ofThis()
        .join('uploads', 'uploads.id', 'upload_parts.partial_id')
        .sum({ bytes: 'uploads.size' })
        .first();
      const waitedForByOthers = transaction('upload_parts as others')
        .join('uploads as finals', 'finals.id', 'others.final_id')
        .whereRaw('others.partial_id = uploads.id')
        .whereNot('finals.id', finalId)
        .whereIn('finals.state', ['open', 'finishing'])
        .where('finals.created_at', '<=', transaction('uploads').where({ id: finalId }).select('created_at'))
        .select('others.position');
      const held = await transaction('uploads')
        .whereIn('id', ofThis().select('partial_id'))
        .whereNotExists(waitedForByOthers)
        .sum({ bytes: 'size' })
        .first();
      return Number(all?.bytes ?? 0) - Number(held?.bytes ?? 0);
    },

    /** An earlier creation of the very same final upload that was not ended. @returns its id */
    async findSameFinal(under: Knex, upload: NewUpload): Promise<string | null> {
      const row = await ownedBy(under, upload)
        .where({ session_id: upload.session, upload_concat: upload.concat, metadata: upload.metadata })
        .whereIn('state', ['open', 'finishing', 'finished', 'rejected'])
        .whereNull('ended_at')
        .whereNot({ id: upload.id })
        .orderBy('created_at')
        .first('id');
      return row?.id ?? null;
    },

    async add(transaction: Knex.Transaction, finalId: string, partialIds: readonly string[]): Promise<void> {
      const rows = partialIds.map((partialId, position) => ({
        final_id: finalId,
        position,
        partial_id: partialId,
      }));
      await transaction.batchInsert('upload_parts', rows, MAX_ROWS_A_STATEMENT);
    },

    /** In order; the same one may be there more than once. */
    async partialIds(finalId: string): Promise<string[]> {
      return database('upload_parts').where({ final_id: finalId }).orderBy('position').pluck('partial_id');
    },

    /**
     * Partial uploads of one user expire together, and so do the final ones that wait for them: they may belong to one
     * file, and which of them do is only said at its end.
     */
    async keepTogether(owner: Owner, expiresAt: number): Promise<void> {
      await ownedBy(database, owner)
        .where({ state: 'open' })
        .whereNotNull('upload_concat')
        .update({ expires_at: expiresAt });
    },

    /** The length of a final upload, or null while that of a part is deferred. */
    async totalBytes(finalId: string): Promise<number | null> {
      const row = await database('upload_parts')
        .join('uploads', 'uploads.id', 'upload_parts.partial_id')
        .where({ final_id: finalId })
        .select(database.raw('sum(uploads.size) as total, count(*) - count(uploads.size) as deferred'))
        .first();
      return Number(row?.deferred) === 0 && row?.total !== null ? Number(row?.total) : null;
    },

    /** Unfinished final uploads that a partial one is part of. */
    async waitingFinals(partialId: string): Promise<string[]> {
      return database('upload_parts')
        .join('uploads', 'uploads.id', 'upload_parts.final_id')
        .where('upload_parts.partial_id', partialId)
        .whereIn('uploads.state', ['open', 'finishing'])
        .distinct()
        .pluck('uploads.id');
    },

    /**
     * A final upload has come to its end: its parts end too, but for those that another one still waits for.
     * @returns the ids of those that ended, so that their bytes go
     */
    async endParts(transaction: Knex.Transaction, finalId: string): Promise<string[]> {
      return runWithin(transaction, steps.endParts(finalId));
    },
  };
}

/** SQLite puts rows together as one `select` each, and takes 500 of them. */
const MAX_ROWS_A_STATEMENT = 500;
