/** The session's live files: the list over HTTP once, then every change over Socket.IO, without gaps or doubles. */
import { io, type Socket } from 'socket.io-client';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type {
  FileListEvent,
  FileRemoved,
  FileShared,
  FileUpdated,
  UploadProgress,
} from '../../server/contract/events.ts';
import { type Api, ApiError } from './api.ts';
import { createFileList } from './file-list.ts';
import { createObservable, type Observable } from './observable.ts';
import type { TokenSource } from './token.ts';

export type Connection =
  | { state: 'connecting' | 'live' | 'reconnecting' }
  /** The server will not have us: trying again does not help by itself. */
  | { state: 'refused'; detail: string };

export type FileFeed = {
  files: Observable<ChatFile[]>;
  connection: Observable<Connection>;
  /** False until the first list is here: "empty" and "not known yet" are different. */
  isLoaded: Observable<boolean>;
  get(id: number): ChatFile | null;
  /** Fetches one file that no event has brought yet, or whose links have ended; null when it is gone. */
  fetch(id: number): Promise<ChatFile | null>;
  /** Deletes on the server, then here. */
  remove(id: number): Promise<void>;
  destroy(): void;
};

type ServerEvents = {
  file_shared: (event: FileShared) => void;
  file_updated: (event: FileUpdated) => void;
  file_removed: (event: FileRemoved) => void;
  file_list: (event: FileListEvent) => void;
  upload_progress: (event: UploadProgress) => void;
};

const MAX_PAGES = 25;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** Links last an hour. */
const RENEW_LINKS_MS = 45 * 60_000;

/** Loads and connects at once, and goes on trying until `destroy`. */
export function createFileFeed(needs: {
  apiBaseUrl: string;
  companyId: string;
  sessionId: string;
  token: TokenSource;
  api: Api;
  onShared: (file: ChatFile) => void;
  onProgress: (event: UploadProgress) => void;
  onConnected: () => void;
}): FileFeed {
  const { api, token } = needs;
  const list = createFileList();
  const files = createObservable<ChatFile[]>([]);
  const isLoaded = createObservable(false);
  const connection = createObservable<Connection>({ state: 'connecting' });
  let retryMs = FIRST_RETRY_MS;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let destroyed = false;

  const socket: Socket<ServerEvents> = io(needs.apiBaseUrl, {
    autoConnect: false,
    transports: ['websocket', 'polling'],
    tryAllTransports: true,
    reconnectionDelay: FIRST_RETRY_MS,
    reconnectionDelayMax: MAX_RETRY_MS,
    // The auth callback runs for every connection: each has a good token and goes on where the last one stopped.
    auth(callback) {
      const rest = { company_id: needs.companyId, session_id: needs.sessionId, after: list.seq() };
      // An empty token is refused by the server, which brings us to `connect_error` and its retry.
      token.get().then(
        (bearer) => callback({ token: bearer, ...rest }),
        () => callback({ token: '', ...rest }),
      );
    },
  });

  const publish = () => files.set(list.files());

  function put(event: FileShared | FileUpdated): void {
    const { type: _type, ...file } = event;
    list.put(file, event.seq);
    publish();
  }

  /** The first page's `seq` counts for all pages: what changes while they load comes again as an event. */
  async function loadAll(): Promise<void> {
    const first = await api.files(null);
    const all = [...first.files];
    let cursor = first.next_cursor;
    for (let page = 2; cursor !== null && page <= MAX_PAGES; page++) {
      const next = await api.files(cursor);
      all.push(...next.files);
      cursor = next.next_cursor;
    }
    list.putAll(all, first.seq, cursor === null);
    publish();
    isLoaded.set(true);
  }

  async function start(): Promise<void> {
    if (destroyed) return;
    try {
      await loadAll();
      retryMs = FIRST_RETRY_MS;
      if (!destroyed) socket.connect();
    } catch (error) {
      const status = error instanceof ApiError ? error.answer?.status : undefined;
      if (status === 403 || status === 404) {
        return connection.set({ state: 'refused', detail: (error as ApiError).message });
      }
      retryLater(() => void start());
    }
  }

  function retryLater(attempt: () => void): void {
    if (destroyed) return;
    clearTimeout(retryTimer);
    retryTimer = setTimeout(attempt, retryMs);
    retryMs = Math.min(retryMs * 2, MAX_RETRY_MS);
  }

  /** Where Socket.IO's own reconnection has stopped (a refused handshake, an ended token), ours goes on. */
  function reconnectIfStopped(): void {
    if (connection.get().state === 'live') connection.set({ state: 'reconnecting' });
    if (!socket.active) retryLater(() => socket.connect());
  }

  socket.on('connect', () => {
    retryMs = FIRST_RETRY_MS;
    connection.set({ state: 'live' });
    needs.onConnected();
  });
  socket.on('disconnect', reconnectIfStopped);
  socket.on('connect_error', () => {
    // A refused handshake may mean a token that ended early: the next try asks for another.
    if (!socket.active) void token.get().then(token.invalidate, () => {});
    reconnectIfStopped();
  });
  socket.on('file_shared', (event) => {
    const isNew = list.get(event.id) === null;
    put(event);
    if (isNew) needs.onShared(event);
  });
  socket.on('file_updated', put);
  socket.on('file_removed', ({ id, seq }) => {
    list.remove(id, seq);
    publish();
  });
  socket.on('file_list', (event) => {
    // A list in several pages is loaded whole over HTTP.
    if (event.next_cursor !== null) return void loadAll().catch(() => {});
    list.putAll(event.files, event.seq, true);
    publish();
  });
  socket.on('upload_progress', needs.onProgress);

  const hurry = () => {
    if (isLoaded.get()) {
      if (!socket.connected) socket.connect();
    } else {
      clearTimeout(retryTimer);
      void start();
    }
  };
  window.addEventListener('online', hurry);
  const renewal = setInterval(() => void loadAll().catch(() => {}), RENEW_LINKS_MS);
  void start();

  return {
    files,
    connection,
    isLoaded,
    get: (id) => list.get(id),
    async fetch(id) {
      try {
        const file = await api.file(id);
        list.learn(file);
        publish();
        return file;
      } catch (error) {
        if (error instanceof ApiError && error.answer?.status === 404) return null;
        throw error;
      }
    },
    async remove(id) {
      try {
        await api.removeFile(id);
      } catch (error) {
        // Somebody else was faster.
        if (!(error instanceof ApiError && error.answer?.status === 404)) throw error;
      }
      list.remove(id, list.seq());
      publish();
    },
    destroy() {
      destroyed = true;
      clearTimeout(retryTimer);
      clearInterval(renewal);
      window.removeEventListener('online', hurry);
      socket.disconnect();
    },
  };
}
