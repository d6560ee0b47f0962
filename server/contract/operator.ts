/** What the operator's page reads: how each part is, what is under way, what failed, and what was counted by day. */
import type { FileKind } from './file-filter.ts';

/** `away`: it does not work, or has not answered in time. */
export type PartState = 'works' | 'away' | 'off';

/** `GET /api/admin/health/`, of the node that answers. */
export type Health = {
  at: string;
  version: string;
  uptime_seconds: number;
  parts: {
    name: 'database' | 'storage' | 'scanner' | 'redis' | 'nodes';
    state: PartState;
    /** What it is, or why it is away. */
    detail: string;
    /** How long it took to answer; null where it was not asked. */
    ms: number | null;
  }[];
  disks: { holds: 'files' | 'data'; free_bytes: number; total_bytes: number }[];
};

/** An upload that is not a file yet. */
export type LiveUpload = {
  /** Names it; no URL can be made of it. */
  id: string;
  company_id: string;
  session_id: string;
  uploader: 'user' | 'agent';
  name: string;
  mime_type: string | null;
  /** Null while it is not known. */
  size: number | null;
  offset: number;
  /** `checking`: all bytes are here. `waiting`: so, and a check or the store has to be tried again. */
  state: 'uploading' | 'checking' | 'waiting';
  /** Of a parallel upload. */
  is_part: boolean;
  created_at: string;
  /** Of the last bytes, by the time at which it expires. */
  active_at: string;
  last_error: string | null;
};

/** `is_more`: it was counted no further. */
export type BoundedCount = { count: number; is_more: boolean };

/** `GET /api/admin/overview/` */
export type Overview = {
  at: string;
  live: { uploading: BoundedCount; checking: BoundedCount; uploads: LiveUpload[] };
  failures: {
    /** The last seven days (UTC), oldest first: refusals by code, and what ended otherwise. */
    days: { day: string; refused: Record<string, number>; cancelled: number; expired: number }[];
    /** Uploads that were refused after they had begun, newest first, for as long as their rows are kept. */
    latest: {
      id: string;
      company_id: string;
      session_id: string;
      uploader: 'user' | 'agent';
      name: string;
      size: number | null;
      code: string;
      created_at: string;
    }[];
  };
  storage: {
    bytes: number;
    companies_count: number;
    /** The largest. */
    companies: { company_id: string; bytes: number }[];
    /** By the week in which files were shared, the newest first; `weeks` null: all before. */
    ages: { weeks: number | null; files: number; bytes: number }[];
  };
  quarantine: {
    is_scanning: boolean;
    infections: {
      company_id: string;
      session_id: string;
      name: string;
      signature: string;
      size: number;
      found_at: string;
    }[];
  };
};

/** Sums of some days; see `docs/admin.md` for what each is. */
export type DayNumbers = {
  files: number;
  bytes: number;
  kinds: Record<FileKind, number>;
  uploads_begun: number;
  uploads_resumed: number;
  uploads_saved: number;
  uploads_cancelled: number;
  uploads_expired: number;
  /** By code. */
  refused: Record<string, number>;
  /** Chats that got their first file. */
  first_file_chats: number;
  /** Null where there are none. */
  first_file_median_seconds: number | null;
};

/** `GET /api/admin/analytics/` */
export type Analytics = {
  from: string;
  to: string;
  company_id: string | null;
  totals: DayNumbers;
  /** Every day of the range, oldest first. */
  days: (DayNumbers & { day: string })[];
  /** How many chats had their first file within so many seconds, and not within fewer; null: later. */
  first_file_steps: { up_to_seconds: number | null; chats: number }[];
  /** Those with most files, and how many there are; empty where one company is asked for. */
  companies: {
    company_id: string;
    files: number;
    bytes: number;
    uploads_begun: number;
    uploads_saved: number;
    refused: number;
  }[];
  companies_count: number;
};
