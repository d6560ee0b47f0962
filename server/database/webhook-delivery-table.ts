/**
 * `webhook_deliveries`: what is owed to each endpoint, and what became of it. Triggers write the rows, in the transaction of
 * what they tell of (migration 0020); a row holds ids and no names, so that it need not be changed when those are deleted.
 */
import type { Knex } from 'knex';
import type { WebhookType } from '../contract/webhook.ts';
import type { Database } from './open-database.ts';
import type { Lease } from './upload-table.ts';

/** `failed`: the last try was not answered either, or with 410. */
export type DeliveryOutcome = 'delivered' | 'failed';

export type WebhookDelivery = {
  id: number;
  webhookId: number;
  company: string;
  session: string | null;
  /** The same for each try. */
  messageId: string;
  type: WebhookType;
  /** Id of the file, the upload or the find. */
  subjectId: string | null;
  seq: number | null;
  /** Why the file went, or the code of the upload's refusal. */
  reason: string | null;
  occurredAt: number;
  attempts: number;
  nextAttemptAt: number;
  lastError: string | null;
  /** Null while it is owed. */
  endedAt: number | null;
  outcome: DeliveryOutcome | null;
  attemptedAt: number | null;
  status: number | null;
  durationMs: number | null;
  /** The beginning of the answer. */
  response: string | null;
};

/** What a try came to. */
export type TryResult = {
  outcome: DeliveryOutcome | null;
  /** Where there is no outcome yet. */
  nextAttemptAt: number;
  error: string | null;
  status: number | null;
  response: string | null;
  durationMs: number;
};

export type DeliveryFilter = { state?: 'waiting' | DeliveryOutcome | undefined; beforeId?: number | undefined };

const MAX_ERROR_CHARACTERS = 1000;
const FREE = { lease_token: null, lease_until: null };
/** As if it had never been tried. */
const ANEW = { ...FREE, ended_at: null, outcome: null, attempts: 0, last_error: null };

export type WebhookDeliveryTable = ReturnType<typeof createWebhookDeliveryTable>;

