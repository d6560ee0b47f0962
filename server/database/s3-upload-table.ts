/** `s3_uploads`, `s3_parts`, `s3_pieces`: where in a bucket the bytes of unfinished uploads are, and which of them count. */
import type { Knex } from 'knex';
import type { Piece, S3Change, S3Upload } from '../rules/s3-upload.ts';
import type { Database } from './open-database.ts';

const PAGE_UPLOADS = 500;
const MAX_ROWS_A_STATEMENT = 500;

export function createS3UploadTable(database: Database) {
  const rowOf = (id: string) => database('s3_uploads').where({ upload_id: id });
  return {
    /** @throws when there is an upload with this id */
    async insert(upload: Omit<S3Upload, 'version' | 'multipart' | 'finalKey' | 'parts'>): Promise<void> {
      const { id, sizeBytes, partSizeBytes, offset, head, pieces } = upload;
      await database.transaction(async (transaction) => {
        await transaction('s3_uploads').insert({
          upload_id: id,
          size: sizeBytes,
          part_size: partSizeBytes,
          bytes: offset,
          head,
        });
        await addPieces(transaction, id, pieces);
      });
    },

    /** Null if there is no such upload. */
    async offsetOf(id: string): Promise<number | null> {
      return (await rowOf(id).first('bytes'))?.bytes ?? null;
    },

    async headOf(id: string): Promise<Buffer | null> {
      return (await rowOf(id).first('head'))?.head ?? null;
    },

    async find(id: string): Promise<S3Upload | null> {
      const row = await rowOf(id).first();
      if (row === undefined) return null;
      const pieces = await database('s3_pieces').where({ upload_id: id }).orderBy('start');
      return {
        id,
        sizeBytes: row.size,
        partSizeBytes: row.part_size,
        offset: row.bytes,
        parts: row.parts,
        version: row.version,
        head: row.head,
        multipart: row.multipart_id === null ? null : { key: row.multipart_key, id: row.multipart_id },
        finalKey: row.final_key,
        pieces: pieces.map((piece) => ({ start: piece.start, sizeBytes: piece.size, name: piece.name })),
      };
    },

    /** In order of their numbers. */
    async etagsOf(id: string): Promise<string[]> {
      return database('s3_parts').where({ upload_id: id }).orderBy('number').pluck('etag');
    },

    /** All of the change, or nothing. @returns false when another change was quicker, or the upload is gone */
    async change(id: string, version: number, change: S3Change): Promise<boolean> {
      return database.transaction(async (transaction) => {
        const changed = await transaction('s3_uploads')
          .where({ upload_id: id, version })
          .update({
            version: version + 1,
            bytes: change.offset,
            parts: change.parts,
            head: change.head,
            multipart_key: change.multipart?.key ?? null,
            multipart_id: change.multipart?.id ?? null,
            final_key: change.finalKey,
          });
        if (changed !== 1) return false;
        for (const { number, etag } of change.addParts)
          await transaction('s3_parts')
            .insert({ upload_id: id, number, etag })
            .onConflict(['upload_id', 'number'])
            .merge({ etag });
        await transaction('s3_parts').where({ upload_id: id }).andWhere('number', '>', change.parts).delete();
        for (const names of slices(change.dropPieces))
          await transaction('s3_pieces').where({ upload_id: id }).whereIn('name', names).delete();
        await addPieces(transaction, id, change.addPieces);
        return true;
      });
    },

    async remove(id: string): Promise<void> {
      await database.transaction(async (transaction) => {
        for (const table of ['s3_uploads', 's3_parts', 's3_pieces'])
          await transaction(table).where({ upload_id: id }).delete();
      });
    },

    /** Who else needs what is at a key: a file that is shared or being made, or another upload whose place it is. */
    async othersAt(key: string, id: string): Promise<{ isFile: boolean; isPlace: boolean }> {
      const isThere = async (rows: Knex.QueryBuilder) => (await rows.first(database.raw('1 as one'))) !== undefined;
      const [isShared, isFinishing, isPlace] = await Promise.all([
        isThere(database('chat_files').where({ storage_key: key })),
        isThere(
          database('uploads').whereIn('state', ['open', 'finishing']).andWhere({ storage_key: key }).whereNot({ id }),
        ),
        isThere(database('s3_uploads').where({ final_key: key }).whereNot({ upload_id: id })),
      ]);
      return { isFile: isShared || isFinishing, isPlace };
    },

    /** Of all uploads, a page at a time. */
    async *ids(): AsyncGenerator<string> {
      for (let after = ''; ; ) {
        const page: string[] = await database('s3_uploads')
          .where('upload_id', '>', after)
          .orderBy('upload_id')
          .limit(PAGE_UPLOADS)
          .pluck('upload_id');
        yield* page;
        const last = page.at(-1);
        if (last === undefined) return;
        after = last;
      }
    },
  };
}

async function addPieces(transaction: Knex.Transaction, id: string, pieces: readonly Piece[]): Promise<void> {
  const rows = pieces.map(({ start, sizeBytes, name }) => ({ upload_id: id, start, size: sizeBytes, name }));
  for (const some of slices(rows)) await transaction('s3_pieces').insert(some);
}

/** A statement takes only so many values. */
function* slices<T>(items: readonly T[]): Generator<T[]> {
  for (let from = 0; from < items.length; from += MAX_ROWS_A_STATEMENT)
    yield items.slice(from, from + MAX_ROWS_A_STATEMENT);
}
