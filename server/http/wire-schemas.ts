/** What the API answers, as schemas: the OpenAPI document is made of them, and a test holds them against `contract/`. */
import * as z from 'zod';
import { FILE_KINDS, type FileKind } from '../contract/file-filter.ts';
import { WEBHOOK_EVENTS } from '../contract/webhook.ts';
import { AUDIT_ACTIONS } from '../database/audit-table.ts';
import { bytes, chatFile, fileList, problem, seq, time, uploader } from '../rules/chat-schemas.ts';
import { companyPolicySchema } from '../rules/company-policy.ts';

const unfinishedUpload = z.object({
  id: z.string(),
  upload_url: z.string().optional().describe('for the uploader only'),
  file_key: z.string().nullable().optional().describe('for the uploader only'),
  name: z.string(),
  mime_type: z.string().nullable(),
  size: bytes.nullable().describe('null while the length is deferred'),
  offset: bytes,
  uploader,
  state: z.enum(['uploading', 'checking', 'unscannable', 'error']),
  expires_at: time,
});

const chatSession = z.object({
  session_id: z.string(),
  company_id: z.string(),
  last_file: chatFile.nullable().describe('the newest one that is still there'),
  files_count: z.int().min(0),
  uploads_under_way: z.int().min(0),
  last_activity_at: time,
});

const chatConfig = z.object({
  max_file_size: bytes,
  allowed_types: z.array(z.string()),
  uploads_per_minute: z.int().min(1),
  upload_expiry: z.int().min(1).describe('seconds after the last byte'),
  tus_endpoint: z.string(),
  scans_files: z.boolean().describe('files are shared once a virus scanner has found them clean'),
  preview_types: z.array(z.string()).describe('types of which a thumbnail is made here'),
  caller: z.object({
    role: uploader,
    company_id: z.string(),
    session_id: z.string().nullable().describe('null: an agent who reaches every session of the company'),
  }),
});

const jobReport = z.object({
  counts: z.record(z.string(), z.int().min(0)).describe('all that are owed, by kind'),
  jobs: z.array(
    z.object({
      kind: z.string(),
      key: z.string().describe('of the upload or the stored object'),
      state: z.enum(['due', 'running', 'waiting']),
      attempts: z.int().min(0),
      since: time.nullable().describe('when what it is about began, where that is known'),
      next_attempt_at: time.nullable(),
      last_error: z.string().nullable(),
    }),
  ),
  chores: z.array(
    z.object({
      name: z.string(),
      failures: z.int().min(0).describe('in a row; 0 once it works again'),
      failures_total: z.int().min(0),
      last_error: z.string().nullable(),
      last_failed_at: time,
    }),
  ),
});

const auditEntry = z.object({
  id: z.int().positive(),
  at: time,
  company_id: z.string().describe('empty: all of them'),
  session_id: z.string().nullable().describe('null: the whole company'),
  role: z.enum(['user', 'agent', 'link', 'operator', 'server']).describe('link: whoever has one'),
  subject: z.string().nullable().describe('the token’s sub'),
  action: z.enum(AUDIT_ACTIONS),
  file_id: z.int().positive().nullable().describe('it may be gone'),
  name: z.string().nullable(),
  address: z.string().nullable(),
  detail: z.record(z.string(), z.unknown()).describe('words and numbers: user_agent, files, reason'),
});

const infection = z.object({
  id: z.int().positive(),
  found_at: time,
  company_id: z.string(),
  session_id: z.string(),
  uploader: z.enum(['user', 'agent']),
  subject: z.string().nullable().describe('the token’s sub; null where the upload’s row is gone'),
  upload_id: z.string(),
  file_id: z.int().positive().nullable().describe('null: it was never shared'),
  name: z.string(),
  size: z.int().min(0),
  sha256: z.string(),
  signature: z.string().describe('what the scanner calls it'),
});

