/** `preview_jobs`: files that are to get a thumbnail, and those that will get none. All SQL of the table. */
import type { Knex } from 'knex';
import type { Database } from './open-database.ts';
import { changesOf, runWithin, type Steps, statement } from './statement.ts';
import type { Lease } from './upload-table.ts';

export type PreviewJob = {
  fileId: number;
  /** This one included. */
  attempts: number;
  /** Where an earlier attempt meant to write. */
  thumbnailKey: string | null;
};

const MAX_ERROR_CHARACTERS = 1000;
const ADD = statement('insert into preview_jobs (file_id) values (?) on conflict (file_id) do nothing');
const FREE = { lease_token: null, lease_until: null };

const steps = {
  *add(fileId: number): Steps<void> {
    yield* changesOf(ADD, [fileId]);
  },
};

export type PreviewJobTable = ReturnType<typeof createPreviewJobTable>;

export function createPreviewJobTable(database: Database) {
  /** Changes the row as long as the lease is ours. */
  const under = (lease: Lease, fileId: number, on: Knex = database) =>
    on('preview_jobs').where({ file_id: fileId, lease_token: lease.token });

  return {
    steps,

    async add(transaction: Knex, fileId: number): Promise<void> {
      await runWithin(transaction, steps.add(fileId));
    },

    /** Takes the one of a file of these types that has waited longest; others wait for who can. @returns null when none is due */
    async takeDue(lease: Lease, nowMs: number, mimeTypes: readonly string[]): Promise<PreviewJob | null> {
      const due = () =>
        database('preview_jobs')
          .whereNull('ended_at')
          .andWhere('next_attempt_at', '<=', nowMs)
          .andWhere((free) => free.whereNull('lease_until').orWhere('lease_until', '<', nowMs))
          .whereExists(
            database('chat_files').whereRaw('chat_files.id = preview_jobs.file_id').whereIn('mime_type', mimeTypes),
          );
      for (;;) {
        const first = await due().orderBy('next_attempt_at').orderBy('file_id').first('file_id');
        if (first === undefined) return null;
        const [row] = await due()
          .andWhere({ file_id: first.file_id })
          .update({
            lease_token: lease.token,
            lease_until: lease.untilMs,
            attempts: database.raw('attempts + 1'),
          })
          .returning(['file_id', 'attempts', 'thumbnail_key']);
        // Otherwise another node was faster.
        if (row !== undefined) return { fileId: row.file_id, attempts: row.attempts, thumbnailKey: row.thumbnail_key };
      }
    },

    /** @returns false when the lease is lost, or the file is gone */
    async notePlace(fileId: number, lease: Lease, thumbnailKey: string): Promise<boolean> {
      return (await under(lease, fileId).update({ thumbnail_key: thumbnailKey })) === 1;
    },

    /** The file has its preview. @returns false when the lease is lost, or the file is gone */
    async done(transaction: Knex.Transaction, fileId: number, lease: Lease): Promise<boolean> {
      return (await under(lease, fileId, transaction).delete()) === 1;
    },

    /** Tried again later. `isCounted`: whether this was an attempt at all. */
    async putOff(
      fileId: number,
      lease: Lease,
      error: string,
      nextAttemptAt: number,
      isCounted: boolean,
    ): Promise<void> {
      await under(lease, fileId).update({
        ...FREE,
        last_error: error.slice(0, MAX_ERROR_CHARACTERS),
        next_attempt_at: nextAttemptAt,
        ...(!isCounted && { attempts: database.raw('attempts - 1') }),
      });
    },

    /** There will be no preview. @returns whether the lease was ours */
    async end(transaction: Knex.Transaction, fileId: number, lease: Lease, reason: string, nowMs: number) {
      const ended = {
        ...FREE,
        ended_at: nowMs,
        last_error: reason.slice(0, MAX_ERROR_CHARACTERS),
        thumbnail_key: null,
      };
      return (await under(lease, fileId, transaction).update(ended)) === 1;
    },

    /** Processes that are at one. */
    async holders(): Promise<string[]> {
      const tokens: string[] = await database('preview_jobs')
        .whereNotNull('lease_token')
        .distinct()
        .pluck('lease_token');
      return [...new Set(tokens.map((token) => token.split('.')[0] ?? ''))];
    },

    /** A process is missed: others may go on with what it had. */
    async free(holder: string): Promise<void> {
      await database('preview_jobs').whereLike('lease_token', `${holder}.%`).update(FREE);
    },
  };
}
