/** All that the dashboard knows of a company: who is asking, the chats, their files, and one socket that keeps it true. */
import type { Caller } from '../../server/contract/chat-file.ts';
import type { FileShared, FileUpdated, LedgerEvent } from '../../server/contract/events.ts';
import { type Connection, createFeedSocket, type FeedSocket } from '../core/feed-socket.ts';
import { createObservable, type Observable } from '../core/observable.ts';
import { ApiError } from '../core/requests.ts';
import { createRetry } from '../core/retry.ts';
import { type Access, createTokenSource, type GetToken } from '../core/token.ts';
import { type ChatRows, createChatRows } from './chat-rows.ts';
import { createCompanyApi } from './company-api.ts';
import { createFileBrowser, type FileBrowser } from './file-browser.ts';
import { createReadMarks } from './read-marks.ts';

/** What the dashboard begins with once it knows who is asking. */
export type CompanyChats = { caller: Caller; rows: ChatRows };

export type CompanyState = {
  /** Null until the server has said who the caller is, and while it is no agent. */
  chats: CompanyChats | null;
  connection: Connection;
  access: Access;
  /** `visitor`: the token is no agent's; `away`: it goes on trying. */
  problem: 'visitor' | 'away' | null;
};

export type Company = {
  state: Observable<CompanyState>;
  /** For the parts that have a connection of their own; undefined where the cookie speaks. */
  getToken: GetToken | undefined;
  /** One for each chat, and one for the company (null), as long as somebody looks at it. */
  openFiles(sessionId: string | null): FileBrowser;
  closeFiles(browser: FileBrowser): void;
  /** Follow it at once. @throws {ApiError} */
  archiveUrl(sessionId: string): Promise<string>;
  /** The chat that is in view, or none: what comes in it is no news. */
  look(sessionId: string | null): void;
  /** Called for each file that a visitor shares in a chat that is not in view. */
  onNews(listener: (file: FileShared) => void): () => void;
  setToken(jwt: string): void;
  /** Tries at once what waits: somebody has signed in again. */
  tryAgain(): void;
  destroy(): void;
};

const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

