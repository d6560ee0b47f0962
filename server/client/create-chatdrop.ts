/** The client of one participant, visitor or agent: files, sessions, uploads and events, with a token of theirs. */
import type {
  ChatConfig,
  ChatFile,
  ChatSession,
  FileList,
  SessionList,
  UnfinishedUpload,
} from '../contract/chat-file.ts';
import type { ServerEvent } from '../contract/events.ts';
import type { FileFilter, FileOrder } from '../contract/file-filter.ts';
import { type FollowOptions, followEvents } from './follow-events.ts';
import { everyPage } from './pages.ts';
import { pathOf } from './path-of.ts';
import { type Call, createRequester } from './requester.ts';
import { createTokenSource, type TokenOption } from './token-source.ts';
import { tusAddress, type UploadOptions, uploadFile } from './upload-file.ts';
import type { UploadSource } from './upload-source.ts';

export type ConnectOptions = {
  /** Where the server is, `https://files.example.com`. */
  url: string;
  /** Milliseconds that a call may wait for a server that asks to come back (423, 429, 503); 30,000 if left out. */
  maxWaitMs?: number;
  /** Instead of the platform's. */
  fetch?: typeof fetch;
};
export type ChatdropOptions = ConnectOptions & {
  /** A token, or a function that gives one, asked again when the last one is about to end. */
  token: TokenOption;
};

export type Abortable = { signal?: AbortSignal };
export type FileQuery = FileFilter & {
  /** Left out: the token's; the whole company's for an agent whose token names none. */
  session?: string;
  /** `image/*` works. */
  mimeType?: string;
  order?: FileOrder;
};
export type Page = { cursor?: string; limit?: number };

export type Chatdrop = ReturnType<typeof createChatdrop>;

const DEFAULT_MAX_WAIT_MS = 30_000;

/** Every method throws a `ChatdropError`, and the signal's reason when it is aborted. */
export function createChatdrop({ token, ...options }: ChatdropOptions) {
  const requester = requesterOf({ ...options, token });
  const path = (...parts: (string | number)[]) => pathOf('/api/chat/', ...parts);
  const get = <T>(call: Omit<Call, 'method'>) => requester.json<T>({ method: 'GET', ...call });
  const remove = async (call: Omit<Call, 'method'>) => {
    await requester.send({ method: 'DELETE', ...call });
  };

  const filePage = (query: FileQuery & Page & Abortable = {}): Promise<FileList> => {
    const { session, mimeType, signal, kind, uploader, q, order, cursor, limit } = query;
    const asked = { session_id: session, mime_type: mimeType, kind, uploader, q, order, cursor, limit };
    return get({ path: path('files'), query: asked, signal });
  };
  const sessionPage = ({ q, cursor, limit, signal }: { q?: string } & Page & Abortable = {}): Promise<SessionList> =>
    get({ path: path('sessions'), query: { q, cursor, limit }, signal });

  return {
    files: {
      /** All that match, page after page, the oldest first. */
      list: (query: FileQuery & { pageSize?: number } & Abortable = {}): AsyncGenerator<ChatFile, void, undefined> =>
        everyPage<ChatFile, string>('', async (cursor) => {
          const { pageSize, ...filter } = query;
          const paging = {
            ...(cursor === '' ? {} : { cursor }),
            ...(pageSize === undefined ? {} : { limit: pageSize }),
          };
          const page = await filePage({ ...filter, ...paging });
          return { entries: page.files, next: page.next_cursor };
        }),
      /** One page, with the count of all and the ledger's `seq` as of this answer: `events` with it as `after` misses nothing. */
      page: filePage,
      get: (id: number, { signal }: Abortable = {}): Promise<ChatFile> => get({ path: path('files', id), signal }),
      /** The answer with the bytes as its `body`, a stream; `range`: the first and the last byte. */
      download: (
        id: number,
        { range, signal }: { range?: readonly [number, number?] } & Abortable = {},
      ): Promise<Response> =>
        requester.send({
          method: 'GET',
          path: `/api/chat/files/${id}/content`,
          ...(range === undefined ? {} : { headers: { Range: `bytes=${range[0]}-${range[1] ?? ''}` } }),
          signal,
        }),
      delete: (id: number, { signal }: Abortable = {}): Promise<void> => remove({ path: path('files', id), signal }),
      /** Every link that was given out is good no more; `file_updated` brings new ones. */
      revokeLinks: (id: number, { signal }: Abortable = {}): Promise<void> =>
        remove({ path: path('files', id, 'links'), signal }),
    },
    sessions: {
      /** An agent's, newest activity first. */
      list: (query: { q?: string; pageSize?: number } & Abortable = {}): AsyncGenerator<ChatSession, void, undefined> =>
        everyPage<ChatSession, string>('', async (cursor) => {
          const { pageSize, ...filter } = query;
          const paging = {
            ...(cursor === '' ? {} : { cursor }),
            ...(pageSize === undefined ? {} : { limit: pageSize }),
          };
          const page = await sessionPage({ ...filter, ...paging });
          return { entries: page.sessions, next: page.next_cursor };
        }),
      page: sessionPage,
      /** With everything in it. */
      delete: (session: string, { signal }: Abortable = {}): Promise<void> =>
        remove({ path: path('sessions', session), signal }),
      revokeLinks: (session: string, { signal }: Abortable = {}): Promise<void> =>
        remove({ path: path('sessions', session, 'links'), signal }),
      /** All its files as one zip, a stream. */
      archive: (session: string, { signal }: Abortable = {}): Promise<Response> =>
        requester.send({ method: 'GET', path: path('sessions', session, 'archive'), signal }),
      /** A link to that zip for a browser, good for a minute. */
      archiveLink: (session: string, { signal }: Abortable = {}): Promise<{ url: string; expires_at: string }> =>
        requester.json({ method: 'POST', path: path('sessions', session, 'archive'), signal }),
    },
    uploads: {
      /** What is unfinished in a session. */
      list: async ({ session, signal }: { session?: string } & Abortable = {}): Promise<UnfinishedUpload[]> => {
        const query = { session_id: session };
        return (await get<{ uploads: UnfinishedUpload[] }>({ path: path('uploads'), query, signal })).uploads;
      },
      /** Ends one of the caller's, by its `upload_url`; what it has sent is gone. */
      cancel: (uploadUrl: string, { signal }: Abortable = {}): Promise<void> =>
        remove({ path: tusAddress(requester, uploadUrl), headers: { 'Tus-Resumable': '1.0.0' }, signal }),
    },
    /** Resumable, and retried until `giveUpAfterMs` pass without progress. */
    upload: (source: UploadSource, upload?: UploadOptions): Promise<ChatFile> => uploadFile(requester, source, upload),
    /** Until it is left by `break`, or aborted. */
    events: (follow?: FollowOptions): AsyncGenerator<ServerEvent, void, undefined> => followEvents(requester, follow),
    /** Who the server takes the caller for, and the limits that hold. */
    config: ({ signal }: Abortable = {}): Promise<ChatConfig> => get({ path: path('config'), signal }),
    /** Any other call, with the token, the patience and the errors of all. */
    request: (call: Call): Promise<Response> => requester.send(call),
  };
}

export function requesterOf({ url, token, maxWaitMs = DEFAULT_MAX_WAIT_MS, fetch }: ChatdropOptions) {
  const tokens = createTokenSource(token);
  return createRequester({ url, tokens, maxWaitMs, fetch: fetch ?? ((...asked) => globalThis.fetch(...asked)) });
}
