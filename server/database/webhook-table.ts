/** `webhooks`: where a company is told of its files. All SQL of the table, and row ↔ object. */
import type { Knex } from 'knex';
import type { WebhookEvent } from '../contract/webhook.ts';
import type { Database } from './open-database.ts';

/** `operator`: by hand. `gone`: it answered 410. `failing`: nothing was answered for days. */
export type DisabledReason = 'operator' | 'gone' | 'failing';

/** `untilMs`: when it stops to sign; null for the one that was given out last. */
export type WebhookSecret = { secret: string; untilMs: number | null };

export type Webhook = {
  id: number;
  company: string;
  url: string;
  description: string;
  events: WebhookEvent[];
  disabledAt: number | null;
  disabledReason: DisabledReason | null;
  /** Tries that failed since one was answered. */
  failures: number;
  failingSince: number | null;
  /** Nothing is sent there before. */
  notBefore: number;
  createdAt: number;
};

/** With what it signs by, the newest first. */
export type SigningWebhook = Webhook & { secrets: WebhookSecret[] };
export type NewWebhook = Pick<SigningWebhook, 'company' | 'url' | 'description' | 'events' | 'secrets' | 'createdAt'>;
export type WebhookChange = Partial<Pick<Webhook, 'url' | 'description' | 'events' | 'disabledAt' | 'disabledReason'>>;

const WORKS = { failures: 0, failing_since: null, not_before: 0 };

export type WebhookTable = ReturnType<typeof createWebhookTable>;

export function createWebhookTable(database: Database) {
  return {
    async insert(transaction: Knex.Transaction, webhook: NewWebhook): Promise<number> {
      const { company, url, description, events, secrets, createdAt } = webhook;
      const [row] = await transaction('webhooks')
        .insert({
          company_id: company,
          url,
          description,
          events: eventsColumn(events),
          secrets: JSON.stringify(secrets),
          created_at: createdAt,
        })
        .returning('id');
      return row.id;
    },

    async count(transaction: Knex, company: string): Promise<number> {
      const row = await transaction('webhooks').where({ company_id: company }).count({ total: '*' }).first();
      return Number(row?.total ?? 0);
    },

    async list(company: string): Promise<Webhook[]> {
      return (await database('webhooks').where({ company_id: company }).orderBy('id')).map(fromRow);
    },

    async find(company: string, id: number): Promise<Webhook | null> {
      const row = await database('webhooks').where({ company_id: company, id }).first();
      return row === undefined ? null : fromRow(row);
    },

    /** @returns null where the company has none of this id */
    async change(
      transaction: Knex.Transaction,
      company: string,
      id: number,
      { url, description, events, disabledAt, disabledReason }: WebhookChange,
    ): Promise<Webhook | null> {
      const change = {
        ...(url !== undefined && { url }),
        ...(description !== undefined && { description }),
        ...(events !== undefined && { events: eventsColumn(events) }),
        ...(disabledAt !== undefined && { disabled_at: disabledAt, disabled_reason: disabledReason }),
        // Whoever changes it expects that it is tried.
        ...WORKS,
      };
      const [row] = await transaction('webhooks').where({ company_id: company, id }).update(change).returning('*');
      return row === undefined ? null : fromRow(row);
    },

    async remove(transaction: Knex.Transaction, company: string, id: number): Promise<boolean> {
      return (await transaction('webhooks').where({ company_id: company, id }).delete()) === 1;
    },

    /** Of a company that is deleted: those that were there by then. */
    async removeAll(company: string, untilMs: number): Promise<void> {
      await database('webhooks').where({ company_id: company }).andWhere('created_at', '<=', untilMs).delete();
    },

    /** `decide`: from those that it has to those that it is to have. Call it after the transaction's first write. */
    async changeSecrets(
      transaction: Knex.Transaction,
      company: string,
      id: number,
      decide: (secrets: WebhookSecret[]) => WebhookSecret[],
    ): Promise<boolean> {
      const row = await transaction('webhooks').where({ company_id: company, id }).forUpdate().first('secrets');
      if (row === undefined) return false;
      const secrets = JSON.stringify(decide(JSON.parse(row.secrets)));
      await transaction('webhooks').where({ company_id: company, id }).update({ secrets });
      return true;
    },

    /**
     * Endpoints that something is due for, in the order of their ids from behind `afterId` and then from the first, so that
     * none is served before all others were.
     */
    async listDue(
      nowMs: number,
      afterId: number,
      except: readonly number[],
      maxWebhooks: number,
    ): Promise<SigningWebhook[]> {
      const due = () =>
        database('webhooks')
          .whereNull('disabled_at')
          .andWhere('not_before', '<=', nowMs)
          .whereNotIn('id', [...except])
          .whereExists(
            database('webhook_deliveries')
              .whereRaw('webhook_deliveries.webhook_id = webhooks.id')
              .whereNull('ended_at')
              .andWhere('next_attempt_at', '<=', nowMs)
              .andWhere((free) => free.whereNull('lease_until').orWhere('lease_until', '<', nowMs)),
          )
          .orderBy('id')
          .limit(maxWebhooks);
      const behind = await due().andWhere('id', '>', afterId);
      const before = behind.length === maxWebhooks ? [] : await due().andWhere('id', '<=', afterId);
      return [...behind, ...before].map(fromSigningRow);
    },

    /** It answered. */
    async noteWorks(transaction: Knex, id: number): Promise<void> {
      await transaction('webhooks').where({ id }).andWhere('failures', '>', 0).update(WORKS);
    },

    /** It did not. @returns null where it is gone */
    async noteFailure(transaction: Knex, id: number, nowMs: number, notBefore: number): Promise<Webhook | null> {
      const [row] = await transaction('webhooks')
        .where({ id })
        .update({
          failures: database.raw('failures + 1'),
          failing_since: database.raw('coalesce(failing_since, ?)', [nowMs]),
          not_before: notBefore,
        })
        .returning('*');
      return row === undefined ? null : fromRow(row);
    },

    /** @returns false when it was disabled before */
    async disable(transaction: Knex, id: number, reason: DisabledReason, nowMs: number): Promise<boolean> {
      const disabled = { disabled_at: nowMs, disabled_reason: reason };
      return (await transaction('webhooks').where({ id }).whereNull('disabled_at').update(disabled)) === 1;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
type Row = any;

/** Commas around each, so that the triggers find one in it. */
function eventsColumn(events: readonly WebhookEvent[]): string {
  return `,${events.join(',')},`;
}

function fromSigningRow(row: Row): SigningWebhook {
  return { ...fromRow(row), secrets: JSON.parse(row.secrets) };
}

function fromRow(row: Row): Webhook {
  return {
    id: row.id,
    company: row.company_id,
    url: row.url,
    description: row.description,
    events: row.events.split(',').filter((event: string) => event !== ''),
    disabledAt: row.disabled_at,
    disabledReason: row.disabled_reason,
    failures: row.failures,
    failingSince: row.failing_since,
    notBefore: row.not_before,
    createdAt: row.created_at,
  };
}
