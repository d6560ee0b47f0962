/** `deletions`: a receipt for each deletion, and the job that it is until nothing is left of what was deleted. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';
import type { Actor } from '../rules/actor.ts';
import type { Database } from './open-database.ts';

/** `retention`: files of a company that were too old. A visitor is company + session: what came from that side of the chat. */
export type DeletionKind = 'file' | 'session' | 'visitor' | 'company' | 'retention';

/** Who asked for it. `subject`: the token's, where there was one. */
export type Requester = { role: Uploader | 'admin' | 'cli' | 'retention' | 'server'; subject: string | null };

export type Deletion = {
  id: number;
  kind: DeletionKind;
  company: string;
  session: string | null;
  fileId: number | null;
  requester: Requester;
  requestedAt: number;
  /** Files with a greater id came after the request, and stay. */
  throughFileId: number;
  /** What is gone so far. */
  files: number;
  bytes: number;
  uploads: number;
  /** Null while rows are left to be removed. */
  rowsDoneAt: number | null;
  /** Null while an object or an unfinished upload's bytes may be left. */
  completedAt: number | null;
  attempts: number;
  nextAttemptAt: number;
  lastError: string | null;
};

export type NewDeletion = Pick<Deletion, 'kind' | 'company' | 'session' | 'fileId' | 'requester' | 'requestedAt'> & {
  throughFileId: number;
  /** Whether its rows go in the same transaction. */
  isRowsDone: boolean;
  /** When the chore takes care of it. */
  nextAttemptAt: number;
};

/** What it still waits for. `lastError`: of the object that was tried most often. */
export type LeftOver = { objects: number; uploads: number; lastError: string | null };

export function requesterOf({ role, subject }: Actor): Requester {
  if (role === 'operator') return { role: 'cli', subject: null };
  return { role: role === 'link' ? 'server' : role, subject };
}

export type DeletionTable = ReturnType<typeof createDeletionTable>;

const MAX_ERROR_CHARACTERS = 1000;

export function createDeletionTable(database: Database) {
  return {
    async insert(transaction: Knex.Transaction, deletion: NewDeletion): Promise<number> {
      const [row] = await transaction('deletions').insert(toRow(deletion)).returning('id');
      return row.id;
    },

    async find(id: number): Promise<Deletion | null> {
      const row = await database('deletions').where({ id }).first();
      return row === undefined ? null : fromRow(row);
    },

    /** Newest first; of one company where one is given. */
    async list(company: string | undefined, beforeId: number | undefined, maxDeletions: number): Promise<Deletion[]> {
      const query = database('deletions').orderBy('id', 'desc').limit(maxDeletions);
      if (company !== undefined) query.where({ company_id: company });
      if (beforeId !== undefined) query.andWhere('id', '<', beforeId);
      return (await query).map(fromRow);
    },

    async listDue(nowMs: number, maxDeletions: number): Promise<Deletion[]> {
      const rows = await database('deletions')
        .whereNull('completed_at')
        .andWhere('next_attempt_at', '<=', nowMs)
        .orderBy('next_attempt_at')
        .limit(maxDeletions);
      return rows.map(fromRow);
    },

    /** In the transaction in which they went. */
    async count(
      transaction: Knex,
      id: number,
      gone: { files?: number; bytes?: number; uploads?: number },
    ): Promise<void> {
      await transaction('deletions')
        .where({ id })
        .update({
          files: transaction.raw('files + ?', [gone.files ?? 0]),
          bytes: transaction.raw('bytes + ?', [gone.bytes ?? 0]),
          uploads: transaction.raw('uploads + ?', [gone.uploads ?? 0]),
        });
    },

    async noteRowsDone(id: number, nowMs: number): Promise<void> {
      await database('deletions').where({ id }).whereNull('rows_done_at').update({ rows_done_at: nowMs });
    },

    /** By deletion; those that wait for nothing are left out. */
    async leftOver(ids: readonly number[]): Promise<Map<number, LeftOver>> {
      const left = new Map<number, LeftOver>();
      for (const [table, what] of [
        ['removed_objects', 'objects'],
        ['uploads', 'uploads'],
      ] as const) {
        const rows = await database(table)
          .whereIn('deletion_id', [...ids])
          .groupBy('deletion_id')
          .select('deletion_id', database.raw('count(*) as total, max(last_error) as last_error'));
        for (const row of rows) {
          const known = left.get(row.deletion_id) ?? { objects: 0, uploads: 0, lastError: null };
          left.set(row.deletion_id, {
            ...known,
            [what]: Number(row.total),
            lastError: known.lastError ?? row.last_error,
          });
        }
      }
      return left;
    },

    /** Nothing is left. `ledgerThrough`: entries up to this one are to be forgotten later. */
    async complete(id: number, nowMs: number, ledgerThrough: number | null): Promise<void> {
      await database('deletions')
        .where({ id })
        .whereNull('completed_at')
        .update({ completed_at: nowMs, last_error: null, ledger_through: ledgerThrough });
    },

    /** Its turn comes again then; no fault. */
    async postpone(id: number, nextAttemptAt: number): Promise<void> {
      await database('deletions').where({ id }).update({ next_attempt_at: nextAttemptAt });
    },

    async failed(id: number, error: string, nextAttemptAt: number): Promise<void> {
      await database('deletions')
        .where({ id })
        .whereNull('completed_at')
        .update({
          attempts: database.raw('attempts + 1'),
          last_error: error.slice(0, MAX_ERROR_CHARACTERS),
          next_attempt_at: nextAttemptAt,
        });
    },

    /** Companies that were deleted before a time, whose part of the ledger is still there. */
    async listLedgersToForget(completedBefore: number): Promise<{ id: number; company: string; through: number }[]> {
      const rows = await database('deletions')
        .whereNotNull('ledger_through')
        .andWhere('completed_at', '<', completedBefore);
      return rows.map((row) => ({ id: row.id, company: row.company_id, through: row.ledger_through }));
    },

    async noteLedgerForgotten(id: number): Promise<void> {
      await database('deletions').where({ id }).update({ ledger_through: null });
    },

    /** Receipts of single files from before a time. @returns how many */
    async forgetFiles(completedBefore: number): Promise<number> {
      return database('deletions').where({ kind: 'file' }).andWhere('completed_at', '<', completedBefore).delete();
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

function toRow(deletion: NewDeletion): Row {
  return {
    kind: deletion.kind,
    company_id: deletion.company,
    session_id: deletion.session,
    file_id: deletion.fileId,
    requested_by: deletion.requester.role,
    requester: deletion.requester.subject,
    requested_at: deletion.requestedAt,
    through_file_id: deletion.throughFileId,
    rows_done_at: deletion.isRowsDone ? deletion.requestedAt : null,
    next_attempt_at: deletion.nextAttemptAt,
  };
}

function fromRow(row: Row): Deletion {
  return {
    id: row.id,
    kind: row.kind,
    company: row.company_id,
    session: row.session_id,
    fileId: row.file_id,
    requester: { role: row.requested_by, subject: row.requester },
    requestedAt: row.requested_at,
    throughFileId: row.through_file_id,
    files: row.files,
    bytes: row.bytes,
    uploads: row.uploads,
    rowsDoneAt: row.rows_done_at,
    completedAt: row.completed_at,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error,
  };
}
