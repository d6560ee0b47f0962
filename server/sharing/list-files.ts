/** A session's files, oldest first, as a page: the same answer over HTTP and over a socket. */
import type { FileList, Uploader } from '../contract/chat-file.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
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
  mimeType?: string | undefined;
  uploader?: Uploader | undefined;
  nameContains?: string | undefined;
};

/** @throws {Failure} `invalid-request` for a cursor that no page gave */
export type ListFiles = (company: string, session: string, request: ListRequest) => Promise<FileList>;

export function createListFiles({ files, ledger, presentFile }: Needs): ListFiles {
  return async (company, session, request) => {
    const afterId = request.cursor === undefined ? 0 : readCursor(request.cursor);
    const limit = request.limit ?? DEFAULT_PAGE_FILES;
    // Read before the rows: a change in between is then sent again as an event, never left out.
    const seq = await ledger.lastSeq(company);
    const page = await files.list(company, session, request, afterId, limit + 1);
    const shown = page.slice(0, limit);
    return {
      files: shown.map(presentFile),
      count: await files.count(company, session, request),
      next_cursor: page.length > limit ? writeCursor(shown.at(-1)?.id ?? 0) : null,
      seq,
    };
  };
}

function writeCursor(id: number): string {
  return Buffer.from(`after:${id}`).toString('base64url');
}

function readCursor(cursor: string): number {
  const match = /^after:(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null)
    throw new Failure('invalid-request', 'This cursor is not one of ours. Start from the first page.');
  return Number(match[1]);
}