export function createCompany(options: {
  apiBaseUrl: string;
  /** Where it is not the token's, nothing is shown. */
  companyId?: string | undefined;
  jwt?: string | undefined;
  getToken?: GetToken | undefined;
}): Company {
  const { apiBaseUrl, jwt, getToken } = options;
  const token = createTokenSource({ jwt, getToken });
  const api = createCompanyApi({ apiBaseUrl, token });
  const retry = createRetry({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
  const state = createObservable<CompanyState>({
    chats: null,
    connection: { state: 'connecting' },
    access: 'ok',
    problem: null,
  });
  const set = (change: Partial<CompanyState>) => state.set({ ...state.get(), ...change });
  const browsers = new Set<FileBrowser>();
  const newsListeners = new Set<(file: FileShared) => void>();
  let socket: FeedSocket | null = null;
  let marks: ReturnType<typeof createReadMarks> | null = null;
  let rows: ChatRows | null = null;
  let lastSeq = 0;
  let lookedAt: string | null = null;
  let isStarting = false;
  let destroyed = false;

  const isInView = (id: string) => lookedAt === id && document.visibilityState === 'visible';

  // ── The beginning ──

  async function start(): Promise<void> {
    if (isStarting || destroyed || socket !== null) return;
    isStarting = true;
    retry.reset();
    try {
      const { caller } = await api.config();
      const isOther = options.companyId !== undefined && caller.company_id !== options.companyId;
      if (caller.role !== 'agent') set({ problem: 'visitor' });
      else if (isOther) set({ access: 'refused' });
      else await begin(caller);
    } catch (error) {
      // Who is not signed in is told so by `access`, and by nothing else.
      if (!(error instanceof ApiError && error.answer?.status === 401)) set({ problem: 'away' });
      if (!destroyed) retry.later(() => void start());
    } finally {
      isStarting = false;
    }
  }

  async function begin(caller: Caller): Promise<void> {
    const chats = rows ?? open(caller);
    lastSeq = await chats.load();
    if (destroyed) return;
    // It may have been chosen by the address, before anything was known of it.
    if (lookedAt !== null && isInView(lookedAt)) read(lookedAt);
    connect(caller);
    set({ problem: null });
  }

  function open(caller: Caller): ChatRows {
    marks = createReadMarks({
      storageKey: `chatdrop.read:${caller.company_id}`,
      onElsewhere: (id) => rows?.markRead(id),
    });
    rows = createChatRows({ api, marks, isInView });
    set({ chats: { caller, rows } });
    return rows;
  }

  // ── What comes ──

  function connect(caller: Caller): void {
    socket = createFeedSocket({
      apiBaseUrl,
      companyId: caller.company_id,
      sessionId: caller.session_id,
      token,
      after: () => lastSeq,
      handlers: {
        file_shared: onShared,
        file_updated: (event: FileUpdated) => tellBrowsers(event),
        file_removed(event) {
          tellBrowsers(event);
          rows?.onRemoved(event);
        },
        upload_progress: (event) => rows?.onProgress(event),
        error({ code }) {
          if (code === 'resync') void resync();
        },
      },
      onConnected: () => {},
    });
    socket.connection.subscribe(() => set({ connection: socket?.connection.get() ?? { state: 'connecting' } }));
    socket.connect();
  }

  function onShared(event: FileShared): void {
    const isNews = event.seq > lastSeq && event.uploader === 'user' && !isInView(event.session_id);
    tellBrowsers(event);
    rows?.onShared(event);
    if (isInView(event.session_id)) marks?.mark(event.session_id, event.seq);
    else if (isNews) for (const listener of [...newsListeners]) listener(event);
  }

  function tellBrowsers(event: LedgerEvent): void {
    lastSeq = Math.max(lastSeq, event.seq);
    for (const browser of browsers) browser.onEvent(event);
  }

  /** The ledger does not reach back to where this page left off. */
  async function resync(): Promise<void> {
    await rows?.load().then(
      (seq) => {
        lastSeq = Math.max(lastSeq, seq);
      },
      () => retry.later(() => void resync()),
    );
    for (const browser of browsers) void browser.reload();
  }

  // ── Who is asking, and what is looked at ──

  function tryAgain(): void {
    if (socket === null) void start();
    else socket.connect();
    for (const browser of browsers) if (browser.state.get().error !== null) void browser.reload();
  }

  function onVisible(): void {
    if (document.visibilityState !== 'visible') return;
    if (lookedAt !== null) read(lookedAt);
    if (state.get().connection.state !== 'live') tryAgain();
  }

  function read(id: string): void {
    marks?.mark(id, lastSeq);
    rows?.markRead(id);
  }

  const stopAccess = token.access.subscribe(() => {
    const access = token.access.get();
    set({ access });
    if (access === 'ok') tryAgain();
  });
  document.addEventListener('visibilitychange', onVisible);
  window.addEventListener('online', tryAgain);
  void start();

  return {
    state,
    // One source for all parts: one renewal serves them.
    getToken: jwt !== undefined || getToken !== undefined ? async () => (await token.get()) ?? '' : undefined,
    archiveUrl: api.archiveUrl,
    openFiles(sessionId) {
      const browser = createFileBrowser({ api, sessionId });
      browsers.add(browser);
      return browser;
    },
    closeFiles(browser) {
      browsers.delete(browser);
      browser.destroy();
    },
    look(sessionId) {
      lookedAt = sessionId;
      if (sessionId !== null && document.visibilityState === 'visible') read(sessionId);
    },
    onNews(listener) {
      newsListeners.add(listener);
      return () => newsListeners.delete(listener);
    },
    setToken(next) {
      token.set(next);
      tryAgain();
    },
    tryAgain,
    destroy() {
      destroyed = true;
      stopAccess();
      document.removeEventListener('visibilitychange', onVisible);
      window.removeEventListener('online', tryAgain);
      retry.reset();
      socket?.destroy();
      rows?.destroy();
      marks?.destroy();
      for (const browser of browsers) browser.destroy();
      api.destroy();
    },
  };
}
