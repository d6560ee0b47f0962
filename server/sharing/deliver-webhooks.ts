/** Sends what is owed to the endpoints of companies: again until it is answered, and no endpoint keeps another waiting. */
import { randomBytes } from 'node:crypto';
import type { WebhookType } from '../contract/webhook.ts';
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { Database } from '../database/open-database.ts';
import type { Lease } from '../database/upload-table.ts';
import type { TryResult, WebhookDelivery, WebhookDeliveryTable } from '../database/webhook-delivery-table.ts';
import type { DisabledReason, SigningWebhook, Webhook, WebhookTable } from '../database/webhook-table.ts';
import { SERVER } from '../rules/actor.ts';
import { holdAfterFailures, readRetryAfter, waitAfterTry } from '../rules/webhook-retries.ts';
import { signWebhook } from '../rules/webhook-signature.ts';
import type { PostWebhook } from '../webhooks/post-webhook.ts';
import type { MakeWebhookMessage } from './webhook-message.ts';

type Needs = {
  database: Database;
  webhooks: Pick<WebhookTable, 'listDue' | 'noteWorks' | 'noteFailure' | 'disable'>;
  deliveries: Pick<WebhookDeliveryTable, 'isAnyDue' | 'takeDue' | 'noteTry' | 'putBack'>;
  audit: Pick<AuditTable, 'add'>;
  makeMessage: MakeWebhookMessage;
  post: PostWebhook;
  /** Of each try. */
  onTried(tried: WebhookTry): void;
  /** Nothing is sent there any more until somebody enables it. */
  onDisabled(webhook: Pick<Webhook, 'id' | 'company'>, reason: DisabledReason): void;
  onFault(error: unknown): void;
  /** Names this process in its leases. */
  holder: string;
  /** Of this version, for `User-Agent`. */
  version: string;
  now(): number;
};

export type WebhookTry = { type: WebhookType; outcome: 'delivered' | 'again' | 'failed'; durationMs: number };

export type DeliverWebhooks = {
  /** Begins what is due, as far as there is room. Nothing before `start`. @returns how many were begun */
  run(): Promise<number>;
  /** Something may be owed: `run`, without waiting for it. Costs nothing where nothing was ever sent. */
  wake(): void;
  start(): void;
  /** Ends soon: what is not answered by then is sent again, by its own id. */
  settled(): Promise<void>;
};

/** Tries at once, of this node. */
const MAX_AT_ONCE = 32;
const MAX_AT_ONCE_FOR_ONE = 4;
/** Those that fail take half of the room at most, and one each. */
const MAX_AT_ONCE_FAILING = 16;
/** Several times what a try may take. */
const LEASE_MS = 60_000;
const MAX_LISTED_WEBHOOKS = 100;
/** A database that is away. */
const PUT_BACK_MS = 5000;
/** Of a shutdown. */
const SETTLE_MS = 5000;
const DISABLE_AFTER_FAILING_MS = 5 * 24 * 60 * 60 * 1000;
const GONE = 410;
/** They say when to come back. */
const MAY_SAY_WHEN = [429, 503];

export function createDeliverWebhooks(needs: Needs): DeliverWebhooks {
  const stopping = new AbortController();
  const underWay = new Map<Promise<void>, { webhookId: number; isFailing: boolean }>();
  let isStarted = false;
  let running: Promise<number> | null = null;
  let isWoken = false;
  let isInUse = false;
  /** The endpoint that was served last. */
  let lastId = 0;

  const countOf = (webhookId: number) => [...underWay.values()].filter((one) => one.webhookId === webhookId).length;
  const failing = () => [...underWay.values()].filter(({ isFailing }) => isFailing).length;
  const roomFor = ({ id, failures }: Webhook): boolean => {
    if (!isStarted || underWay.size >= MAX_AT_ONCE) return false;
    return failures === 0 ? countOf(id) < MAX_AT_ONCE_FOR_ONE : countOf(id) === 0 && failing() < MAX_AT_ONCE_FAILING;
  };
  const begin = (webhook: SigningWebhook, delivery: WebhookDelivery, lease: Lease) => {
    const work: Promise<void> = attempt(needs, webhook, delivery, lease, stopping.signal)
      .catch(needs.onFault)
      .finally(() => {
        underWay.delete(work);
        wake();
      });
    underWay.set(work, { webhookId: webhook.id, isFailing: webhook.failures > 0 });
  };
  /** One of each endpoint in turn, until there is no room or nothing is due. */
  const round = async (): Promise<number> => {
    const full = [...new Set([...underWay.values()].map(({ webhookId }) => webhookId))];
    const busy = full.filter((id) => countOf(id) >= MAX_AT_ONCE_FOR_ONE);
    let begun = 0;
    for (const webhook of await needs.webhooks.listDue(needs.now(), lastId, busy, MAX_LISTED_WEBHOOKS)) {
      if (underWay.size >= MAX_AT_ONCE || !isStarted) break;
      if (!roomFor(webhook)) continue;
      const token = `${needs.holder}.${randomBytes(8).toString('hex')}`;
      const lease = { token, untilMs: needs.now() + LEASE_MS };
      const delivery = await needs.deliveries.takeDue(webhook.id, lease, needs.now());
      lastId = webhook.id;
      if (delivery === null) continue;
      begin(webhook, delivery, lease);
      begun += 1;
    }
    return begun;
  };
  const runOnce = async (): Promise<number> => {
    if (!(await needs.deliveries.isAnyDue(needs.now()))) return 0;
    isInUse = true;
    let begun = 0;
    for (;;) {
      const more = await round();
      begun += more;
      if (more === 0) return begun;
    }
  };
  const run = (): Promise<number> => {
    if (!isStarted) return Promise.resolve(0);
    running ??= runOnce().finally(() => {
      running = null;
      if (!isWoken) return;
      isWoken = false;
      wake();
    });
    return running;
  };
  const wake = () => {
    // The first message waits for the chore, a second at most.
    if (!isInUse) return;
    // What is running may have looked just before.
    if (running !== null) isWoken = true;
    else run().catch(needs.onFault);
  };
  return {
    run,
    wake,
    start() {
      isStarted = !stopping.signal.aborted;
    },
    async settled() {
      isStarted = false;
      await running?.catch(() => {});
      const timer = setTimeout(() => stopping.abort(), SETTLE_MS);
      await Promise.allSettled(underWay.keys());
      clearTimeout(timer);
      stopping.abort();
    },
  };
}

