/** One row of `uploads`, as an object: the column names are known here and in the table's queries only. */
import type { Knex } from 'knex';
import type { Uploader } from '../contract/chat-file.ts';
import type { ProblemCode } from '../contract/problem.ts';
import type { Client } from '../rules/actor.ts';
import type { Columns } from './statement.ts';

/**
 * `open → finishing → finished | rejected`, `open → aborted | expired`, and for a partial upload `open → joined` when it
 * has become part of a final one; each step is a compare-and-set.
 */
export type UploadRowState = 'open' | 'finishing' | 'finished' | 'rejected' | 'aborted' | 'expired' | 'joined';

export type UploadRecord = {
  id: string;
  company: string;
  session: string;
  uploader: Uploader;
  subject: string | null;
  name: string;
  declaredType: string | null;
  /** Null while the length is deferred. */
  sizeBytes: number | null;
  /** Held of the company's quota until the upload ends. */
  reservedBytes: number;
  /** The `Upload-Metadata` header as it was sent, to be echoed. */
  metadata: string | null;
  fileKey: string | null;
  /** What the client says the SHA-256 is, hex. */
  sha256: string | null;
  /** Comes in one request (multipart): it has no URL, and ends with that request. */
  oneRequest: boolean;
  /** The `Upload-Concat` header as it was sent: see `rules/upload-concat.ts`. */
  concat: string | null;
  state: UploadRowState;
  /** Set once the first bytes are checked. */
  mimeType: string | null;
  /** Where the bytes go at the finish; set by the first finish, so that every retry uses the same place. */
  storageKey: string | null;
  /** What came had the announced size and hash; what is stored may be without its metadata by now. */
  receivedChecked: boolean;
  /** As of the last request that ended; the storage knows better while one runs. */
  bytesReceived: number;
  /** How often its client came back to it while it was open; of a final upload, to its parts. */
  resumes: number;
  /** Where it stood when the client came back last; null if it never did. */
  resumedOffset: number | null;
  attempts: number;
  nextAttemptAt: number;
  /** Of the last job on it that failed; null once one has not. */
  lastError: string | null;
  refusal: { code: ProblemCode; detail: string } | null;
  fileId: number | null;
  createdAt: number;
  expiresAt: number;
  /** The client ended the tus resource of a finished upload; the file stays. */
  endedAt: number | null;
  /** Who created it; for the audit. */
  client?: Client;
};

export type NewUpload = Pick<
  UploadRecord,
  | 'id'
  | 'company'
  | 'session'
  | 'uploader'
  | 'subject'
  | 'name'
  | 'declaredType'
  | 'sizeBytes'
  | 'reservedBytes'
  | 'metadata'
  | 'fileKey'
  | 'sha256'
  | 'oneRequest'
  | 'concat'
  | 'createdAt'
  | 'expiresAt'
  | 'client'
> & {
  /** The process that has the one request; null where other requests follow. */
  holder: string | null;
};

/** What `find` answers for one that was just inserted. */
export function freshRecord({ holder: _, ...upload }: NewUpload): UploadRecord {
  return {
    ...upload,
    state: 'open',
    mimeType: null,
    storageKey: null,
    receivedChecked: false,
    bytesReceived: 0,
    resumes: 0,
    resumedOffset: null,
    attempts: 0,
    nextAttemptAt: 0,
    lastError: null,
    refusal: null,
    fileId: null,
    endedAt: null,
  };
}

export type Owner = Pick<UploadRecord, 'company' | 'session' | 'uploader' | 'subject'>;

// biome-ignore lint/suspicious/noExplicitAny: knex's own type of a row
export type Row = any;