export function createWebhookDeliveryTable(database: Database) {
  const under = (lease: Lease, id: number, on: Knex = database) =>
    on('webhook_deliveries').where({ id, lease_token: lease.token });

  return {
    async addTest(transaction: Knex.Transaction, company: string, webhookId: number, nowMs: number): Promise<number> {
      const row = { webhook_id: webhookId, company_id: company, type: 'webhook.test', occurred_at: nowMs };
      const [added] = await transaction('webhook_deliveries').insert(row).returning('id');
      return added.id;
    },

    async find(webhookId: number, id: number): Promise<WebhookDelivery | null> {
      const row = await database('webhook_deliveries').where({ webhook_id: webhookId, id }).first();
      return row === undefined ? null : fromRow(row);
    },

    /** Newest first. */
    async list(webhookId: number, maxDeliveries: number, filter: DeliveryFilter = {}): Promise<WebhookDelivery[]> {
      const { state, beforeId } = filter;
      const query = database('webhook_deliveries').where({ webhook_id: webhookId });
      if (state === 'waiting') query.whereNull('ended_at');
      else if (state !== undefined) query.andWhere({ outcome: state });
      if (beforeId !== undefined) query.andWhere('id', '<', beforeId);
      return (await query.orderBy('id', 'desc').limit(maxDeliveries)).map(fromRow);
    },

    /** Whether anything is due for anybody: one look at the beginning of an index. */
    async isAnyDue(nowMs: number): Promise<boolean> {
      const due = database('webhook_deliveries').whereNull('ended_at').andWhere('next_attempt_at', '<=', nowMs);
      return (await due.first('id')) !== undefined;
    },

    /** Takes the one of an endpoint that was due first. @returns null when none is */
    async takeDue(webhookId: number, lease: Lease, nowMs: number): Promise<WebhookDelivery | null> {
      const due = () =>
        database('webhook_deliveries')
          .where({ webhook_id: webhookId })
          .whereNull('ended_at')
          .andWhere('next_attempt_at', '<=', nowMs)
          .andWhere((free) => free.whereNull('lease_until').orWhere('lease_until', '<', nowMs));
      for (;;) {
        const first = await due().orderBy('next_attempt_at').orderBy('id').first('id');
        if (first === undefined) return null;
        const taken = { lease_token: lease.token, lease_until: lease.untilMs, attempts: database.raw('attempts + 1') };
        const [row] = await due().andWhere({ id: first.id }).update(taken).returning('*');
        // Otherwise another node was faster.
        if (row !== undefined) return fromRow(row);
      }
    },

    /** @returns false when the lease is lost, or the delivery is gone */
    async noteTry(
      transaction: Knex,
      id: number,
      lease: Lease,
      { outcome, nextAttemptAt, error, status, response, durationMs }: TryResult,
      nowMs: number,
    ): Promise<boolean> {
      const change = {
        ...FREE,
        outcome,
        ended_at: outcome === null ? null : nowMs,
        next_attempt_at: nextAttemptAt,
        last_error: error?.slice(0, MAX_ERROR_CHARACTERS) ?? null,
        attempted_at: nowMs,
        status,
        response,
        duration_ms: durationMs,
      };
      return (await under(lease, id, transaction).update(change)) === 1;
    },

    /** It was no try at all. */
    async putBack(id: number, lease: Lease, nextAttemptAt: number): Promise<void> {
      const change = { ...FREE, attempts: database.raw('attempts - 1'), next_attempt_at: nextAttemptAt };
      await under(lease, id).update(change);
    },

    /** Whatever became of it. @returns false when there is none of this id */
    async resend(transaction: Knex, webhookId: number, id: number): Promise<boolean> {
      const change = { ...ANEW, next_attempt_at: 0 };
      return (await transaction('webhook_deliveries').where({ webhook_id: webhookId, id }).update(change)) === 1;
    },

    /** Those that failed, of what happened since a time, oldest first. @returns how many */
    async resendFailed(transaction: Knex, webhookId: number, sinceMs: number, maxDeliveries: number): Promise<number> {
      const failed = transaction('webhook_deliveries')
        .where({ webhook_id: webhookId, outcome: 'failed' })
        .andWhere('occurred_at', '>=', sinceMs)
        .orderBy('id')
        .limit(maxDeliveries)
        .select('id');
      return transaction('webhook_deliveries')
        .whereIn('id', failed)
        .update({ ...ANEW, next_attempt_at: 0 });
    },

    /** A page of those of an endpoint, or of a company. @returns how many */
    async removePage(
      of: { webhookId: number } | { company: string; untilMs: number },
      maxDeliveries: number,
    ): Promise<number> {
      const page = database('webhook_deliveries').limit(maxDeliveries).select('id');
      if ('webhookId' in of) page.where({ webhook_id: of.webhookId });
      else page.where({ company_id: of.company }).andWhere('occurred_at', '<=', of.untilMs);
      return database('webhook_deliveries').whereIn('id', page).delete();
    },

    /** In the transaction that made the ledger's entry, before anybody has seen it: this one is told to nobody. */
    async withdraw(transaction: Knex.Transaction, company: string, session: string, seq: number): Promise<void> {
      await transaction('webhook_deliveries').where({ company_id: company, session_id: session, seq }).delete();
    },

    /** What a receiver answered may say what a session was about. */
    async forgetResponses(company: string, session: string): Promise<void> {
      const answered = database('webhook_deliveries').where({ company_id: company, session_id: session });
      await answered.whereNotNull('response').update({ response: null });
    },

    /** What is older, owed or not, and what no endpoint is there for any more. @returns how many */
    async forget(beforeMs: number): Promise<number> {
      const known = database('webhooks').select('id').whereRaw('webhooks.id = webhook_deliveries.webhook_id');
      const old = database('webhook_deliveries').where('occurred_at', '<', beforeMs);
      return (await old.delete()) + (await database('webhook_deliveries').whereNotExists(known).delete());
    },

    /** Processes that are at one. */
    async holders(): Promise<string[]> {
      const leased = database('webhook_deliveries').whereNull('ended_at').whereNotNull('lease_token');
      const tokens: string[] = await leased.distinct().pluck('lease_token');
      return [...new Set(tokens.map((token) => token.split('.')[0] ?? ''))];
    },

    /** A process is missed: others may go on with what it had. */
    async free(holder: string): Promise<void> {
      await database('webhook_deliveries').whereNull('ended_at').whereLike('lease_token', `${holder}.%`).update(FREE);
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
function fromRow(row: any): WebhookDelivery {
  return {
    id: row.id,
    webhookId: row.webhook_id,
    company: row.company_id,
    session: row.session_id,
    messageId: row.message_id,
    type: row.type,
    subjectId: row.subject_id,
    seq: row.seq,
    reason: row.reason,
    occurredAt: row.occurred_at,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error,
    endedAt: row.ended_at,
    outcome: row.outcome,
    attemptedAt: row.attempted_at,
    status: row.status,
    durationMs: row.duration_ms,
    response: row.response,
  };
}
