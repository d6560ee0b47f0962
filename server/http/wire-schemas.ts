/** What the API answers, as schemas: the OpenAPI document is made of them, and a test holds them against `contract/`. */
import { z } from 'zod';
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
  company_id: z.string(),
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

/** By their names in the document. */
export const WIRE_SCHEMAS = {
  ChatFile: chatFile,
  FileList: fileList,
  UnfinishedUpload: unfinishedUpload,
  UnfinishedUploads: z.object({ uploads: z.array(unfinishedUpload) }),
  SessionList: z.object({ sessions: z.array(chatSession), next_cursor: z.string().nullable(), seq }),
  ChatConfig: chatConfig,
  Problem: problem,
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
