/** What the operator's API answers and takes. A test holds these types against the schemas of the OpenAPI document. */
import type { Uploader } from './chat-file.ts';

/** What a company has of its own. Left out: as in the settings. Null, where it is allowed: no bound. */
export type CompanyPolicyFields = {
  /** `image/*` and `*` work. */
  allowed_types_user?: string[] | undefined;
  allowed_types_agent?: string[] | undefined;
  /** Bytes. */
  max_file_size?: number | undefined;
  uploads_per_minute?: number | undefined;
  max_pending_uploads?: number | undefined;
  max_files?: number | undefined;
  /** Bytes. */
  max_pending_size?: number | undefined;
  /** Bytes. */
  bytes_per_day?: number | null | undefined;
  /** Bytes. */
  quota?: number | null | undefined;
  retention_user_seconds?: number | null | undefined;
  retention_agent_seconds?: number | null | undefined;
  strip_metadata?: boolean | undefined;
  /** Pixels of the longest side. */
  compress_images?: number | null | undefined;
  scan_required?: boolean | undefined;
  refuse_encrypted?: boolean | undefined;
  allowed_origins?: string[] | undefined;
  jwks_url?: string | undefined;
  jwt_issuer?: string | null | undefined;
  jwt_audience?: string | null | undefined;
  server_keys?: boolean | undefined;
};

/** `GET /api/admin/companies/{company}/policy/` */
export type ShownCompanyPolicy = {
  company_id: string;
  /** Goes up with each change; 0: never set. */
  version: number;
  updated_at: string | null;
  policy: CompanyPolicyFields;
  /** What holds: its own, else the settings. */
  effective: CompanyPolicyFields;
};

/** An entry of `GET /api/admin/companies/`. `bytes`: shared and on their way. */
export type HeldCompany = { company_id: string; bytes: number; version: number; keys: number };
export type CompanyPage = { companies: HeldCompany[]; next_after: string | null };

export type ShownCompanyKey = { id: string; kind: 'secret' | 'public'; fingerprint: string; created_at: string };
export type CompanyKeyList = { keys: ShownCompanyKey[] };

/** The receipt of a deletion; nothing is left of it once `completed_at` is set. */
export type DeletionReceipt = {
  id: number;
  kind: 'file' | 'session' | 'visitor' | 'company' | 'retention';
  company_id: string;
  session_id: string | null;
  file_id: number | null;
  requested_by: { role: 'user' | 'agent' | 'admin' | 'cli' | 'retention' | 'server'; subject: string | null };
  requested_at: string;
  files: number;
  bytes: number;
  uploads: number;
  rows_removed_at: string | null;
  objects_left: number;
  uploads_left: number;
  completed_at: string | null;
  attempts: number;
  next_attempt_at: string | null;
  last_error: string | null;
};
export type DeletionList = { deletions: DeletionReceipt[] };

/** `GET /api/admin/jobs/` */
export type JobOverview = {
  counts: Record<string, number>;
  jobs: {
    kind: string;
    key: string;
    state: 'due' | 'running' | 'waiting';
    attempts: number;
    next_attempt_at: string | null;
    /** When what it is about began, where that is known. */
    since: string | null;
    last_error: string | null;
  }[];
  chores: {
    name: string;
    failures: number;
    failures_total: number;
    last_error: string | null;
    last_failed_at: string;
  }[];
};

export type AuditRecord = {
  id: number;
  at: string;
  company_id: string;
  session_id: string | null;
  role: 'user' | 'agent' | 'link' | 'operator' | 'server';
  subject: string | null;
  /** One of the words in the README; a newer server may know more. */
  action: string;
  file_id: number | null;
  name: string | null;
  address: string | null;
  detail: Record<string, unknown>;
};
export type AuditPage = { entries: AuditRecord[]; next_cursor: string | null };

export type FoundInfection = {
  id: number;
  found_at: string;
  company_id: string;
  session_id: string;
  uploader: Uploader;
  subject: string | null;
  upload_id: string;
  file_id: number | null;
  name: string;
  size: number;
  sha256: string;
  signature: string;
};
export type InfectionPage = { infections: FoundInfection[]; next_cursor: string | null };