const deletion = z.object({
  id: z.int().min(1),
  kind: z.enum(['file', 'session', 'visitor', 'company', 'retention']),
  company_id: z.string(),
  session_id: z.string().nullable(),
  file_id: z.int().nullable(),
  requested_by: z.object({
    role: z.enum(['user', 'agent', 'admin', 'cli', 'retention', 'server']),
    subject: z.string().nullable(),
  }),
  requested_at: time,
  files: z.int().min(0).describe('gone so far'),
  bytes: bytes.describe('of these files'),
  uploads: z.int().min(0).describe('unfinished ones that were ended'),
  rows_removed_at: time.nullable().describe('from here on nobody sees anything of it'),
  objects_left: z.int().min(0).describe('stored objects that the store has not deleted yet'),
  uploads_left: z.int().min(0).describe('unfinished uploads whose bytes the store has not deleted yet'),
  completed_at: time.nullable().describe('nothing is left'),
  attempts: z.int().min(0),
  next_attempt_at: time.nullable(),
  last_error: z.string().nullable(),
});

const companyKey = z.object({
  id: z.string(),
  kind: z.enum(['secret', 'public']),
  fingerprint: z.string().describe('to compare keys by'),
  created_at: time,
});

const shownPolicy = z.object({
  company_id: z.string(),
  version: z.int().min(0).describe('goes up with each change; 0: never set'),
  updated_at: time.nullable(),
  policy: companyPolicySchema.describe('what the company has of its own'),
  effective: companyPolicySchema.describe('what holds: its own, else the settings'),
});

const companyList = z.object({
  companies: z.array(
    z.object({
      company_id: z.string(),
      bytes: bytes.describe('shared and on their way'),
      version: z.int().min(0),
      keys: z.int().min(0),
    }),
  ),
  next_after: z.string().nullable().describe('for the next page'),
});

const webhook = z.object({
  id: z.int().min(1),
  company_id: z.string(),
  url: z.url(),
  description: z.string(),
  events: z.array(z.enum(WEBHOOK_EVENTS)),
  enabled: z.boolean(),
  disabled_at: time.nullable(),
  disabled_reason: z
    .enum(['operator', 'gone', 'failing'])
    .nullable()
    .describe('gone: it answered 410; failing: nothing was taken for five days'),
  failures: z.int().min(0).describe('in a row; 0 once it takes one'),
  failing_since: time.nullable(),
  created_at: time,
});

const webhookSecret = z.string().describe('whsec_…');

const webhookDelivery = z.object({
  id: z.int().min(1),
  webhook_id: z.int().min(1),
  message_id: z.string().describe('webhook-id: the same for every try'),
  type: z.enum([...WEBHOOK_EVENTS, 'webhook.test']),
  session_id: z.string().nullable(),
  subject_id: z.string().nullable().describe('of the file, the upload or the find'),
  seq: seq.nullable(),
  occurred_at: time,
  state: z.enum(['waiting', 'delivered', 'failed']),
  attempts: z.int().min(0),
  next_attempt_at: time.nullable(),
  attempted_at: time.nullable().describe('the last try; what follows is of it'),
  status: z.int().nullable().describe('null: there was no answer'),
  duration_ms: z.int().min(0).nullable(),
  last_error: z.string().nullable(),
  response: z.string().nullable().describe('the beginning of the answer, 1 KiB at most'),
});

const health = z.object({
  at: time,
  version: z.string(),
  uptime_seconds: z.int().min(0),
  parts: z.array(
    z.object({
      name: z.enum(['database', 'storage', 'scanner', 'redis', 'nodes']),
      state: z.enum(['works', 'away', 'off']).describe('away: it does not work, or has not answered in time'),
      detail: z.string(),
      ms: z.int().min(0).nullable().describe('until it answered'),
    }),
  ),
  disks: z.array(z.object({ holds: z.enum(['files', 'data']), free_bytes: bytes, total_bytes: bytes })),
});

const boundedCount = z.object({ count: z.int().min(0), is_more: z.boolean().describe('it was counted no further') });
const total = z.int();
const refused = z.record(z.string(), total).describe('by error code');
const day = z.iso.date().describe('UTC');

