/** `uploads`: bytes on their way into a chat, and what became of them. All SQL of the table, and row ↔ object. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';
import type { ProblemCode } from '../contract/problem.ts';
import type { Database } from './open-database.ts';

/** `open → finishing → finished | rejected`, `open → aborted | expired`; each step is a compare-and-set. */
export type UploadRowState = 'open' | 'finishing' | 'finished' | 'rejected' | 'aborted' | 'expired';

export type UploadRecord = {
  id: string;
  company: string;
  session: string;
  uploader: Uploader;
  subject: string | null;
  name: string;
  declaredType: string | null;
  /** Null while the length is deferred. */
  sizeBytes: number | null;
  /** The `Upload-Metadata` header as it was sent, to be echoed. */
  metadata: string | null;
  fileKey: string | null;
  /** What the client says the SHA-256 is, hex. */
  sha256: string | null;
  state: UploadRowState;
  /** Set once the first bytes are checked. */
  mimeType: string | null;
  /** Where the bytes go at the finish; set by the first finish, so that every retry uses the same place. */
  storageKey: string | null;
  /** As of the last request that ended; the storage knows better while one runs. */
  bytesReceived: number;
  attempts: number;
  nextAttemptAt: number;
  refusal: { code: ProblemCode; detail: string } | null;
  fileId: number | null;
  createdAt: number;
  expiresAt: number;
  /** The client ended the tus resource of a finished upload; the file stays. */
  endedAt: number | null;
};

export type NewUpload = Pick<
  UploadRecord,
  | 'id'
  | 'company'
  | 'session'
  | 'uploader'
  | 'subject'
  | 'name'
  | 'declaredType'
  | 'sizeBytes'
  | 'metadata'
  | 'fileKey'
  | 'sha256'
  | 'createdAt'
  | 'expiresAt'
>;

/** `token`: `{process}.{try}`, so that a process knows its own. */
export type Lease = { token: string; untilMs: number };

export type UploadTable = ReturnType<typeof createUploadTable>;

