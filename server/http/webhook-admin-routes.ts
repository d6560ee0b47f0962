/** Webhooks of companies, for the operator: endpoints, what they were told, and telling them again. A secret is answered once. */
import type { RouterContext } from '@koa/router';
import * as z from 'zod';
import { WEBHOOK_EVENTS } from '../contract/webhook.ts';
import type { WebhookDelivery } from '../database/webhook-delivery-table.ts';
import type { Webhook } from '../database/webhook-table.ts';
import { type Actor, OPERATOR } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { isScopeId } from '../rules/participant.ts';
import { DEFAULT_OVERLAP_SECONDS, type ManageWebhooks } from '../sharing/manage-webhooks.ts';
import type { ClientOf } from './client-of.ts';
import { readCursor } from './read-cursor.ts';
import { readJson } from './read-json.ts';
import { readQuery } from './read-query.ts';

const MAX_BODY_BYTES = 16 * 1024;
const MAX_OVERLAP_SECONDS = 7 * 24 * 60 * 60;

const url = z.string().describe('https; the name must lead to public addresses, unless WEBHOOK_ALLOW_PRIVATE has it');
const description = z.string().max(256);
const events = z.array(z.enum(WEBHOOK_EVENTS)).min(1);
const secret = z.string().optional().describe('whsec_ and 24 to 64 bytes in base64; a random one if left out');

export const newWebhookBody = z.strictObject({
  url,
  description: description.optional(),
  events: events.optional().describe('all, if left out'),
  secret,
});
export const webhookChangeBody = z.strictObject({
  url: url.optional(),
  description: description.optional(),
  events: events.optional(),
  enabled: z.boolean().optional(),
});
export const newSecretBody = z.strictObject({
  secret,
  overlap_seconds: z
    .int()
    .min(0)
    .max(MAX_OVERLAP_SECONDS)
    .default(DEFAULT_OVERLAP_SECONDS)
    .describe('how long the secret before signs too'),
});
export const resendBody = z.strictObject({
  since: z.iso.datetime({ offset: true }).describe('what happened since then and failed'),
});
export const deliveriesQuery = z.object({
  state: z.enum(['waiting', 'delivered', 'failed']).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  cursor: z.string().max(20).optional(),
});

type AdminMiddleware = (ctx: RouterContext) => Promise<void>;
export type WebhookAdminRoutes = Record<
  'list' | 'add' | 'one' | 'change' | 'remove' | 'rotate' | 'test' | 'resendFailed' | 'deliveries' | 'resend',
  AdminMiddleware
>;

type Needs = { webhooks: ManageWebhooks; clientOf: ClientOf };

export function createWebhookAdminRoutes({ webhooks, clientOf }: Needs): WebhookAdminRoutes {
  const operator = (ctx: RouterContext): Actor => ({ ...OPERATOR, ...clientOf(ctx.req) });
  const bodyOf = async <T>(ctx: RouterContext, schema: z.ZodType<T>): Promise<T> =>
    readQuery(schema, await readJson(ctx.req, MAX_BODY_BYTES));
  return {
    list: async (ctx) => {
      ctx.body = { webhooks: (await webhooks.list(companyOf(ctx))).map(presentWebhook) };
    },
    add: async (ctx) => {
      const company = companyOf(ctx);
      const { webhook, secret } = await webhooks.add(company, await bodyOf(ctx, newWebhookBody), operator(ctx));
      ctx.body = { ...presentWebhook(webhook), secret };
      ctx.status = 201;
    },
    one: async (ctx) => {
      ctx.body = presentWebhook(await webhooks.show(companyOf(ctx), idOf(ctx.params.webhook)));
    },
    change: async (ctx) => {
      const edit = await bodyOf(ctx, webhookChangeBody);
      const changed = await webhooks.change(companyOf(ctx), idOf(ctx.params.webhook), edit, operator(ctx));
      ctx.body = presentWebhook(changed);
    },
    remove: async (ctx) => {
      await webhooks.remove(companyOf(ctx), idOf(ctx.params.webhook), operator(ctx));
      ctx.status = 204;
    },
    rotate: async (ctx) => {
      const { secret, overlap_seconds: overlapSeconds } = await bodyOf(ctx, newSecretBody);
      const id = idOf(ctx.params.webhook);
      ctx.body = { secret: await webhooks.rotate(companyOf(ctx), id, { secret, overlapSeconds }, operator(ctx)) };
    },
    test: async (ctx) => {
      ctx.body = presentDelivery(await webhooks.test(companyOf(ctx), idOf(ctx.params.webhook), operator(ctx)));
      ctx.status = 202;
    },
    resendFailed: async (ctx) => {
      const { since } = await bodyOf(ctx, resendBody);
      const id = idOf(ctx.params.webhook);
      ctx.body = { deliveries: await webhooks.resendFailed(companyOf(ctx), id, Date.parse(since), operator(ctx)) };
      ctx.status = 202;
    },
    deliveries: async (ctx) => {
      const { state, limit, cursor } = readQuery(deliveriesQuery, ctx.query);
      const beforeId = readCursor(cursor) ?? undefined;
      const id = idOf(ctx.params.webhook);
      const listed = await webhooks.deliveries(companyOf(ctx), id, limit + 1, { state, beforeId });
      const page = listed.slice(0, limit);
      ctx.body = {
        deliveries: page.map(presentDelivery),
        next_cursor: listed.length > limit ? String(page.at(-1)?.id) : null,
      };
    },
    resend: async (ctx) => {
      const [id, delivery] = [idOf(ctx.params.webhook), idOf(ctx.params.delivery)];
      ctx.body = presentDelivery(await webhooks.resend(companyOf(ctx), id, delivery, operator(ctx)));
      ctx.status = 202;
    },
  };
}

/** The same for the API and for the command line. */
export function presentWebhook(webhook: Webhook) {
  return {
    id: webhook.id,
    company_id: webhook.company,
    url: webhook.url,
    description: webhook.description,
    events: webhook.events,
    enabled: webhook.disabledAt === null,
    disabled_at: timeOf(webhook.disabledAt),
    disabled_reason: webhook.disabledReason,
    failures: webhook.failures,
    failing_since: timeOf(webhook.failingSince),
    created_at: timeOf(webhook.createdAt),
  };
}

export function presentDelivery(delivery: WebhookDelivery) {
  const isOwed = delivery.endedAt === null;
  return {
    id: delivery.id,
    webhook_id: delivery.webhookId,
    message_id: delivery.messageId,
    type: delivery.type,
    session_id: delivery.session,
    subject_id: delivery.subjectId,
    seq: delivery.seq,
    occurred_at: timeOf(delivery.occurredAt),
    state: delivery.outcome ?? 'waiting',
    attempts: delivery.attempts,
    next_attempt_at: isOwed && delivery.nextAttemptAt > 0 ? timeOf(delivery.nextAttemptAt) : null,
    attempted_at: timeOf(delivery.attemptedAt),
    status: delivery.status,
    duration_ms: delivery.durationMs,
    last_error: delivery.lastError,
    response: delivery.response,
  };
}

function companyOf(ctx: RouterContext): string {
  const { company } = ctx.params;
  if (!isScopeId(company)) throw new Failure('not-found', 'No company has such a name.');
  return company;
}

function idOf(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new Failure('not-found', 'There is nothing of that id.');
  return Number(text);
}

function timeOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
