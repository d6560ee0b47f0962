/** Everything that goes over a socket. Each event's payload carries its own name as `type`. */
import type { ChatFile, Uploader } from './chat-file.ts';
import type { ProblemCode } from './problem.ts';

type InSession = { company_id: string; session_id: string };

/** First event on every connection (and after each `join`). `seq`: the ledger's place now. */
export type ConnectionEstablished = {
  type: 'connection_established';
  message: string;
  company_id: string;
  /** Null for an agent who has joined no session yet. */
  session_id: string | null;
  seq: number;
};

export type FileShared = { type: 'file_shared' } & ChatFile;
export type FileUpdated = { type: 'file_updated' } & ChatFile;
export type RemovalReason = 'deleted' | 'session_deleted' | 'retention' | 'infected';
export type FileRemoved = { type: 'file_removed'; id: number; seq: number; reason: RemovalReason } & InSession;
export type FileListEvent = {
  type: 'file_list';
  files: ChatFile[];
  count: number;
  next_cursor: string | null;
  seq: number;
} & InSession;

/**
 * `checking`: all bytes are here, the virus scanner has them. `error`: it is away, the server tries again by itself.
 * `unscannable`: it cannot check this file, which is refused.
 */
export type ProgressState = 'uploading' | 'checking' | 'error' | 'done' | 'failed' | 'cancelled' | 'unscannable';

/** Another participant's upload on its way; passing, at most one a second for each upload. */
export type UploadProgress = {
  type: 'upload_progress';
  /** The `id` in `GET /api/chat/uploads/`: it names the card, not the upload's URL. */
  upload_id: string;
  uploader: Uploader;
  name: string;
  size: number | null;
  offset: number;
  state: ProgressState;
} & InSession;

/** `resync`: `after` is older than the ledger that is kept; a `file_list` follows. */
export type ErrorEvent = { type: 'error'; code: ProblemCode | 'resync'; detail: string };

/** Entries of the ledger: they carry `seq`, and are delivered once and in order. */
export type LedgerEvent = FileShared | FileUpdated | FileRemoved;
export type ServerEvent = ConnectionEstablished | LedgerEvent | FileListEvent | UploadProgress | ErrorEvent;

/** Client → server, besides the handshake. */
export type RequestFileList = {
  session_id?: string | undefined;
  company_id?: string | undefined;
  cursor?: string | undefined;
};
export type Join = { session_id: string; after?: number | undefined };
export type Leave = { session_id: string };