const overview = z.object({
  at: time,
  live: z.object({
    uploading: boundedCount,
    checking: boundedCount,
    uploads: z.array(
      z.object({
        id: z.string(),
        company_id: z.string(),
        session_id: z.string(),
        uploader,
        name: z.string(),
        mime_type: z.string().nullable(),
        size: bytes.nullable(),
        offset: bytes,
        state: z.enum(['uploading', 'checking', 'waiting']),
        is_part: z.boolean().describe('of a parallel upload'),
        created_at: time,
        active_at: time.describe('of the last bytes'),
        last_error: z.string().nullable(),
      }),
    ),
  }),
  failures: z.object({
    days: z.array(z.object({ day, refused, cancelled: total, expired: total })),
    latest: z.array(
      z.object({
        id: z.string(),
        company_id: z.string(),
        session_id: z.string(),
        uploader,
        name: z.string(),
        size: bytes.nullable(),
        code: z.string(),
        created_at: time,
      }),
    ),
  }),
  storage: z.object({
    bytes,
    companies_count: z.int().min(0),
    companies: z.array(z.object({ company_id: z.string(), bytes })),
    ages: z.array(z.object({ weeks: z.int().nullable(), files: total, bytes: total })),
  }),
  quarantine: z.object({
    is_scanning: z.boolean(),
    infections: z.array(
      z.object({
        company_id: z.string(),
        session_id: z.string(),
        name: z.string(),
        signature: z.string(),
        size: bytes,
        found_at: time,
      }),
    ),
  }),
});

const dayNumbers = z.object({
  files: total,
  bytes: total,
  kinds: z.object(Object.fromEntries(FILE_KINDS.map((kind) => [kind, total])) as Record<FileKind, typeof total>),
  uploads_begun: total,
  uploads_resumed: total.describe('gone on with after a break'),
  uploads_saved: total.describe('so, and finished'),
  uploads_cancelled: total,
  uploads_expired: total,
  refused,
  first_file_chats: total,
  first_file_median_seconds: z.number().nullable(),
});

const analytics = z.object({
  from: day,
  to: day,
  company_id: z.string().nullable(),
  totals: dayNumbers,
  days: z.array(dayNumbers.extend({ day })),
  first_file_steps: z.array(z.object({ up_to_seconds: z.int().nullable(), chats: total })),
  companies: z.array(
    z.object({
      company_id: z.string(),
      files: total,
      bytes: total,
      uploads_begun: total,
      uploads_saved: total,
      refused: total,
    }),
  ),
  companies_count: z.int().min(0),
});

/** By their names in the document. */
export const WIRE_SCHEMAS = {
  ChatFile: chatFile,
  FileList: fileList,
  UnfinishedUpload: unfinishedUpload,
  UnfinishedUploads: z.object({ uploads: z.array(unfinishedUpload) }),
  SessionList: z.object({ sessions: z.array(chatSession), next_cursor: z.string().nullable(), seq }),
  ChatConfig: chatConfig,
  Problem: problem,
  Health: health,
  Overview: overview,
  Analytics: analytics,
  JobReport: jobReport,
  InfectionPage: z.object({ infections: z.array(infection), next_cursor: z.string().nullable() }),
  AuditPage: z.object({ entries: z.array(auditEntry), next_cursor: z.string().nullable() }),
  ArchiveLink: z.object({ url: z.url(), expires_at: time }),
  Deletion: deletion,
  Deletions: z.object({ deletions: z.array(deletion) }),
  CompanyList: companyList,
  ShownPolicy: shownPolicy,
  CompanyKey: companyKey,
  CompanyKeys: z.object({ keys: z.array(companyKey) }),
  Webhook: webhook,
  NewWebhook: webhook.extend({ secret: webhookSecret }),
  Webhooks: z.object({ webhooks: z.array(webhook) }),
  WebhookSecret: z.object({ secret: webhookSecret }),
  WebhookDelivery: webhookDelivery,
  WebhookDeliveries: z.object({ deliveries: z.array(webhookDelivery), next_cursor: z.string().nullable() }),
  WebhookResent: z.object({ deliveries: z.int().min(0) }),
  Alive: z.object({ status: z.literal('ok') }),
  Ready: z.object({
    status: z.enum(['ready', 'not ready']),
    checks: z.object({ database: z.boolean(), storage: z.boolean(), server: z.boolean() }),
    degraded: z.array(z.string()).optional().describe('what works without, but not as well'),
  }),
  DemoTokens: z.object({
    company_id: z.string(),
    session_id: z.string(),
    user_token: z.string(),
    agent_token: z.string(),
    dashboard_token: z.string().describe('an agent’s, for the whole company'),
    expires_at: time,
  }),
};

export type WireSchemaName = keyof typeof WIRE_SCHEMAS;
