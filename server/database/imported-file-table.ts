/** `imported_files`: a row of another service that became a file here, or is about to. All SQL of the table. */
import type { Knex } from 'knex';
import { isPostgres } from './dialect.ts';
import type { Database } from './open-database.ts';

export type ImportedFileTable = ReturnType<typeof createImportedFileTable>;

/** A try at a row, which ends with its file or is repeated: the same upload and the same place each time. */
export type ImportClaim = { uploadId: string; storageKey: string };

/** Ids up to `floor` may have been given to other files here; those up to `top` are given to nobody but this source's rows. */
type KeptIds = { floor: number; top: number };

/** In `server_values`, for each source. */
const KEPT_IDS = 'import_ids_';
/** Room for the files that the other service still takes until it is switched off. */
const IDS_KEPT_FREE = 10_000_000;
/** One row that says more would use the numbers up: every id is a whole number in JSON. No service has had a trillion files. */
const MAX_ID = 2 ** 40;

export function createImportedFileTable(database: Database) {
  /** By this process, or seen to be. */
  let skippedUpTo = 0;
  const rowOf = (under: Knex, source: string, sourceId: string) =>
    under('imported_files').where({ source, source_id: sourceId });

  return {
    /** The files that these rows became, by the rows' ids; without those that have not yet. */
    async filesOf(source: string, sourceIds: readonly string[]): Promise<Map<string, number>> {
      const rows = await database('imported_files')
        .where({ source })
        .whereIn('source_id', [...sourceIds])
        .whereNotNull('file_id');
      return new Map(rows.map((row) => [row.source_id, row.file_id]));
    },

    /** Before its bytes are written anywhere. @returns what an earlier try has noted, else what is proposed */
    async claim(source: string, sourceId: string, proposed: ImportClaim): Promise<ImportClaim> {
      const { uploadId, storageKey } = proposed;
      const row = { source, source_id: sourceId, upload_id: uploadId, storage_key: storageKey };
      await database('imported_files').insert(row).onConflict(['source', 'source_id']).ignore();
      await rowOf(database, source, sourceId)
        .whereNull('storage_key')
        .whereNull('file_id')
        .update({ storage_key: storageKey });
      const known = await rowOf(database, source, sourceId).first();
      return { uploadId: known.upload_id, storageKey: known.storage_key };
    },

    /** In the transaction that records the file. @returns false when the row has become one already */
    async finish(transaction: Knex.Transaction, source: string, sourceId: string, fileId: number): Promise<boolean> {
      const open = rowOf(transaction, source, sourceId).whereNull('file_id');
      return (await open.update({ file_id: fileId, storage_key: null })) === 1;
    },

    /** Its bytes were refused, and are gone. */
    async giveUpPlace(source: string, sourceId: string): Promise<void> {
      await rowOf(database, source, sourceId).whereNull('file_id').update({ storage_key: null });
    },

    /**
     * Whether a row may keep its id: no file here has had it, and none but this source's will. The first time the
     * numbering of new files is moved on beyond it.
     */
    async keepsId(source: string, id: number): Promise<boolean> {
      if (id > MAX_ID) return false;
      const name = KEPT_IDS + source;
      const row = await database('server_values').where({ name }).first('value');
      let kept: KeptIds | null = row === undefined ? null : JSON.parse(row.value);
      if (kept === null || id > kept.top) {
        const given = await lastGiven(database);
        if (given >= id) return false;
        kept = { floor: kept?.floor ?? given, top: id + IDS_KEPT_FREE };
        // Noted before it is so: after a crash in between it is made so.
        await database('server_values')
          .insert({ name, value: JSON.stringify(kept) })
          .onConflict('name')
          .merge();
      }
      if (skippedUpTo < kept.top) await skipIdsUpTo(database, kept.top);
      skippedUpTo = Math.max(skippedUpTo, kept.top);
      return id > kept.floor;
    },
  };
}

/** The greatest id that a file has had; 0 before the first. */
async function lastGiven(database: Database): Promise<number> {
  if (isPostgres(database)) {
    const { rows } = await database.raw(
      'select case when is_called then last_value else 0 end as given from chat_files_id_seq',
    );
    return Number(rows[0].given);
  }
  const row = await database('sqlite_sequence').where({ name: 'chat_files' }).first('seq');
  return row?.seq ?? 0;
}

/** New files get greater ones. */
async function skipIdsUpTo(database: Database, last: number): Promise<void> {
  if (isPostgres(database)) {
    await database.raw(
      "select setval('chat_files_id_seq', greatest(last_value, cast(? as bigint))) from chat_files_id_seq",
      [last],
    );
    return;
  }
  // The row is there once there was a file.
  await database.raw(
    "insert into sqlite_sequence (name, seq) select 'chat_files', 0 where not exists (select 1 from sqlite_sequence where name = 'chat_files')",
  );
  await database('sqlite_sequence').where({ name: 'chat_files' }).andWhere('seq', '<', last).update({ seq: last });
}
