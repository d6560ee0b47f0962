/** A row of the original service's `ChatFile` table, as a database or an export gives it → what an import works with. */
import * as z from 'zod';
import type { Uploader } from '../contract/chat-file.ts';
import { cleanFileName } from './file-name.ts';
import { isScopeId } from './participant.ts';

/** What a table has to have to be that one. Its other columns are not needed. */
export const SOURCE_COLUMNS = [
  'id',
  'company_id',
  'session_id',
  'uploader',
  'file',
  'original_name',
  'size',
  'created_at',
] as const;
export type RawRow = Record<string, unknown>;

export type SourceRow = {
  /** The row's key, as text. */
  sourceId: string;
  /** The same as a number; null where it is none (a UUID). */
  id: number | null;
  company: string;
  session: string;
  uploader: Uploader;
  /** Of the bytes, below the media folder, as the row says it: nothing of it is checked. */
  path: string;
  /** Cleaned as an upload's. */
  name: string;
  /** What the row says; the bytes may be others. */
  statedBytes: number | null;
  /** Milliseconds since the epoch. */
  createdAt: number;
};

export type RowFault = { code: 'invalid-row' | 'invalid-id'; detail: string };
export type ReadRow = { row: SourceRow } | { fault: RowFault; sourceId: string };

const MAX_SOURCE_ID_CHARACTERS = 64;
const MAX_SHOWN_CHARACTERS = 80;
/** 2025-09-04 12:34:56.789012+00 (PostgreSQL, SQLite), 2025-09-04T12:34:56.789Z (dumpdata). */
const TIME = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?) ?(Z|[+-]\d\d(?::?\d\d)?)?$/;

const text = z.union([z.string(), z.number(), z.bigint()]).transform(String);
const rowSchema = z.object({
  id: text.pipe(z.string().min(1).max(MAX_SOURCE_ID_CHARACTERS)),
  company_id: text,
  session_id: text,
  uploader: z.enum(['user', 'agent']),
  file: z.string().min(1),
  original_name: z.string().nullish(),
  size: z.unknown(),
  created_at: z.union([z.string(), z.date()]).transform(readTime),
});

/** @param nowMs a time that is still to come is taken for this */
export function readSourceRow(raw: RawRow, nowMs: number): ReadRow {
  // Not of an object: one may have no words for itself.
  const sourceId = typeof raw.id === 'object' ? '' : String(raw.id ?? '').slice(0, MAX_SOURCE_ID_CHARACTERS);
  const read = rowSchema.safeParse(raw);
  if (!read.success) {
    const columns = [...new Set(read.error.issues.map(({ path }) => String(path[0])))];
    return faulty(sourceId, 'invalid-row', `its ${columns.join(', ')} cannot be read`);
  }
  const { company_id: company, session_id: session, uploader, file, original_name: name } = read.data;
  if (Number.isNaN(read.data.created_at)) return faulty(sourceId, 'invalid-row', 'its created_at is no time');
  const ids = Object.entries({ company_id: company, session_id: session });
  const odd = ids.find(([, id]) => !isScopeId(id));
  if (odd !== undefined) {
    const [column, id] = odd;
    // No token could name it, so nobody could ever see the file.
    const shown = JSON.stringify(id.slice(0, MAX_SHOWN_CHARACTERS));
    return faulty(sourceId, 'invalid-id', `${column} ${shown} is not 1 to 64 of A-Z a-z 0-9 _ -`);
  }
  return {
    row: {
      sourceId: read.data.id,
      id: wholeNumber(read.data.id),
      company,
      session,
      uploader,
      path: file,
      name: cleanFileName(name || file),
      statedBytes: wholeNumber(read.data.size),
      createdAt: Math.min(read.data.created_at, nowMs),
    },
  };
}

function faulty(sourceId: string, code: RowFault['code'], detail: string): ReadRow {
  return { fault: { code, detail }, sourceId };
}

/** Without a zone it is UTC, which is how Django keeps times unless it was told otherwise. @returns NaN where it is no time */
function readTime(value: string | Date): number {
  if (value instanceof Date) return value.getTime();
  const [, day, time, zone = 'Z'] = TIME.exec(value.trim()) ?? [];
  if (day === undefined) return Number.NaN;
  const digits = zone.replace(':', '');
  const offset = zone === 'Z' ? 'Z' : `${digits.slice(0, 3)}:${digits.slice(3) || '00'}`;
  return Date.parse(`${day}T${time}${offset}`);
}

/** Null where it is none, or one that JSON cannot carry. */
function wholeNumber(value: unknown): number | null {
  if (typeof value !== 'number' && !/^\d{1,16}$/.test(String(value))) return null;
  const number = Number(value);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}
