/** The operator's client for webhooks of companies: endpoints, what they were told, and telling them again. */
import type { DeliveryPage, NewWebhook, ShownDelivery, ShownWebhook, WebhookEvent } from '../contract/webhook.ts';
import type { Abortable } from './create-chatdrop.ts';
import { everyPage } from './pages.ts';
import type { Requester } from './requester.ts';

export type WebhookSettings = { url: string; description?: string; events?: WebhookEvent[] };
export type WebhookChange = Partial<WebhookSettings> & { enabled?: boolean };

export type AdminWebhooks = ReturnType<typeof createAdminWebhooks>;

/** Every method throws a `ChatdropError`, and the signal's reason when it is aborted. */
export function createAdminWebhooks(requester: Requester) {
  const path = (company: string, ...parts: (string | number)[]) =>
    `/api/admin/companies/${[company, 'webhooks', ...parts].map((part) => encodeURIComponent(part)).join('/')}/`;
  const get = <T>(where: string, { signal }: Abortable, query?: Record<string, string | number | undefined>) =>
    requester.json<T>({ method: 'GET', path: where, signal, ...(query && { query }) });
  const post = <T>(where: string, json: object | undefined, { signal }: Abortable) =>
    requester.json<T>({ method: 'POST', path: where, signal, ...(json && { json }) });

  return {
    list: async (company: string, more: Abortable = {}): Promise<ShownWebhook[]> =>
      (await get<{ webhooks: ShownWebhook[] }>(path(company), more)).webhooks,
    get: (company: string, id: number, more: Abortable = {}): Promise<ShownWebhook> => get(path(company, id), more),
    /** `events`: all, if left out. `secret`: a random one, if left out; the answer has it, and no other ever will. */
    add: (
      company: string,
      settings: WebhookSettings & { secret?: string },
      more: Abortable = {},
    ): Promise<NewWebhook> => post(path(company), settings, more),
    change: (company: string, id: number, change: WebhookChange, { signal }: Abortable = {}): Promise<ShownWebhook> =>
      requester.json({ method: 'PATCH', path: path(company, id), json: change, signal }),
    /** With what is owed to it. */
    remove: async (company: string, id: number, { signal }: Abortable = {}): Promise<void> => {
      await requester.send({ method: 'DELETE', path: path(company, id), signal });
    },
    /** A new secret; the one before signs too for `overlapSeconds` (a day, if left out). */
    rotateSecret: async (
      company: string,
      id: number,
      { secret, overlapSeconds, ...more }: { secret?: string; overlapSeconds?: number } & Abortable = {},
    ): Promise<string> => {
      const json = {
        ...(secret !== undefined && { secret }),
        ...(overlapSeconds !== undefined && { overlap_seconds: overlapSeconds }),
      };
      return (await post<{ secret: string }>(path(company, id, 'secret'), json, more)).secret;
    },
    /** Sends `webhook.test`. */
    test: (company: string, id: number, more: Abortable = {}): Promise<ShownDelivery> =>
      post(path(company, id, 'test'), undefined, more),
    /** What was sent there in the last 30 days, or is to be; the newest first. */
    deliveries: (
      company: string,
      id: number,
      { state, ...more }: { state?: ShownDelivery['state'] } & Abortable = {},
    ): AsyncGenerator<ShownDelivery, void, undefined> =>
      everyPage<ShownDelivery, string | undefined>(undefined, async (cursor) => {
        const page = await get<DeliveryPage>(path(company, id, 'deliveries'), more, { state, cursor });
        return { entries: page.deliveries, next: page.next_cursor };
      }),
    /** One, whatever became of it. */
    resend: (company: string, id: number, delivery: number, more: Abortable = {}): Promise<ShownDelivery> =>
      post(path(company, id, 'deliveries', delivery, 'resend'), undefined, more),
    /** What failed since then, 10,000 at most. @returns how many are owed again */
    resendFailed: async (company: string, id: number, since: Date, more: Abortable = {}): Promise<number> =>
      (await post<{ deliveries: number }>(path(company, id, 'resend'), { since: since.toISOString() }, more))
        .deliveries,
  };
}
