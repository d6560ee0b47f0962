/** An agent's sessions, newest activity first, as a page. */
import type { SessionList } from '../contract/chat-file.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { SessionListTable, SessionPlace } from '../database/session-list-table.ts';
import { Failure } from '../rules/failure.ts';
import type { PresentFile } from './present-file.ts';

const DEFAULT_PAGE_SESSIONS = 50;
export const MAX_PAGE_SESSIONS = 200;

type Needs = {
  sessions: SessionListTable;
  ledger: Pick<EventLedger, 'lastSeq'>;
  files: Pick<ChatFileTable, 'findMany'>;
  presentFile: PresentFile;
};

export type SessionListRequest = {
  limit?: number | undefined;
  cursor?: string | undefined;
  idContains?: string | undefined;
};

/** `session`: only this one; null: all of the company. @throws {Failure} `invalid-request` for a cursor that no page gave */
export type ListSessions = (
  company: string,
  session: string | null,
  request: SessionListRequest,
) => Promise<SessionList>;

export function createListSessions({ sessions, ledger, files, presentFile }: Needs): ListSessions {
  return async (company, session, request) => {
    const after = request.cursor === undefined ? null : readCursor(request.cursor);
    const limit = request.limit ?? DEFAULT_PAGE_SESSIONS;
    const seqBefore = await ledger.lastSeq(company);
    const page = await sessions.list(company, { session, idContains: request.idContains }, after, limit + 1);
    const shown = page.slice(0, limit);
    const lastFiles = await files.findMany(shown.flatMap(({ lastFileId }) => lastFileId ?? []));
    const last = shown.at(-1);
    return {
      sessions: shown.map((summary) => {
        const lastFile = summary.lastFileId === null ? undefined : lastFiles.get(summary.lastFileId);
        return {
          session_id: summary.session,
          company_id: summary.company,
          last_file: lastFile === undefined ? null : presentFile(lastFile),
          files_count: summary.filesCount,
          uploads_under_way: summary.uploadsUnderWay,
          last_activity_at: new Date(summary.lastActivityAt).toISOString(),
        };
      }),
      next_cursor: page.length > limit && last !== undefined ? writeCursor(last) : null,
      seq: page[0]?.seq ?? seqBefore,
    };
  };
}

function writeCursor({ lastActivityAt, id }: SessionPlace): string {
  return Buffer.from(`before:${lastActivityAt}:${id}`).toString('base64url');
}

function readCursor(cursor: string): SessionPlace {
  const match = /^before:(\d{1,15}):(\d{1,15})$/.exec(Buffer.from(cursor, 'base64url').toString());
  if (match === null)
    throw new Failure('invalid-request', 'This cursor is not one of ours. Start from the first page.');
  return { lastActivityAt: Number(match[1]), id: Number(match[2]) };
}
