/** The session's live files: the list over HTTP once, then every change over the socket, without gaps or doubles. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { FileShared, FileUpdated, UploadProgress } from '../../server/contract/events.ts';
import { type Api, ApiError } from './api.ts';
import { type Connection, createFeedSocket } from './feed-socket.ts';
import { createFileList } from './file-list.ts';
import { createObservable, type Observable } from './observable.ts';
import { createRetry } from './retry.ts';
import type { TokenSource } from './token.ts';

export type { Connection };

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
  /** Tries at once what waits for its next try: there is a network, or a token, again. */
  hurry(): void;
  destroy(): void;
};

const MAX_PAGES = 25;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** Links last an hour. */
const RENEW_LINKS_MS = 45 * 60_000;

/** Loads and connects as soon as `ready` resolves, and goes on trying until `destroy`. */
export function createFileFeed(needs: {
  apiBaseUrl: string;
  companyId: string;
  sessionId: string;
  token: TokenSource;
  api: Api;
  ready: () => Promise<void>;
  /** Once for each file that is shared after the first list. */
  onShared: (file: ChatFile) => void;
  onProgress: (event: UploadProgress) => void;
  onConnected: () => void;
}): FileFeed {
  const { api } = needs;
  const list = createFileList();
  const files = createObservable<ChatFile[]>([]);
  const isLoaded = createObservable(false);
  const retry = createRetry({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
  const announced = new Set<number>();
  let firstSeq = Number.POSITIVE_INFINITY;
  let starting = false;
  let destroyed = false;
  let onFirstList = () => {};
  const firstList = new Promise<void>((resolve) => {
    onFirstList = resolve;
  });

  const socket = createFeedSocket({
    ...needs,
    after: list.seq,
    beforeJoining: () => firstList,
    handlers: {
      file_shared(event) {
        put(event);
        announce(event);
      },
      file_updated: put,
      file_removed({ id, seq }) {
        list.remove(id, seq);
        publish();
      },
      file_list(event) {
        // A list in several pages is loaded whole over HTTP.
        if (event.next_cursor !== null) void loadAll().catch(() => {});
        else takeList(event.files, event.seq, true);
      },
      upload_progress: needs.onProgress,
    },
  });

  const publish = () => files.set(list.files());

  function put(event: FileShared | FileUpdated): void {
    const { type: _type, ...file } = event;
    list.put(file, event.seq);
    publish();
  }

  function announce({ id }: ChatFile): void {
    const file = list.get(id);
    if (!file || file.seq <= firstSeq || announced.has(id)) return;
    announced.add(id);
    needs.onShared(file);
  }

  /** What a later list has and no event brought (the ledger did not reach back so far) was shared all the same. */
  function takeList(all: ChatFile[], seq: number, isWhole: boolean): void {
    const isFirst = !isLoaded.get();
    const before = list.seq();
    list.putAll(all, seq, isWhole);
    publish();
    if (isFirst) {
      firstSeq = seq;
      isLoaded.set(true);
      onFirstList();
    } else for (const file of all) if (file.seq > before) announce(file);
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
    if (!destroyed) takeList(all, first.seq, cursor === null);
  }

  async function start(): Promise<void> {
    if (destroyed || starting) return;
    starting = true;
    try {
      await needs.ready();
      // Side by side: to open a connection takes as many turns as the list does.
      socket.connect();
      await loadAll();
    } catch (error) {
      const status = error instanceof ApiError ? error.answer?.status : undefined;
      if (destroyed) return;
      if (status === 403 || status === 404) return socket.refuse((error as ApiError).message);
      socket.rest();
      retry.later(() => void start());
    } finally {
      starting = false;
    }
  }

  const renewal = setInterval(() => void loadAll().catch(() => {}), RENEW_LINKS_MS);
  void start();

  return {
    files,
    connection: socket.connection,
    isLoaded,
    get: (id) => list.get(id),
    async fetch(id) {
      try {
        const file = await api.file(id);
        list.learn(file);
        publish();
        announce(file);
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
    hurry() {
      retry.reset();
      if (isLoaded.get()) socket.connect();
      else void start();
    },
    destroy() {
      destroyed = true;
      retry.reset();
      clearInterval(renewal);
      socket.destroy();
    },
  };
}
