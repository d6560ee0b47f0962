/** What the operator does with the endpoints of a company: add, change, remove, give a new secret, test, send again. */
import { randomBytes } from 'node:crypto';
import type { Knex } from 'knex';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../contract/webhook.ts';
import { type AuditAction, type AuditTable, auditEntry, type Deed } from '../database/audit-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { DeliveryFilter, WebhookDelivery, WebhookDeliveryTable } from '../database/webhook-delivery-table.ts';
import type { Webhook, WebhookChange, WebhookTable } from '../database/webhook-table.ts';
import type { Actor } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { isWebhookSecret, SECRET_FORM, webhookSecret } from '../rules/webhook-signature.ts';
import { type PrivateTargets, webhookUrlFault } from '../rules/webhook-target.ts';

type Needs = {
  database: Database;
  webhooks: Pick<WebhookTable, 'insert' | 'count' | 'list' | 'find' | 'change' | 'remove' | 'changeSecrets'>;
  deliveries: Pick<WebhookDeliveryTable, 'addTest' | 'find' | 'list' | 'resend' | 'resendFailed' | 'removePage'>;
  ledger: Pick<EventLedger, 'hold'>;
  audit: Pick<AuditTable, 'add'>;
  allowed: PrivateTargets;
  /** Something may be due. */
  wake(): void;
  now(): number;
};

export type WebhookRequest = {
  url: string;
  description?: string | undefined;
  /** All, if left out. */
  events?: readonly WebhookEvent[] | undefined;
  /** A random one, if left out. */
  secret?: string | undefined;
};
export type WebhookEdit = {
  url?: string | undefined;
  description?: string | undefined;
  events?: readonly WebhookEvent[] | undefined;
  enabled?: boolean | undefined;
};
export type ManageWebhooks = ReturnType<typeof createManageWebhooks>;

const MAX_COMPANY_WEBHOOKS = 10;
/** How long the secret before it signs too. */
export const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60;
/** The newest ones: each is a signature in every message. */
const MAX_SECRETS = 3;
const SECRET_BYTES = 32;
/** Sent again at one request. */
const MAX_RESENT = 10_000;
const PAGE_DELIVERIES = 1000;

