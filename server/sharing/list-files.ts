/** The files of a session or of a company as a page: the same answer over HTTP and over a socket. */
import type { FileList, Uploader } from '../contract/chat-file.ts';
import type { FileKind, FileOrder } from '../contract/file-filter.ts';
import type { ChatFileTable, FilePlace } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import { Failure } from '../rules/failure.ts';
import type { PresentFile } from './present-file.ts';

const DEFAULT_PAGE_FILES = 50;
export const MAX_PAGE_FILES = 200;

type Needs = {
  files: Pick<ChatFileTable, 'list' | 'count'>;
  ledger: Pick<EventLedger, 'lastSeq'>;
  presentFile: PresentFile;
};

export type ListRequest = {
  limit?: number | undefined;
  cursor?: string | undefined;
  /** Oldest first when absent. */
  order?: FileOrder | undefined;
  mimeType?: string | undefined;
  kind?: FileKind | undefined;
  uploader?: Uploader | undefined;
  nameContains?: string | undefined;
};

/** `session` null: the whole company's. @throws {Failure} `invalid-request` for a cursor that no page in this order gave */
export type ListFiles = (company: string, session: string | null, request: ListRequest) => Promise<FileList>;

export function createListFiles({ files, ledger, presentFile }: Needs): ListFiles {
  return async (company, session, request) => {
    const place = placeOf(request);
    const limit = request.limit ?? DEFAULT_PAGE_FILES;
    // Read before the rows: a change in between is then sent again as an event, never left out.
    const seq = await ledger.lastSeq(company);
    const page = await files.list(company, session, request, place, limit + 1);
    const shown = page.slice(0, limit);
    return {
      files: shown.map(presentFile),
      count: await files.count(company, session, request),
      next_cursor: page.length > limit ? writeCursor(place.order, shown.at(-1)?.id ?? 0) : null,
      seq,
    };
  };
}

/** A cursor says in which order it goes on: the words of those that are out there already stay. */
const CURSOR_WORDS = { oldest: 'after', newest: 'before' } as const satisfies Record<FileOrder, string>;

function writeCursor(order: FileOrder, id: number): string {
  return Buffer.from(`${CURSOR_WORDS[order]}:${id}`).toString('base64url');
}

function placeOf({ order = 'oldest', cursor }: ListRequest): FilePlace {
  if (cursor === undefined) return { order, beyondId: null };
  const [, word, id] = /^(after|before):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (word === undefined)
    throw new Failure('invalid-request', 'This cursor is not one of ours. Start from the first page.');
  if (word !== CURSOR_WORDS[order])
    throw new Failure('invalid-request', 'This cursor belongs to the other order. Start from the first page.');
  return { order, beyondId: Number(id) };
}