export function createUploadTable(database: Database) {
  /** One compare-and-set: changes the row only if it is still in one of these states. */
  const moveFrom = async (
    states: UploadRowState[],
    id: string,
    change: Row,
    under: Knex = database,
  ): Promise<boolean> => (await under('uploads').where({ id }).whereIn('state', states).update(change)) === 1;

  return {
    /** Reserves the id and counts in one transaction. @returns false when the uploader has too many unfinished ones. */
    async reserve(upload: NewUpload, maxPending: number): Promise<boolean> {
      return database.transaction(async (transaction) => {
        await transaction('uploads').insert(toRow(upload));
        const row = await transaction('uploads')
          .where({ company_id: upload.company, uploader: upload.uploader })
          .andWhere(upload.uploader === 'agent' ? { subject: upload.subject } : { session_id: upload.session })
          .whereIn('state', ['open', 'finishing'])
          .count({ total: '*' })
          .first();
        if (Number(row?.total) <= maxPending) return true;
        await transaction('uploads').where({ id: upload.id }).delete();
        return false;
      });
    },

    async find(id: string): Promise<UploadRecord | null> {
      const row = await database('uploads').where({ id }).first();
      return row === undefined ? null : fromRow(row);
    },

    /** Unfinished ones of a session, oldest first. */
    async listUnfinished(company: string, session: string, maxUploads: number): Promise<UploadRecord[]> {
      const rows = await database('uploads')
        .where({ company_id: company, session_id: session })
        .whereIn('state', ['open', 'finishing'])
        .orderBy('created_at')
        .limit(maxUploads);
      return rows.map(fromRow);
    },

    /** A page of everything unfinished, by id: for the look over all of them at the start. */
    async pageUnfinished(afterId: string, maxUploads: number): Promise<UploadRecord[]> {
      const rows = await database('uploads')
        .whereIn('state', ['open', 'finishing'])
        .andWhere('id', '>', afterId)
        .orderBy('id')
        .limit(maxUploads);
      return rows.map(fromRow);
    },

    /** Uploads whose bytes are all there but whose finish is still owed, and due. `holder`: the process that asks. */
    async listFinishDue(nowMs: number, maxUploads: number, holder: string): Promise<string[]> {
      return database('uploads')
        .whereIn('state', ['open', 'finishing'])
        .andWhere('next_attempt_at', '<=', nowMs)
        .andWhereRaw('size is not null and bytes_received = size')
        .andWhere((lease) =>
          lease.whereNull('lease_until').orWhere('lease_until', '<', nowMs).orWhereLike('lease_token', `${holder}.%`),
        )
        .orderBy('next_attempt_at')
        .limit(maxUploads)
        .pluck('id');
    },

    async listExpired(nowMs: number, maxUploads: number): Promise<UploadRecord[]> {
      const rows = await database('uploads')
        .where({ state: 'open' })
        .andWhere('expires_at', '<', nowMs)
        .orderBy('expires_at')
        .limit(maxUploads);
      return rows.map(fromRow);
    },

    /** The first bytes are checked and allowed. */
    async noteType(id: string, mimeType: string): Promise<void> {
      await moveFrom(['open'], id, { mime_type: mimeType });
    },

    /** @returns false when the length was declared already. */
    async declareLength(id: string, sizeBytes: number): Promise<boolean> {
      return (
        (await database('uploads').where({ id, state: 'open' }).whereNull('size').update({ size: sizeBytes })) === 1
      );
    },

    /** Bytes arrived: the expiry counts from here. @returns false when the upload has ended meanwhile */
    async noteBytes(id: string, bytesReceived: number, expiresAt: number): Promise<boolean> {
      return moveFrom(['open'], id, { bytes_received: bytesReceived, expires_at: expiresAt });
    },

    /** Takes the right to finish. @returns null when another holds it, or the upload has ended otherwise. */
    async takeLease(id: string, lease: Lease, nowMs: number): Promise<UploadRecord | null> {
      const [row] = await database('uploads')
        .where({ id })
        .andWhere((free) =>
          free
            .where({ state: 'open' })
            .orWhere((stale) => stale.where({ state: 'finishing' }).andWhere('lease_until', '<', nowMs))
            // A process finishes an upload once at a time: a lease of its own that it meets is one it could not give back.
            .orWhere((own) => own.where({ state: 'finishing' }).andWhereLike('lease_token', `${holderOf(lease)}.%`)),
        )
        .update({
          state: 'finishing',
          lease_token: lease.token,
          lease_until: lease.untilMs,
          attempts: database.raw('attempts + 1'),
        })
        .returning('*');
      return row === undefined ? null : fromRow(row);
    },

    /** At the start, under the instance lock: whoever held a lease is dead. */
    async freeLeases(): Promise<void> {
      await database('uploads').where({ state: 'finishing' }).update({ lease_until: 0, next_attempt_at: 0 });
    },

    /** Fixes where the bytes go, before they move there. */
    async notePlace(id: string, lease: Lease, storageKey: string, mimeType: string): Promise<boolean> {
      return (
        (await database('uploads')
          .where({ id, state: 'finishing', lease_token: lease.token })
          .update({ storage_key: storageKey, mime_type: mimeType, bytes_received: database.raw('size') })) === 1
      );
    },

    /** Gives the lease back after a failure; it is free at once for the next who asks, the sweep waits until `nextAttemptAt`. */
    async releaseLease(id: string, lease: Lease, error: string, nextAttemptAt: number): Promise<void> {
      await database('uploads')
        .where({ id, state: 'finishing', lease_token: lease.token })
        .update({
          lease_until: 0,
          last_error: error.slice(0, 1000),
          next_attempt_at: nextAttemptAt,
          bytes_received: database.raw('size'),
        });
    },

    /** `finishing → finished`, inside the transaction that records the file. */
    async finish(transaction: Knex.Transaction, id: string, lease: Lease, fileId: number): Promise<boolean> {
      return (
        (await transaction('uploads')
          .where({ id, state: 'finishing', lease_token: lease.token })
          .update({ state: 'finished', file_id: fileId, lease_token: null, lease_until: null, last_error: null })) === 1
      );
    },

    /** Refused for good; the code is kept until the row expires. */
    async reject(
      transaction: Knex.Transaction,
      id: string,
      refusal: { code: ProblemCode; detail: string },
    ): Promise<boolean> {
      const change = {
        state: 'rejected',
        refusal_code: refusal.code,
        refusal_detail: refusal.detail,
        lease_token: null,
        lease_until: null,
      };
      return moveFrom(['open', 'finishing'], id, change, transaction);
    },

    /** Cannot beat a finish: only an open upload aborts or expires. */
    async abort(id: string): Promise<boolean> {
      return moveFrom(['open'], id, { state: 'aborted' });
    },

    async expire(id: string, nowMs: number): Promise<boolean> {
      return (
        (await database('uploads')
          .where({ id, state: 'open' })
          .andWhere('expires_at', '<', nowMs)
          .update({ state: 'expired' })) === 1
      );
    },

    /** The client ends the tus resource of a finished upload. */
    async end(id: string, nowMs: number): Promise<void> {
      await moveFrom(['finished'], id, { ended_at: nowMs });
    },

    /** The session is deleted: whatever is unfinished in it stops. @returns the ids, so that their bytes go too. */
    async abortSession(
      transaction: Knex.Transaction,
      company: string,
      session: string,
    ): Promise<{ id: string; storageKey: string | null }[]> {
      const rows = await transaction('uploads')
        .where({ company_id: company, session_id: session })
        .whereIn('state', ['open', 'finishing'])
        .update({ state: 'aborted', lease_token: null })
        .returning(['id', 'storage_key']);
      return rows.map((row) => ({ id: row.id, storageKey: row.storage_key }));
    },

    /** Forgets uploads that ended without a file, and those whose file is gone. @returns how many */
    async purge(beforeMs: number): Promise<number> {
      return database('uploads')
        .where('expires_at', '<', beforeMs)
        .andWhere((ended) =>
          ended
            .whereIn('state', ['rejected', 'aborted', 'expired'])
            .orWhere((finished) =>
              finished
                .where({ state: 'finished' })
                .whereNotExists(database('chat_files').select('id').whereRaw('chat_files.upload_id = uploads.id')),
            ),
        )
        .delete();
    },
  };
}

function holderOf(lease: Lease): string {
  return lease.token.split('.')[0] ?? '';
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

function toRow(upload: NewUpload): Row {
  return {
    id: upload.id,
    company_id: upload.company,
    session_id: upload.session,
    uploader: upload.uploader,
    subject: upload.subject,
    name: upload.name,
    declared_type: upload.declaredType,
    size: upload.sizeBytes,
    metadata: upload.metadata,
    file_key: upload.fileKey,
    sha256: upload.sha256,
    state: 'open',
    created_at: upload.createdAt,
    expires_at: upload.expiresAt,
  };
}

function fromRow(row: Row): UploadRecord {
  return {
    id: row.id,
    company: row.company_id,
    session: row.session_id,
    uploader: row.uploader,
    subject: row.subject,
    name: row.name,
    declaredType: row.declared_type,
    sizeBytes: row.size,
    metadata: row.metadata,
    fileKey: row.file_key,
    sha256: row.sha256,
    state: row.state,
    mimeType: row.mime_type,
    storageKey: row.storage_key,
    bytesReceived: row.bytes_received,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    refusal: row.refusal_code === null ? null : { code: row.refusal_code, detail: row.refusal_detail },
    fileId: row.file_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
  };
}