/** @throws only where the database does not answer: the lease ends by itself then, and the same message is sent again */
async function attempt(
  needs: Needs,
  webhook: SigningWebhook,
  delivery: WebhookDelivery,
  lease: Lease,
  stopping: AbortSignal,
): Promise<void> {
  const startedAt = performance.now();
  let body: string;
  try {
    body = JSON.stringify(await needs.makeMessage(delivery));
  } catch (error) {
    await needs.deliveries.putBack(delivery.id, lease, needs.now() + PUT_BACK_MS);
    throw error;
  }
  const answer = await needs
    .post(webhook.url, headersOf(needs, webhook, delivery, body), body, stopping)
    .catch((error: unknown) => error as Error);
  const durationMs = Math.round(performance.now() - startedAt);
  if (answer instanceof Error && stopping.aborted) return needs.deliveries.putBack(delivery.id, lease, 0);
  const tried = { delivery, lease, durationMs };
  if (answer instanceof Error)
    return note(needs, webhook, tried, { status: null, response: null, error: answer.message, retryAfterMs: null });
  const { status, body: response } = answer;
  const isTaken = status >= 200 && status < 300;
  await note(needs, webhook, tried, {
    status,
    response,
    error: isTaken ? null : `it answered ${status}`,
    retryAfterMs: MAY_SAY_WHEN.includes(status) ? readRetryAfter(answer.retryAfter, needs.now()) : null,
  });
}

/** Standard Webhooks, "Webhook headers". The time is that of the try. */
function headersOf({ version, now }: Needs, { secrets }: SigningWebhook, { messageId }: WebhookDelivery, body: string) {
  const sentAt = Math.floor(now() / 1000);
  const signing = secrets.filter(({ untilMs }) => untilMs === null || untilMs > now()).map(({ secret }) => secret);
  return {
    'Content-Type': 'application/json; charset=utf-8',
    'User-Agent': `Chatdrop-Webhooks/${version}`,
    Accept: '*/*',
    'webhook-id': messageId,
    'webhook-timestamp': String(sentAt),
    'webhook-signature': signWebhook(signing, messageId, sentAt, body),
  };
}

type Tried = { delivery: WebhookDelivery; lease: Lease; durationMs: number };
type Told = Pick<TryResult, 'status' | 'response' | 'error'> & { retryAfterMs: number | null };

/** The try, what it says of the endpoint, and that the endpoint is disabled for it: one transaction. */
async function note(needs: Needs, webhook: SigningWebhook, { delivery, lease, durationMs }: Tried, told: Told) {
  const { database, webhooks, deliveries, now } = needs;
  const { status, response, error, retryAfterMs } = told;
  const waitMs = waitAfterTry(delivery.attempts, Math.random());
  const isOver = status === GONE || waitMs === null;
  const outcome = error === null ? 'delivered' : isOver ? 'failed' : null;
  const nextAttemptAt = outcome === null ? now() + Math.max(waitMs ?? 0, retryAfterMs ?? 0) : delivery.nextAttemptAt;
  const result = { outcome, nextAttemptAt, error, status, response, durationMs } as const;
  const disabled = await database.transaction(async (transaction): Promise<DisabledReason | null> => {
    if (!(await deliveries.noteTry(transaction, delivery.id, lease, result, now()))) return null;
    if (error === null) {
      if (webhook.failures > 0) await webhooks.noteWorks(transaction, webhook.id);
      return null;
    }
    const holdMs = Math.max(holdAfterFailures(webhook.failures + 1), retryAfterMs ?? 0);
    const known = await webhooks.noteFailure(transaction, webhook.id, now(), now() + holdMs);
    const isHopeless = now() - (known?.failingSince ?? now()) >= DISABLE_AFTER_FAILING_MS;
    const reason = status === GONE ? 'gone' : isHopeless ? 'failing' : null;
    if (reason === null || !(await webhooks.disable(transaction, webhook.id, reason, now()))) return null;
    const deed = { action: 'webhook_changed', company: webhook.company, session: null } as const;
    const detail = { webhook: webhook.id, set: 'enabled', enabled: 'no', reason };
    await needs.audit.add(transaction, auditEntry(SERVER, { ...deed, detail }, now()));
    return reason;
  });
  needs.onTried({ type: delivery.type, outcome: outcome ?? 'again', durationMs });
  if (disabled !== null) needs.onDisabled(webhook, disabled);
}
