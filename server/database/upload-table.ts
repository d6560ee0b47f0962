/** `uploads`: bytes on their way into a chat, and what became of them. All SQL of the table, and row ↔ object. */
import type { Knex } from 'knex';
import type { ProblemCode } from '../contract/problem.ts';
import type { Database } from './open-database.ts';
import { runnerOf } from './run-statements.ts';
import {
  changesOf,
  insertion,
  rowOf,
  runWithin,
  type Statement,
  type Steps,
  statement,
  type Value,
} from './statement.ts';
import {
  freshRecord,
  fromRow,
  NEW_ROW,
  type NewUpload,
  OF_FILE,
  type Owner,
  ROW_COLUMNS,
  type Row,
  type UploadRecord,
  type UploadRowState,
} from './upload-row.ts';

export type { NewUpload, UploadRecord, UploadRowState };
export { freshRecord };

/** What is only known when the one request of an upload is over. */
export type SettledFacts = { session: string; name: string; declaredType: string | null; sizeBytes: number };

export type PendingUploads = { uploads: number; bytes: number; filesOfChat: number };

/** `token`: `{process}.{try}`, so that a process knows its own, and others can tell whether it lives. */
export type Lease = { token: string; untilMs: number };

/** Without a file of their own: their bytes are nobody's. */
export const ENDED: UploadRowState[] = ['rejected', 'aborted', 'expired', 'joined'];

/** The job that the row was is over with its state; what fails from here on (the deletion of the bytes) is another. */
const NO_JOB = { attempts: 0, next_attempt_at: 0, last_error: null };

const INSERT = insertion('uploads', NEW_ROW);
// The role is written out, not bound: only then SQLite sees that the index of agents' unfinished uploads will do.
// With it how many files the chat has, which is asked for at the same moment (migration 0025 keeps it).
const PENDING = `select count(*) as uploads, sum(reserved_bytes) as bytes,
    (select files from chat_sessions where company_id = ? and session_id = ?) as files`;
/** Two looks into the index: of a list SQLite makes a table each time, which costs more than both. */
const ofVisitor = (state: UploadRowState) =>
  `select reserved_bytes from uploads where company_id = ? and session_id = ? and state = '${state}' and uploader = 'user'`;
const UNFINISHED = "state in ('open', 'finishing')";
const PENDING_OF = {
  agent: statement<Pending>(`${PENDING} from uploads
    where company_id = ? and uploader = 'agent' and subject = ? and ${UNFINISHED}`),
  user: statement<Pending>(`${PENDING} from (${ofVisitor('open')} union all ${ofVisitor('finishing')}) as unfinished`),
};
type Pending = { uploads: number; bytes: number | null; files: number | null };
/** One statement, so that an upload is seen while it goes from one table to the other; SQLite looks no further than the first row. */
const FIND = statement<Row>(
  `select ${ROW_COLUMNS.join(', ')} from uploads where id = ?
   union all select ${ROW_COLUMNS.map((column) => OF_FILE[column] ?? 'null').join(', ')} from chat_files
   where upload_id = ? and upload_size is not null`,
);
const END_WITH_FILE = statement(
  'update chat_files set upload_ended_at = ? where upload_id = ? and upload_size is not null',
);
const NOTE_TYPE = statement("update uploads set mime_type = ? where id = ? and state = 'open'");
const NOTE_BYTES = statement("update uploads set bytes_received = ?, expires_at = ? where id = ? and state = 'open'");
// A process finishes an upload once at a time: a lease of its own that it meets is one it could not give back.
// Not LIKE: with a bound pattern SQLite compiles the statement anew each time.
const TAKE_LEASE = statement<Row>(
  `update uploads set state = 'finishing', lease_token = ?, lease_until = ?, attempts = attempts + 1
   where id = ? and (state = 'open'
     or (state = 'finishing' and (lease_until < ? or substr(lease_token, 1, cast(? as integer)) = ?)))
   returning *`,
);
const HELD = "id = ? and state = 'finishing' and lease_token = ?";
const RENEW_LEASE = statement(`update uploads set lease_until = ? where ${HELD}`);
const RESERVE_PLACE = statement(
  "update uploads set storage_key = ? where id = ? and state = 'open' and storage_key is null",
);
const NOTE_PLACE = statement(`update uploads set storage_key = ?, mime_type = ?, bytes_received = size where ${HELD}`);
const NOTE_RECEIVED_CHECKED = statement(`update uploads set received_checked = true where ${HELD}`);
const FINISH = statement(
  `update uploads set state = 'finished', file_id = ?, lease_token = null, lease_until = null, last_error = null
   where ${HELD}`,
);

const LEAVE_TO_FILE = statement(
  "delete from uploads where id = ? and state = 'open' and bytes_received = 0 and size = ? and storage_key is null",
);

