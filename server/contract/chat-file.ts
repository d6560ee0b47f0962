/** A file of a chat and an unfinished upload, as they cross the wire. */

export type Uploader = 'user' | 'agent';

/** A file shared in a chat, by the original API's names. */
export type ChatFile = {
  id: number;
  company_id: string;
  session_id: string;
  uploader: Uploader;
  /** Absolute signed link to the bytes; lasts `SIGNED_URL_EXPIRY` (one hour). */
  url: string;
  name: string;
  /** The same as `name`: the original API used both. */
  original_name: string;
  /** What the bytes are, never what the client said. */
  mime_type: string;
  /** Bytes. */
  size: number;
  /** Absolute signed link to a small picture, or null. */
  thumbnail: string | null;
  /** RFC 3339, UTC. */
  created_at: string;
  /** The ledger entry that shared the file. */
  seq: number;
  width: number | null;
  height: number | null;
  /** thumbhash, base64. */
  placeholder: string | null;
  scan: 'clean' | 'not_scanned';
  /** Hex, or null while unknown. */
  sha256: string | null;
};

/** `GET /api/chat/files/` */
export type FileList = {
  files: ChatFile[];
  /** All that match, not only this page. */
  count: number;
  next_cursor: string | null;
  /** The ledger's place as of this answer: connect with `after` = this. */
  seq: number;
};

/** An entry of `GET /api/chat/sessions/`: a chat in which something was shared or is on its way. */
export type ChatSession = {
  session_id: string;
  company_id: string;
  /** The newest one that is still there. */
  last_file: ChatFile | null;
  files_count: number;
  uploads_under_way: number;
  /** RFC 3339, UTC: the last file that came or went, or upload that began. */
  last_activity_at: string;
};

/** `GET /api/chat/sessions/`, newest activity first. */
export type SessionList = {
  sessions: ChatSession[];
  next_cursor: string | null;
  /** The ledger's place as of this answer: exactly what came until then is counted in it. */
  seq: number;
};

/**
 * How an upload stands, as others see it. `checking`: all bytes are here. `error`: something that passes keeps them from
 * being shared. `unscannable`: refused, since the virus scanner cannot check it; listed until it expires.
 */
export type UploadState = 'uploading' | 'checking' | 'unscannable' | 'error';

/** An entry of `GET /api/chat/uploads/`. `upload_url` and `file_key` only for the uploader. */
export type UnfinishedUpload = {
  id: string;
  upload_url?: string;
  file_key?: string | null;
  name: string;
  mime_type: string | null;
  /** Bytes; null while the length is deferred. */
  size: number | null;
  offset: number;
  uploader: Uploader;
  state: UploadState;
  expires_at: string;
};

/** Who the server takes the caller for. */
export type Caller = {
  role: Uploader;
  company_id: string;
  /** Null: an agent who reaches every session of the company. */
  session_id: string | null;
};

/** `GET /api/chat/config/` */
export type ChatConfig = {
  /** Bytes. */
  max_file_size: number;
  allowed_types: string[];
  uploads_per_minute: number;
  /** Seconds an unfinished upload is kept after its last byte. */
  upload_expiry: number;
  tus_endpoint: string;
  /** Files are shared only once a virus scanner has found them clean. */
  scans_files: boolean;
  /** Of which a thumbnail is made here; none of any other. */
  preview_types: string[];
  caller: Caller;
};
