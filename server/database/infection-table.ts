/** `known_bad_files` and `infections`: bytes in which a virus was found, and who brought them. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';
import type { Database } from './open-database.ts';
import { runnerOf } from './run-statements.ts';
import { rowOf, statement } from './statement.ts';

export type KnownBad = { sha256: string; sizeBytes: number; signature: string };

/** A find: what, and whose it was. */
export type Infection = KnownBad & {
  uploadId: string;
  /** Null where the file was never shared. */
  fileId: number | null;
  company: string;
  session: string;
  uploader: Uploader;
  /** Null where the row of the upload is gone. */
  subject: string | null;
  name: string;
  foundAt: number;
};

export type ListedInfection = Infection & { id: number };
type InfectionFilter = { company?: string | undefined; beforeId?: number | undefined };

const BAD_BY_HASH = statement<{ size: number; signature: string }>(
  'select size, signature from known_bad_files where sha256 = ?',
);
const BAD_BY_SIZE = statement<{ sha256: string }>('select sha256 from known_bad_files where size = ? limit 1');

export type InfectionTable = ReturnType<typeof createInfectionTable>;

export function createInfectionTable(database: Database) {
  return {
    /** Notes the bytes as known, and the find. @returns false when the find was noted before */
    async add(transaction: Knex.Transaction, infection: Infection): Promise<boolean> {
      const { sha256, sizeBytes: size, signature, foundAt: found_at } = infection;
      const known = { sha256, size, signature, found_at };
      await transaction('known_bad_files').insert(known).onConflict('sha256').ignore();
      const adding = transaction('infections').insert(toRow(infection)).onConflict('upload_id').ignore();
      return (await adding.returning('id')).length === 1;
    },

    /** Null for bytes that nothing bad is known of. */
    async findBad(sha256: string): Promise<KnownBad | null> {
      const row = await runnerOf(database).read(() => rowOf(BAD_BY_HASH, [sha256]));
      return row === undefined ? null : { sha256, sizeBytes: row.size, signature: row.signature };
    },

    /** Whether a file of this size is worth a look at its hash before it is scanned. */
    async knowsBadOfSize(sizeBytes: number): Promise<boolean> {
      return (await runnerOf(database).read(() => rowOf(BAD_BY_SIZE, [sizeBytes]))) !== undefined;
    },

    /** It was a false alarm: such bytes are scanned again. @returns false when nothing was known of them */
    async forget(transaction: Knex.Transaction, sha256: string): Promise<boolean> {
      return (await transaction('known_bad_files').where({ sha256 }).delete()) > 0;
    },

    async find(id: number): Promise<ListedInfection | null> {
      const row = await database('infections').where({ id }).first();
      return row === undefined ? null : { id: Number(row.id), ...fromRow(row) };
    },

    /** Newest first; `beforeId`: older than that one. */
    async list(maxInfections: number, { company, beforeId }: InfectionFilter = {}): Promise<ListedInfection[]> {
      const query = database('infections').orderBy('id', 'desc').limit(maxInfections);
      if (company !== undefined) query.where({ company_id: company });
      if (beforeId !== undefined) query.where('id', '<', beforeId);
      return (await query).map((row: Row) => ({ id: Number(row.id), ...fromRow(row) }));
    },

    /** Who brought what to a session (null: to any), as which uploader (null: as any), up to that time. */
    async forgetFinds(
      { company, session, uploader }: { company: string; session: string | null; uploader: Uploader | null },
      untilMs: number,
    ): Promise<void> {
      const query = database('infections').where({ company_id: company }).andWhere('found_at', '<=', untilMs);
      if (session !== null) query.andWhere({ session_id: session });
      if (uploader !== null) query.andWhere({ uploader });
      await query.delete();
    },

    /** Forgets who brought what, not which bytes are bad. @returns how many */
    async purge(beforeMs: number): Promise<number> {
      return database('infections').where('found_at', '<', beforeMs).delete();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

function toRow(infection: Infection): Row {
  return {
    upload_id: infection.uploadId,
    file_id: infection.fileId,
    company_id: infection.company,
    session_id: infection.session,
    uploader: infection.uploader,
    subject: infection.subject,
    name: infection.name,
    sha256: infection.sha256,
    size: infection.sizeBytes,
    signature: infection.signature,
    found_at: infection.foundAt,
  };
}

function fromRow(row: Row): Infection {
  return {
    uploadId: row.upload_id,
    fileId: row.file_id,
    company: row.company_id,
    session: row.session_id,
    uploader: row.uploader,
    subject: row.subject,
    name: row.name,
    sha256: row.sha256,
    sizeBytes: row.size,
    signature: row.signature,
    foundAt: row.found_at,
  };
}
