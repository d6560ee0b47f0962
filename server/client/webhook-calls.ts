/** The operator's calls about a company's webhooks: endpoints, their secrets, and what they were told. */
import type {
  DeliveryPage,
  NewWebhook,
  ShownDelivery,
  ShownWebhook,
  WebhookEvent,
  WebhookSecret,
} from '../contract/webhook.ts';
import { everyPage } from './pages.ts';
import { pathOf } from './path-of.ts';
import type { Call, Requester } from './requester.ts';

type Abortable = { signal?: AbortSignal };
export type WebhookFields = { url: string; description?: string; events?: WebhookEvent[] };

export function createWebhookCalls(requester: Requester) {
  const path = (company: string, ...parts: (string | number)[]) =>
    pathOf('/api/admin/companies/', company, 'webhooks', ...parts);
  const post = <T>(call: Omit<Call, 'method'>) => requester.json<T>({ method: 'POST', ...call });

  return {
    list: async (company: string, { signal }: Abortable = {}): Promise<ShownWebhook[]> => {
      const call: Call = { method: 'GET', path: path(company), signal };
      return (await requester.json<{ webhooks: ShownWebhook[] }>(call)).webhooks;
    },
    /** The answer holds the secret, which is never answered again. `events` left out: all. */
    add: (
      company: string,
      fields: WebhookFields & { secret?: string },
      { signal }: Abortable = {},
    ): Promise<NewWebhook> => post({ path: path(company), json: fields, signal }),
    get: (company: string, id: number, { signal }: Abortable = {}): Promise<ShownWebhook> =>
      requester.json({ method: 'GET', path: path(company, id), signal }),
    change: (
      company: string,
      id: number,
      changes: Partial<WebhookFields> & { enabled?: boolean },
      { signal }: Abortable = {},
    ): Promise<ShownWebhook> => requester.json({ method: 'PATCH', path: path(company, id), json: changes, signal }),
    remove: async (company: string, id: number, { signal }: Abortable = {}): Promise<void> => {
      await requester.send({ method: 'DELETE', path: path(company, id), signal });
    },
    /** A new secret; the one before signs too for `overlapSeconds`. */
    rotateSecret: (
      company: string,
      id: number,
      { secret, overlapSeconds, signal }: { secret?: string; overlapSeconds?: number } & Abortable = {},
    ): Promise<WebhookSecret> =>
      post({ path: path(company, id, 'secret'), json: { secret, overlap_seconds: overlapSeconds }, signal }),
    /** Sends a `webhook.test`. */
    test: (company: string, id: number, { signal }: Abortable = {}): Promise<ShownDelivery> =>
      post({ path: path(company, id, 'test'), signal }),
    /** All that has happened since then and failed; answers how many. */
    resendFailed: async (company: string, id: number, since: string, { signal }: Abortable = {}): Promise<number> =>
      (await post<{ deliveries: number }>({ path: path(company, id, 'resend'), json: { since }, signal })).deliveries,
    /** What it was told, the newest first. */
    deliveries: (
      company: string,
      id: number,
      { state, signal }: { state?: ShownDelivery['state'] } & Abortable = {},
    ): AsyncGenerator<ShownDelivery, void, undefined> =>
      everyPage<ShownDelivery, string | undefined>(undefined, async (cursor) => {
        const call: Call = { method: 'GET', path: path(company, id, 'deliveries'), query: { state, cursor }, signal };
        const page = await requester.json<DeliveryPage>(call);
        return { entries: page.deliveries, next: page.next_cursor };
      }),
    resend: (company: string, id: number, delivery: number, { signal }: Abortable = {}): Promise<ShownDelivery> =>
      post({ path: path(company, id, 'deliveries', delivery, 'resend'), signal }),
  };
}