const steps = {
  /** @throws when there is an upload with this id */
  *insert(upload: NewUpload): Steps<void> {
    yield* changesOf(INSERT.statement, INSERT.valuesOf(upload));
  },

  /**
   * How many unfinished uploads someone has, and the bytes that they reserve: a visitor by session, an agent by subject.
   * `filesOfChat`: of both sides of the session, shared.
   */
  *pendingOf({ company, session, uploader, subject }: Owner): Steps<PendingUploads> {
    const chat = [company, session];
    const whose = uploader === 'agent' ? [company, subject] : [...chat, ...chat];
    const row = yield* rowOf(PENDING_OF[uploader], [...chat, ...whose]);
    return { uploads: Number(row?.uploads), bytes: Number(row?.bytes ?? 0), filesOfChat: Number(row?.files ?? 0) };
  },

  /** `finishing → finished`, inside the transaction that records the file. @returns false when the lease is lost */
  *finish(id: string, lease: Lease, fileId: number): Steps<boolean> {
    return (yield* changesOf(FINISH, [fileId, id, lease.token])) === 1;
  },

  /**
   * `open → finished` in one step, of an upload whose bytes came whole and were put at their key without a place on the way:
   * it goes, since its file's row says all of it (`FinishedUpload`). Call it after that row is there.
   * @returns false when it has ended, or bytes of it are somewhere by now
   */
  *leaveToFile(id: string, sizeBytes: number): Steps<boolean> {
    return (yield* changesOf(LEAVE_TO_FILE, [id, sizeBytes])) === 1;
  },
};

export type UploadTable = ReturnType<typeof createUploadTable>;