/** Of a new one. */
export const NEW_ROW: Columns<NewUpload> = {
  id: (upload) => upload.id,
  company_id: (upload) => upload.company,
  session_id: (upload) => upload.session,
  uploader: (upload) => upload.uploader,
  subject: (upload) => upload.subject,
  name: (upload) => upload.name,
  declared_type: (upload) => upload.declaredType,
  size: (upload) => upload.sizeBytes,
  reserved_bytes: (upload) => upload.reservedBytes,
  metadata: (upload) => upload.metadata,
  file_key: (upload) => upload.fileKey,
  sha256: (upload) => upload.sha256,
  one_request: (upload) => upload.oneRequest,
  upload_concat: (upload) => upload.concat,
  lease_token: (upload) => (upload.holder === null ? null : `${upload.holder}.request`),
  client_address: (upload) => upload.client?.address ?? null,
  client_agent: (upload) => upload.client?.userAgent ?? null,
  state: () => 'open',
  created_at: (upload) => upload.createdAt,
  expires_at: (upload) => upload.expiresAt,
};

/** What `fromRow` reads. */
export const ROW_COLUMNS = [
  ...['id', 'company_id', 'session_id', 'uploader', 'subject', 'name', 'declared_type', 'size', 'reserved_bytes'],
  ...['metadata', 'file_key', 'sha256', 'one_request', 'upload_concat', 'state', 'mime_type', 'storage_key'],
  ...['received_checked', 'bytes_received', 'resumes', 'resumed_offset', 'attempts', 'next_attempt_at', 'last_error'],
  ...['refusal_code', 'refusal_detail', 'file_id', 'created_at', 'expires_at', 'ended_at', 'client_address'],
  'client_agent',
];

/** The same of an upload that is finished and has no row but its file's, as SQL; what is not here is null. */
export const OF_FILE: Readonly<Record<string, string>> = {
  id: 'upload_id',
  company_id: 'company_id',
  session_id: 'session_id',
  uploader: 'uploader',
  subject: 'upload_subject',
  name: 'original_name',
  size: 'upload_size',
  reserved_bytes: '0',
  metadata: 'upload_metadata',
  one_request: 'false',
  state: `'finished'`,
  mime_type: 'mime_type',
  storage_key: 'storage_key',
  received_checked: 'false',
  bytes_received: 'upload_size',
  resumes: '0',
  attempts: '0',
  next_attempt_at: '0',
  file_id: 'id',
  created_at: 'created_at',
  expires_at: 'upload_expires_at',
  ended_at: 'upload_ended_at',
};

export function fromRow(row: Row): UploadRecord {
  return {
    id: row.id,
    company: row.company_id,
    session: row.session_id,
    uploader: row.uploader,
    subject: row.subject,
    name: row.name,
    declaredType: row.declared_type,
    sizeBytes: row.size,
    reservedBytes: row.reserved_bytes,
    metadata: row.metadata,
    fileKey: row.file_key,
    sha256: row.sha256,
    oneRequest: Boolean(row.one_request),
    concat: row.upload_concat,
    state: row.state,
    mimeType: row.mime_type,
    storageKey: row.storage_key,
    receivedChecked: Boolean(row.received_checked),
    bytesReceived: row.bytes_received,
    resumes: row.resumes,
    resumedOffset: row.resumed_offset,
    attempts: row.attempts,
    nextAttemptAt: row.next_attempt_at,
    lastError: row.last_error,
    refusal: row.refusal_code === null ? null : { code: row.refusal_code, detail: row.refusal_detail },
    fileId: row.file_id,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    endedAt: row.ended_at,
    client: { address: row.client_address, userAgent: row.client_agent },
  };
}

/** The rows of one uploader: a visitor is company + session, an agent is company + subject. */
export function ownedBy(under: Knex, owner: Owner): Knex.QueryBuilder {
  const rows = under('uploads').where({ company_id: owner.company });
  // The role is written out, not bound: only then SQLite sees that the index of agents' unfinished uploads will do.
  return owner.uploader === 'agent'
    ? rows.andWhereRaw(`uploader = 'agent'`).andWhere({ subject: owner.subject })
    : rows.andWhereRaw(`uploader = 'user'`).andWhere({ session_id: owner.session });
}