/** Each change is in the audit by its own transaction, with the endpoint's host: the rest of its address may be a secret. */
export function createManageWebhooks(needs: Needs) {
  const { database, webhooks, deliveries, ledger, audit, allowed, now } = needs;
  const note = (
    transaction: Knex.Transaction,
    by: Actor,
    action: AuditAction,
    company: string,
    detail: Deed['detail'],
  ) => audit.add(transaction, auditEntry(by, { action, company, session: null, ...(detail && { detail }) }, now()));
  const find = async (company: string, id: number): Promise<Webhook> => {
    const webhook = await webhooks.find(company, id);
    if (webhook === null) throw notThere();
    return webhook;
  };
  return {
    list: (company: string): Promise<Webhook[]> => webhooks.list(company),

    /** @throws {Failure} `not-found` */
    show: find,

    /** @returns the endpoint, and its secret, which is never given out again. @throws {Failure} `invalid-request` */
    async add(company: string, request: WebhookRequest, by: Actor): Promise<{ webhook: Webhook; secret: string }> {
      const url = checkedUrl(request.url, allowed);
      const secret = checkedSecret(request.secret);
      const events = uniqueEvents(request.events ?? WEBHOOK_EVENTS);
      const id = await database.transaction(async (transaction) => {
        // So that two at once are counted one after the other.
        await ledger.hold(transaction, company);
        const secrets = [{ secret, untilMs: null }];
        const description = request.description ?? '';
        const id = await webhooks.insert(transaction, { company, url, description, events, secrets, createdAt: now() });
        if ((await webhooks.count(transaction, company)) > MAX_COMPANY_WEBHOOKS)
          throw new Failure('invalid-request', `A company has ${MAX_COMPANY_WEBHOOKS} webhooks at most.`);
        const detail = { webhook: id, host: new URL(url).host, events: events.join(', ') };
        await note(transaction, by, 'webhook_added', company, detail);
        return id;
      });
      return { webhook: await find(company, id), secret };
    },

    /** @throws {Failure} `invalid-request`, `not-found` */
    async change(company: string, id: number, edit: WebhookEdit, by: Actor): Promise<Webhook> {
      const { url, description, events, enabled } = edit;
      const change: WebhookChange = {
        ...(url !== undefined && { url: checkedUrl(url, allowed) }),
        ...(description !== undefined && { description }),
        ...(events !== undefined && { events: uniqueEvents(events) }),
        ...(enabled !== undefined && {
          disabledAt: enabled ? null : now(),
          disabledReason: enabled ? null : ('operator' as const),
        }),
      };
      const changed = await database.transaction(async (transaction) => {
        const webhook = await webhooks.change(transaction, company, id, change);
        if (webhook === null) return null;
        const fields = ['url', 'description', 'events', 'enabled'] as const;
        const set = fields.filter((field) => edit[field] !== undefined).join(', ');
        const detail = {
          webhook: id,
          set,
          ...(url !== undefined && { host: new URL(webhook.url).host }),
          ...(events !== undefined && { events: webhook.events.join(', ') }),
          ...(enabled !== undefined && { enabled: enabled ? 'yes' : 'no' }),
        };
        await note(transaction, by, 'webhook_changed', company, detail);
        return webhook;
      });
      if (changed === null) throw notThere();
      needs.wake();
      return changed;
    },

    /** What is owed there goes with it. @throws {Failure} `not-found` */
    async remove(company: string, id: number, by: Actor): Promise<void> {
      await database.transaction(async (transaction) => {
        if (!(await webhooks.remove(transaction, company, id))) throw notThere();
        await note(transaction, by, 'webhook_removed', company, { webhook: id });
      });
      // What a crash leaves of it is forgotten by a chore.
      while ((await deliveries.removePage({ webhookId: id }, PAGE_DELIVERIES)) > 0);
    },

    /**
     * A new secret; the one before signs too, for that long, and then no more.
     * @returns the new one, which is never given out again. @throws {Failure} `invalid-request`, `not-found`
     */
    async rotate(
      company: string,
      id: number,
      { secret: given, overlapSeconds }: { secret?: string | undefined; overlapSeconds: number },
      by: Actor,
    ): Promise<string> {
      const secret = checkedSecret(given);
      const untilMs = now() + overlapSeconds * 1000;
      await database.transaction(async (transaction) => {
        await note(transaction, by, 'webhook_rotated', company, { webhook: id, overlap_seconds: overlapSeconds });
        const isThere = await webhooks.changeSecrets(transaction, company, id, (secrets) => {
          const others = secrets.filter((other) => other.secret !== secret);
          const ending = others.map((other) => ({ ...other, untilMs: Math.min(other.untilMs ?? untilMs, untilMs) }));
          const still = ending.filter((other) => other.untilMs > now());
          return [{ secret, untilMs: null }, ...still].slice(0, MAX_SECRETS);
        });
        if (!isThere) throw notThere();
      });
      return secret;
    },

    /** Owes it a message that says nothing. @throws {Failure} `not-found`, `invalid-request` where it is disabled */
    async test(company: string, id: number, by: Actor): Promise<WebhookDelivery> {
      const webhook = await find(company, id);
      if (webhook.disabledAt !== null)
        throw new Failure('invalid-request', 'This webhook is disabled. Enable it first: nothing is sent there.');
      const deliveryId = await database.transaction(async (transaction) => {
        const deliveryId = await deliveries.addTest(transaction, company, id, now());
        await note(transaction, by, 'webhook_resent', company, { webhook: id, test: 'yes' });
        return deliveryId;
      });
      needs.wake();
      return found(await deliveries.find(id, deliveryId));
    },

    /** Newest first. @throws {Failure} `not-found` */
    async deliveries(company: string, id: number, limit: number, filter: DeliveryFilter): Promise<WebhookDelivery[]> {
      await find(company, id);
      return deliveries.list(id, limit, filter);
    },

    /** Whatever became of it, with its own id. @throws {Failure} `not-found` */
    async resend(company: string, id: number, deliveryId: number, by: Actor): Promise<WebhookDelivery> {
      await find(company, id);
      await database.transaction(async (transaction) => {
        if (!(await deliveries.resend(transaction, id, deliveryId))) throw noDelivery();
        await note(transaction, by, 'webhook_resent', company, { webhook: id, deliveries: 1 });
      });
      needs.wake();
      return found(await deliveries.find(id, deliveryId));
    },

    /** Those that failed since a time, up to a bound: ask again until it is none. @throws {Failure} `not-found` */
    async resendFailed(company: string, id: number, sinceMs: number, by: Actor): Promise<number> {
      await find(company, id);
      const count = await database.transaction(async (transaction) => {
        const count = await deliveries.resendFailed(transaction, id, sinceMs, MAX_RESENT);
        if (count > 0) await note(transaction, by, 'webhook_resent', company, { webhook: id, deliveries: count });
        return count;
      });
      needs.wake();
      return count;
    },
  };
}

function checkedUrl(text: string, allowed: PrivateTargets): string {
  const fault = webhookUrlFault(text, allowed);
  if (fault !== null) throw new Failure('invalid-request', `The url ${fault}.`);
  return new URL(text).href;
}

function checkedSecret(given: string | undefined): string {
  if (given === undefined) return webhookSecret(randomBytes(SECRET_BYTES));
  if (!isWebhookSecret(given)) throw new Failure('invalid-request', SECRET_FORM);
  return given;
}

function uniqueEvents(events: readonly WebhookEvent[]): WebhookEvent[] {
  return WEBHOOK_EVENTS.filter((event) => events.includes(event));
}

function found(delivery: WebhookDelivery | null): WebhookDelivery {
  if (delivery === null) throw noDelivery();
  return delivery;
}

function notThere(): Failure {
  return new Failure('not-found', 'This company has no webhook of that id.');
}

function noDelivery(): Failure {
  return new Failure('not-found', 'There is no delivery of that id. They are kept for 30 days.');
}