export function createUploadTable(database: Database) {
  const runner = runnerOf(database);
  /** A statement of its own that changes one row, or none. */
  const isDone = async (of: Statement, values: readonly Value[]): Promise<boolean> =>
    (await runner.write(() => changesOf(of, values))) === 1;

  /** One compare-and-set: changes the row only if it is still in one of these states. */
  const moveFrom = async (
    states: UploadRowState[],
    id: string,
    change: Row,
    under: Knex = database,
  ): Promise<boolean> => (await under('uploads').where({ id }).whereIn('state', states).update(change)) === 1;

  /** A partial upload whose final one is being made stays until that is done. */
  const isBeingJoined = () =>
    database('upload_parts')
      .join('uploads as finals', 'finals.id', 'upload_parts.final_id')
      .whereRaw('upload_parts.partial_id = uploads.id')
      .where('finals.state', 'finishing')
      .select('upload_parts.position');

  const missingParts = () =>
    database('upload_parts')
      .join('uploads as parts', 'parts.id', 'upload_parts.partial_id')
      .whereRaw('upload_parts.final_id = uploads.id')
      .andWhereRaw("parts.state = 'open' and (parts.size is null or parts.bytes_received <> parts.size)")
      .select('upload_parts.position');

  return {
    steps,

    async insert(transaction: Knex, upload: NewUpload): Promise<void> {
      await runWithin(transaction, steps.insert(upload));
    },

    /** Of a final upload that turned out to be there already. */
    async remove(transaction: Knex.Transaction, id: string): Promise<void> {
      await transaction('uploads').where({ id }).delete();
    },

    /** In whatever state, also where the row of its file is all there is of it. */
    async find(id: string): Promise<UploadRecord | null> {
      const row = await runner.read(() => rowOf(FIND, [id, id]));
      return row === undefined ? null : fromRow(row);
    },

    /**
     * Unfinished ones of a session, oldest first: none that is, or waits for, a part. And those that were refused because
     * nobody could say what is in them, until they would have expired.
     */
    async listUnfinished(company: string, session: string, maxUploads: number, nowMs: number): Promise<UploadRecord[]> {
      const rows = await database('uploads')
        .where({ company_id: company, session_id: session })
        .andWhere((listed) =>
          listed
            .where({ state: 'finishing' })
            .orWhere({ state: 'open', upload_concat: null })
            .orWhere((refused) =>
              refused.where({ state: 'rejected', refusal_code: 'unscannable' }).andWhere('expires_at', '>', nowMs),
            ),
        )
        // However many were refused, what can go on is there.
        .orderByRaw(`case when state = 'rejected' then 1 else 0 end, created_at`)
        .limit(maxUploads);
      return rows.map(fromRow);
    },

    /** How many are begun and not complete; `maxUploads` stands for that and more. */
    async countOpen(maxUploads: number): Promise<number> {
      const some = database('uploads').select('id').where({ state: 'open' }).limit(maxUploads);
      const row = await database.from(some.as('some')).count({ total: '*' }).first();
      return Number(row?.total ?? 0);
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
        .andWhere((complete) =>
          complete
            .where((whole) =>
              whole.whereNull('upload_concat').andWhereRaw('size is not null and bytes_received = size'),
            )
            .orWhere((final) => final.where('upload_concat', 'like', 'final;%').whereNotExists(missingParts())),
        )
        .andWhere((lease) =>
          lease.whereNull('lease_until').orWhere('lease_until', '<', nowMs).orWhereLike('lease_token', `${holder}.%`),
        )
        .orderBy('next_attempt_at')
        .limit(maxUploads)
        .pluck('id');
    },

    /** What finishes waited for may be there again: all that failed are due. */
    async hurryFinishes(): Promise<void> {
      await database('uploads').where({ state: 'finishing', lease_until: 0 }).update({ next_attempt_at: 0 });
    },

    async listExpired(nowMs: number, maxUploads: number): Promise<UploadRecord[]> {
      const rows = await database('uploads')
        .where({ state: 'open' })
        .andWhere('expires_at', '<', nowMs)
        .andWhere('next_attempt_at', '<=', nowMs)
        .orderBy('expires_at')
        .limit(maxUploads);
      return rows.map(fromRow);
    },

    /** The first bytes are checked and allowed. */
    async noteType(id: string, mimeType: string): Promise<void> {
      await isDone(NOTE_TYPE, [mimeType, id]);
    },

    /** The deferred length, and its bytes reserved. @returns null when it was declared already */
    async declareLength(transaction: Knex, id: string, sizeBytes: number): Promise<UploadRecord | null> {
      const [row] = await transaction('uploads')
        .where({ id, state: 'open' })
        .whereNull('size')
        .update({ size: sizeBytes, reserved_bytes: sizeBytes })
        .returning('*');
      return row === undefined ? null : fromRow(row);
    },

    /** What a final upload takes beyond what its parts hold. */
    async reserveBeyondParts(transaction: Knex, id: string, reservedBytes: number): Promise<void> {
      await transaction('uploads').where({ id }).update({ reserved_bytes: reservedBytes });
    },

    /** @returns false when so much is reserved already, the length is known, or the upload has ended */
    async reserveMore(transaction: Knex, id: string, reservedBytes: number): Promise<boolean> {
      const growing = transaction('uploads').where({ id, state: 'open' }).whereNull('size');
      return (
        (await growing.andWhere('reserved_bytes', '<', reservedBytes).update({ reserved_bytes: reservedBytes })) === 1
      );
    },

    /**
     * All parts of a final upload are here, so its length is known and it is complete; who came back to a part came back to
     * it. @returns false when it has ended
     */
    async fixLength(transaction: Knex, id: string, sizeBytes: number): Promise<boolean> {
      const resumes = transaction('upload_parts')
        .join('uploads as parts', 'parts.id', 'upload_parts.partial_id')
        .where('upload_parts.final_id', id)
        .select(transaction.raw('coalesce(sum(parts.resumes), 0)'));
      return moveFrom(['open'], id, { size: sizeBytes, bytes_received: sizeBytes, resumes }, transaction);
    },

    /**
     * The one request of an upload came whole: what it said of the file, and its length, are known now. From here on a
     * crash no longer ends it. @returns false when it has ended meanwhile
     */
    async settle(id: string, facts: SettledFacts): Promise<boolean> {
      const { session, name, declaredType, sizeBytes } = facts;
      const known = { session_id: session, name, declared_type: declaredType, size: sizeBytes };
      return (
        (await database('uploads').where({ id, state: 'open', one_request: true }).whereNull('size').update(known)) ===
        1
      );
    },

    /** Processes that have a finish, or the one request of an upload. */
    async holders(): Promise<string[]> {
      const tokens: string[] = await database('uploads')
        .whereIn('state', ['open', 'finishing'])
        .whereNotNull('lease_token')
        .andWhere((held) => held.whereNull('lease_until').orWhere('lease_until', '>', 0))
        .distinct()
        .pluck('lease_token');
      return [...new Set(tokens.map(holderOf))];
    },

    /** A process is missed: others may finish what it was finishing. */
    async freeFinishes(holder: string): Promise<void> {
      const held = database('uploads').whereLike('lease_token', `${holder}.%`).where({ state: 'finishing' });
      await held.update({ lease_until: 0, next_attempt_at: 0 });
    },

    /** A process is dead: what its requests brought ends with them. */
    async abortRequests(holder: string): Promise<void> {
      const held = database('uploads').whereLike('lease_token', `${holder}.%`);
      await held
        .where({ state: 'open', one_request: true })
        .whereNull('size')
        .update({ state: 'aborted', ...NO_JOB });
    },

    /** A client came back. Once for each offset, in whatever state it is by now. @returns false when that is counted, or there is no such upload */
    async noteResume(id: string, offset: number): Promise<boolean> {
      const row = database('uploads').where({ id });
      const isNew = row.andWhere((other) => other.whereNull('resumed_offset').orWhere('resumed_offset', '<>', offset));
      return (await isNew.update({ resumes: database.raw('resumes + 1'), resumed_offset: offset })) === 1;
    },

    /** Bytes arrived: the expiry counts from here. @returns false when the upload has ended meanwhile */
    async noteBytes(id: string, bytesReceived: number, expiresAt: number): Promise<boolean> {
      return isDone(NOTE_BYTES, [bytesReceived, expiresAt, id]);
    },

    /** Takes the right to finish. @returns null when another holds it, or the upload has ended otherwise. */
    async takeLease(id: string, lease: Lease, nowMs: number): Promise<UploadRecord | null> {
      const ownPrefix = `${holderOf(lease.token)}.`;
      const values = [lease.token, lease.untilMs, id, nowMs, ownPrefix.length, ownPrefix];
      const row = await runner.write(() => rowOf(TAKE_LEASE, values));
      return row === undefined ? null : fromRow(row);
    },

    /** What takes longer than a lease. @returns false when it is another's by now, or the upload has ended */
    async renewLease(id: string, lease: Lease): Promise<boolean> {
      return isDone(RENEW_LEASE, [lease.untilMs, id, lease.token]);
    },

    /** The same before the finish, for a store that can begin there. @returns false when it is noted, or the upload ended */
    async reservePlace(id: string, storageKey: string): Promise<boolean> {
      return isDone(RESERVE_PLACE, [storageKey, id]);
    },

    /** Fixes where the bytes go, before they move there. */
    async notePlace(id: string, lease: Lease, storageKey: string, mimeType: string): Promise<boolean> {
      return isDone(NOTE_PLACE, [storageKey, mimeType, id, lease.token]);
    },

    /** The bytes at its place are those that were received, and may be replaced. @returns false when the lease is lost */
    async noteReceivedChecked(id: string, lease: Lease): Promise<boolean> {
      return isDone(NOTE_RECEIVED_CHECKED, [id, lease.token]);
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
        ...NO_JOB,
      };
      return moveFrom(['open', 'finishing'], id, change, transaction);
    },

    /** Cannot beat a finish: only an open upload aborts or expires. */
    async abort(id: string): Promise<boolean> {
      return (
        (await database('uploads')
          .where({ id, state: 'open' })
          .whereNotExists(isBeingJoined())
          .update({ state: 'aborted', ...NO_JOB })) === 1
      );
    },

    async expire(id: string, nowMs: number): Promise<boolean> {
      return (
        (await database('uploads')
          .where({ id, state: 'open' })
          .andWhere('expires_at', '<', nowMs)
          .whereNotExists(isBeingJoined())
          .update({ state: 'expired', ...NO_JOB })) === 1
      );
    },

    /** A job on this upload failed: its expiry, or the deletion of its bytes after its end. */
    async noteFailure(id: string, error: string, nextAttemptAt: number): Promise<void> {
      await database('uploads')
        .where({ id })
        .update({
          attempts: database.raw('attempts + 1'),
          last_error: error.slice(0, 1000),
          next_attempt_at: nextAttemptAt,
        });
    },

    /** Ended uploads whose bytes could not be deleted yet, and whose next attempt is due. */
    async listDiscardDue(nowMs: number, maxUploads: number): Promise<{ id: string; attempts: number }[]> {
      return database('uploads')
        .whereNotNull('last_error')
        .andWhere('next_attempt_at', '<=', nowMs)
        .whereIn('state', ENDED)
        .orderBy('next_attempt_at')
        .limit(maxUploads)
        .select(['id', 'attempts']);
    },

    /** Its bytes are gone. */
    async noteDiscarded(id: string): Promise<void> {
      await moveFrom(ENDED, id, { last_error: null, deletion_id: null });
    },

    /** The client ends the tus resource of a finished upload. */
    async end(id: string, nowMs: number): Promise<void> {
      if (await moveFrom(['finished'], id, { ended_at: nowMs })) return;
      await runner.write(() => changesOf(END_WITH_FILE, [nowMs, id]));
    },

    /** Forgets uploads that ended without a file, and those whose file is gone. @returns how many */
    async purge(beforeMs: number): Promise<number> {
      return (
        database('uploads')
          .where('expires_at', '<', beforeMs)
          // Its bytes have to be gone first: a receipt says so.
          .whereNull('deletion_id')
          .andWhere((ended) =>
            ended
              .whereIn('state', ENDED)
              .orWhere((finished) =>
                finished
                  .where({ state: 'finished' })
                  .whereNotExists(database('chat_files').select('id').whereRaw('chat_files.upload_id = uploads.id')),
              ),
          )
          .delete()
      );
    },
  };
}

function holderOf(token: string): string {
  return token.split('.')[0] ?? '';
}
