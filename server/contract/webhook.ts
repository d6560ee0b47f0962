/** What a company's own server is told of, by webhooks as Standard Webhooks describes them. */
import type { ChatFile, Uploader } from './chat-file.ts';
import type { RemovalReason } from './events.ts';
import type { ProblemCode } from './problem.ts';

/** What an endpoint can be told of. */
export const WEBHOOK_EVENTS = ['file.shared', 'file.removed', 'file.infected', 'upload.failed'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];
/** `webhook.test`: somebody asked for it. */
export type WebhookType = WebhookEvent | 'webhook.test';

type InCompany = { company_id: string };
type InSession = InCompany & { session_id: string };

/** `url` and `thumbnail` are signed when it is sent. */
export type SharedFile = ChatFile;
/** The same of a file that is gone by the time it is sent. */
export type SharedFileGone = InSession & { id: number; seq: number; gone: true };
export type RemovedFile = InSession & { id: number; seq: number; reason: RemovalReason };
/** As in `GET /api/admin/infections/`. */
export type InfectedFile = InSession & {
  id: number;
  found_at: string;
  uploader: Uploader;
  /** The token's `sub`; null where there was none. */
  subject: string | null;
  upload_id: string;
  /** Null: it was never shared. */
  file_id: number | null;
  name: string;
  size: number;
  sha256: string;
  /** What the scanner calls it. */
  signature: string;
};
/** The same of a find that is forgotten by then. */
export type InfectedFileGone = InSession & { id: number; gone: true };
/** `expired`: it was not gone on with in time. */
export type UploadFailureCode = ProblemCode | 'expired';
export type FailedUpload = InCompany & {
  id: string;
  /** Null where it was sent in one request that had not named one yet. */
  session_id: string | null;
  /** Null where it was not said, or is forgotten by then; the same of the next two. */
  uploader: Uploader | null;
  name: string | null;
  /** Bytes, as announced. */
  size: number | null;
  code: UploadFailureCode;
  /** A sentence for people. */
  reason: string;
};
export type WebhookTest = InCompany & { webhook_id: number };

/** `timestamp`: when it happened, RFC 3339, UTC. */
type Message<Type extends WebhookType, Data> = { type: Type; timestamp: string; data: Data };
export type WebhookMessage =
  | Message<'file.shared', SharedFile | SharedFileGone>
  | Message<'file.removed', RemovedFile>
  | Message<'file.infected', InfectedFile | InfectedFileGone>
  | Message<'upload.failed', FailedUpload>
  | Message<'webhook.test', WebhookTest>;

/** An endpoint, as the operator's API shows it. */
export type ShownWebhook = {
  id: number;
  company_id: string;
  url: string;
  description: string;
  events: WebhookEvent[];
  enabled: boolean;
  disabled_at: string | null;
  /** `gone`: it answered 410; `failing`: it took nothing for five days. */
  disabled_reason: 'operator' | 'gone' | 'failing' | null;
  /** In a row; 0 once it takes one. */
  failures: number;
  failing_since: string | null;
  created_at: string;
};
/** The only answers that hold a secret. */
export type NewWebhook = ShownWebhook & { secret: string };
export type WebhookSecret = { secret: string };

/** What an endpoint was told, or will be. */
export type ShownDelivery = {
  id: number;
  webhook_id: number;
  /** `webhook-id`: the same for every try. */
  message_id: string;
  type: WebhookType;
  session_id: string | null;
  subject_id: string | null;
  seq: number | null;
  occurred_at: string;
  state: 'waiting' | 'delivered' | 'failed';
  attempts: number;
  next_attempt_at: string | null;
  /** The last try; what follows is of it. */
  attempted_at: string | null;
  /** Null: there was no answer. */
  status: number | null;
  duration_ms: number | null;
  last_error: string | null;
  response: string | null;
};
export type DeliveryPage = { deliveries: ShownDelivery[]; next_cursor: string | null };
