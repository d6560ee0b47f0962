/** Every job that is not done, read from where it is kept. Nothing is copied: a row that owes something is the job. */
import type { Knex } from 'knex';
import type { Database } from './open-database.ts';
import { ENDED } from './upload-table.ts';

/**
 * `finish upload`: all bytes are here, the file is not recorded yet. `expire upload`: its time is over, its row is open.
 * `discard upload`: it ended, its bytes could not be deleted. `delete object`: the file is gone, its bytes are not.
 * `make preview`: the file is shared, its thumbnail is to come.
 * `send webhook`: an endpoint that is enabled was not told yet.
 * `deletion`: rows, or what `delete object` and `discard upload` stand for, are left of it.
 */
export type JobKind =
  | 'finish upload'
  | 'expire upload'
  | 'discard upload'
  | 'delete object'
  | 'make preview'
  | 'send webhook'
  | 'deletion';

/**
 *     due ──▶ running ──▶ done: the row owes nothing any more, and leaves this list
 *      ▲          │ a fault: attempts + 1, last_error
 *      │          ▼
 *      └────── waiting          until next_attempt_at: 1 s, 2 s, 4 s … up to an hour
 *
 * None is ever given up but a preview, and a webhook after three days: each is something that was promised. A finish that
 * finds the file refusable ends as a refusal.
 */
/** Never null, so that it can be negated. A final upload gets its size when its parts are here; a part makes no file. */
const COMPLETE = `size is not null and coalesce(upload_concat, '') <> 'partial'
  and (bytes_received = size or coalesce(upload_concat, '') like 'final;%')`;

export type JobState = 'due' | 'running' | 'waiting';

export type Job = {
  kind: JobKind;
  /** The upload's, deletion's or delivery's id, the storage key, or the file's id. */
  key: string;
  state: JobState;
  /** Tries so far. */
  attempts: number;
  /** When what it is about began: the upload, the request for a deletion. Null where no row says it. */
  since: number | null;
  nextAttemptAt: number;
  lastError: string | null;
};

/** A kind of jobs as a whole. `oldestSeconds`: since when the oldest is owed; null where there is none, or no row says it. */
export type JobQueue = { jobs: number; failing: number; oldestSeconds: number | null };

/** Of a kind that are counted: however many are owed, a look takes no longer. */
const MAX_COUNTED = 10_000;

export type JobList = ReturnType<typeof createJobList>;

export function createJobList(database: Database) {
  const sources = (nowMs: number): Record<JobKind, Knex.QueryBuilder<Row, Row[]>> => ({
    'finish upload': database('uploads')
      .whereIn('state', ['open', 'finishing'])
      .andWhereRaw(`(state = 'finishing' or (${COMPLETE}))`),
    'expire upload': database('uploads')
      .where({ state: 'open' })
      .andWhere('expires_at', '<', nowMs)
      .andWhereRaw(`not (${COMPLETE})`),
    'discard upload': database('uploads').whereNotNull('last_error').whereIn('state', ENDED),
    'delete object': database('removed_objects'),
    'make preview': database('preview_jobs').whereNull('ended_at'),
    'send webhook': database('webhook_deliveries')
      .whereNull('ended_at')
      .whereIn('webhook_id', database('webhooks').whereNull('disabled_at').select('id')),
    deletion: database('deletions').whereNull('completed_at'),
  });
  return {
    /** Those that were tried most often first; at most so many of each kind. */
    async list(nowMs: number, maxJobsOfAKind: number): Promise<Job[]> {
      const jobs: Job[] = [];
      for (const [kind, source] of Object.entries(sources(nowMs)) as [JobKind, Knex.QueryBuilder<Row, Row[]>][]) {
        const rows: Row[] = await source.orderBy('attempts', 'desc').limit(maxJobsOfAKind).select('*');
        jobs.push(...rows.map((row) => toJob(kind, row, nowMs)));
      }
      return jobs;
    },

    /**
     * How each kind stands, for who looks often. An upload is owed since its last byte, which was `expiryMs` before it expires.
     */
    async queues(nowMs: number, expiryMs: number): Promise<Record<JobKind, JobQueue>> {
      const expiresAt = database.raw('expires_at as owed_since');
      const unknown = database.raw('null as owed_since');
      const createdAt = '(select created_at from chat_files where chat_files.id = preview_jobs.file_id) as owed_since';
      const begins: Record<JobKind, Knex.Raw> = {
        'finish upload': database.raw('expires_at - cast(? as bigint) as owed_since', [Math.round(expiryMs)]),
        'expire upload': expiresAt,
        'discard upload': unknown,
        'delete object': unknown,
        'make preview': database.raw(createdAt),
        'send webhook': database.raw('occurred_at as owed_since'),
        deletion: database.raw('requested_at as owed_since'),
      };
      const queues: [string, JobQueue][] = [];
      for (const [kind, source] of Object.entries(sources(nowMs)) as [JobKind, Knex.QueryBuilder<Row, Row[]>][]) {
        const owed = source.select('last_error', begins[kind]).limit(MAX_COUNTED);
        const row: Row = await database
          .from(owed.as('owed'))
          .first(database.raw('count(*) as jobs, count(last_error) as failing, min(owed_since) as oldest'));
        const oldestSeconds = row.oldest === null ? null : Math.max(0, nowMs - Number(row.oldest)) / 1000;
        queues.push([kind, { jobs: Number(row.jobs), failing: Number(row.failing), oldestSeconds }]);
      }
      return Object.fromEntries(queues) as Record<JobKind, JobQueue>;
    },

    /** All of them, by kind. */
    async count(nowMs: number): Promise<Record<JobKind, number>> {
      const counts: [string, number][] = [];
      for (const [kind, source] of Object.entries(sources(nowMs))) {
        const row = await source.count({ total: '*' }).first();
        counts.push([kind, Number(row?.total ?? 0)]);
      }
      return Object.fromEntries(counts) as Record<JobKind, number>;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

function toJob(kind: JobKind, row: Row, nowMs: number): Job {
  const isLeased =
    (kind === 'finish upload' && row.state === 'finishing') || kind === 'make preview' || kind === 'send webhook';
  const isRunning = isLeased && (row.lease_until ?? 0) >= nowMs;
  return {
    kind,
    key: keyOf(kind, row),
    state: isRunning ? 'running' : row.next_attempt_at > nowMs ? 'waiting' : 'due',
    attempts: row.attempts,
    since: row.created_at ?? row.requested_at ?? null,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error,
  };
}

function keyOf(kind: JobKind, row: Row): string {
  if (kind === 'delete object') return row.storage_key;
  return String(kind === 'make preview' ? row.file_id : row.id);
}
