/** The company's chats, newest activity first: pages from the server, moved on by every event without asking again. */
import type { ChatFile, ChatSession, SessionList } from '../../server/contract/chat-file.ts';
import type { FileRemoved, FileShared, UploadProgress } from '../../server/contract/events.ts';
import { createObservable, type Observable } from '../core/observable.ts';
import { createRetry } from '../core/retry.ts';
import type { Upload } from '../core/upload.ts';
import { createChatMoves, type Move } from './chat-moves.ts';
import type { CompanyApi } from './company-api.ts';
import type { ReadMarks } from './read-marks.ts';

export type ChatRow = {
  id: string;
  /** The newest one that is still there. */
  lastFile: ChatFile | null;
  filesCount: number;
  /** Uploads that have begun and are not shared, moving or not. */
  unfinished: number;
  /** Those that move, the agent's own too. */
  moves: Move[];
  /** An upload of the agent's failed, or its file has to be chosen again. */
  needsAgent: boolean;
  /** Milliseconds since 1970, by the server's clock. */
  lastActivityAt: number;
  /** Something came from the visitor since the chat was last open. */
  isNew: boolean;
  /** How many files, as far as this page has seen them come. */
  newCount: number;
};

export type ChatRowsState = {
  rows: ChatRow[];
  isLoaded: boolean;
  isLoading: boolean;
  hasMore: boolean;
  /** The last page could not be had; it can be asked for again. */
  error: unknown;
};

export type ChatRows = {
  state: Observable<ChatRowsState>;
  /** The first page; answers the ledger's place as of it. What was known is replaced. */
  load(): Promise<number>;
  loadMore(): Promise<void>;
  /** Shows chats whose id contains the text; '' shows all. */
  search(text: string): Promise<void>;
  onShared(event: FileShared): void;
  onRemoved(event: FileRemoved): void;
  onProgress(event: UploadProgress): void;
  /** All of the agent's own uploads in a chat that is open here: the server tells only the others. */
  setOwnUploads(sessionId: string, uploads: Upload[]): void;
  /** Takes the new-marks from a chat that the agent looks at, or has looked at in another window. */
  markRead(id: string): void;
  /** False once it is known that the chat is not there any more. */
  exists(id: string): boolean;
  destroy(): void;
};

type Entry = Omit<ChatRow, 'moves' | 'needsAgent'> & {
  /** The ledger's place that the counts are true of. */
  asOfSeq: number;
  /** What is shown of it; null when it has to be made anew. */
  row: ChatRow | null;
};
type Cursor = { next: string | null; isAtEnd: boolean };

const PAGE = 50;
/** Chats that are heard of and not known are at the top of the list: as many pages are looked through for them. */
const MAX_CATCH_UP_PAGES = 4;
const CATCH_UP_PAGE = 200;
const GATHER_MS = 100;
const FIRST_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;

export function createChatRows(needs: {
  api: Pick<CompanyApi, 'sessions' | 'files'>;
  marks: ReadMarks;
  /** Whether the agent has this chat in view. */
  isInView(id: string): boolean;
}): ChatRows {
  const { api, marks } = needs;
  const entries = new Map<string, Entry>();
  const deleted = new Set<string>();
  const unknown = new Set<string>();
  const moves = createChatMoves((id) => {
    const entry = entries.get(id);
    if (entry) change(entry, {});
  });
  const retry = createRetry({ firstMs: FIRST_RETRY_MS, maxMs: MAX_RETRY_MS });
  const state = createObservable<ChatRowsState>({
    rows: [],
    isLoaded: false,
    isLoading: false,
    hasMore: false,
    error: null,
  });
  let all: Cursor = { next: null, isAtEnd: false };
  /** Chats below were only found by a search, or named by an event: they show once the pages reach them. */
  let reachedActivityAt = Number.POSITIVE_INFINITY;
  let found: (Cursor & { text: string }) | null = null;
  let isLoading = false;
  let isLoaded = false;
  let error: unknown = null;
  let gathering: ReturnType<typeof setTimeout> | undefined;
  let publishing = false;
  let destroyed = false;

  // ── What is shown ──

  /** Many events of one moment make one list. */
  function publish(): void {
    if (publishing || destroyed) return;
    publishing = true;
    queueMicrotask(() => {
      publishing = false;
      if (!destroyed) state.set(compute());
    });
  }

  function compute(): ChatRowsState {
    const shown = [...entries.values()].filter((entry) =>
      found === null ? entry.lastActivityAt >= reachedActivityAt : entry.id.toLowerCase().includes(found.text),
    );
    shown.sort((a, b) => b.lastActivityAt - a.lastActivityAt || a.id.localeCompare(b.id));
    const cursor = found ?? all;
    return { rows: shown.map(rowOf), isLoaded, isLoading, hasMore: isLoaded && !cursor.isAtEnd, error };
  }

  function rowOf(entry: Entry): ChatRow {
    const { asOfSeq: _seq, row: _row, ...rest } = entry;
    entry.row ??= { ...rest, moves: moves.of(entry.id), needsAgent: moves.needsAgent(entry.id) };
    return entry.row;
  }

  function change(entry: Entry, next: Partial<Entry>): void {
    Object.assign(entry, next, { row: null });
    publish();
  }

  // ── Pages ──

  function take({ sessions, seq }: SessionList): void {
    for (const session of sessions) {
      const before = entries.get(session.session_id);
      // What events have told since is newer.
      if (before && before.asOfSeq > seq) continue;
      deleted.delete(session.session_id);
      unknown.delete(session.session_id);
      entries.set(session.session_id, entryOf(session, seq, before));
    }
    publish();
  }

  function entryOf(session: ChatSession, seq: number, before: Entry | undefined): Entry {
    const { session_id: id, last_file: lastFile } = session;
    const isUnseen = lastFile !== null && lastFile.uploader === 'user' && lastFile.seq > marks.seenSeq(id);
    return {
      id,
      lastFile,
      filesCount: session.files_count,
      unfinished: session.uploads_under_way,
      lastActivityAt: Date.parse(session.last_activity_at),
      isNew: isUnseen && !needs.isInView(id),
      newCount: before?.newCount ?? 0,
      asOfSeq: seq,
      row: null,
    };
  }

  async function withPage<T>(work: () => Promise<T>): Promise<T> {
    isLoading = true;
    error = null;
    publish();
    try {
      return await work();
    } catch (thrown) {
      error = thrown;
      throw thrown;
    } finally {
      isLoading = false;
      publish();
    }
  }

  async function load(): Promise<number> {
    return await withPage(async () => {
      const page = await api.sessions({ limit: PAGE });
      // In a browser that has never seen this company nothing of it is news.
      marks.begin(page.seq);
      entries.clear();
      all = { next: null, isAtEnd: false };
      reach(page);
      isLoaded = true;
      return page.seq;
    });
  }

  function reach(page: SessionList): void {
    all = { next: page.next_cursor, isAtEnd: page.next_cursor === null };
    const last = page.sessions.at(-1);
    reachedActivityAt = all.isAtEnd || !last ? 0 : Date.parse(last.last_activity_at);
    take(page);
  }

  async function loadMore(): Promise<void> {
    const cursor = found ?? all;
    if (isLoading || !isLoaded || cursor.isAtEnd) return;
    await withPage(async () => {
      if (found === null) return reach(await api.sessions({ limit: PAGE, cursor: all.next }));
      const current = found;
      const page = await api.sessions({ limit: PAGE, cursor: current.next, q: current.text });
      if (found === current) found = { ...current, next: page.next_cursor, isAtEnd: page.next_cursor === null };
      take(page);
    }).catch(() => {});
  }

  // ── Events ──

  /** By the server's time as far as it was told; what just happened stands above all else. */
  const activityNow = () => Math.max(0, ...Array.from(entries.values(), ({ lastActivityAt }) => lastActivityAt)) + 1;

  function seekUnknown(id: string): void {
    unknown.add(id);
    gathering ??= setTimeout(() => void catchUp(), GATHER_MS);
  }

  async function catchUp(): Promise<void> {
    const sought = new Set(unknown);
    try {
      let cursor: string | null = null;
      for (let page = 1; page <= MAX_CATCH_UP_PAGES && unknown.size > 0; page++) {
        const next: SessionList = await api.sessions({ limit: CATCH_UP_PAGE, cursor });
        if (destroyed) return;
        take(next);
        cursor = next.next_cursor;
        if (cursor === null) break;
      }
      // Who is not there is gone again, or will be met when the pages come to it.
      for (const id of sought) unknown.delete(id);
      retry.reset();
      gathering = undefined;
      if (unknown.size > 0) gathering = setTimeout(() => void catchUp(), GATHER_MS);
    } catch {
      if (!destroyed) retry.later(() => void catchUp());
    }
  }

  function onShared(event: FileShared): void {
    const { type: _type, ...file } = event;
    moves.onShared(file);
    const entry = entries.get(file.session_id);
    if (!entry) seekUnknown(file.session_id);
    if (!entry || file.seq <= entry.asOfSeq) return;
    const isUnseen =
      file.uploader === 'user' && file.seq > marks.seenSeq(file.session_id) && !needs.isInView(file.session_id);
    change(entry, {
      lastFile: file,
      filesCount: entry.filesCount + 1,
      unfinished: Math.max(0, entry.unfinished - 1),
      lastActivityAt: Math.max(Date.parse(file.created_at), entry.lastActivityAt),
      asOfSeq: file.seq,
      isNew: entry.isNew || isUnseen,
      newCount: entry.newCount + (isUnseen ? 1 : 0),
    });
  }

  function onRemoved({ session_id: id, id: fileId, seq, reason }: FileRemoved): void {
    const entry = entries.get(id);
    if (entry && seq <= entry.asOfSeq) return;
    const filesCount = Math.max(0, (entry?.filesCount ?? 0) - 1);
    const isOver = entry !== undefined && filesCount === 0 && entry.unfinished === 0 && moves.of(id).length === 0;
    if (reason === 'session_deleted' || isOver) drop(id);
    if (!entry || !entries.has(id)) return;
    const wasLast = entry.lastFile?.id === fileId;
    change(entry, {
      filesCount,
      asOfSeq: seq,
      lastActivityAt: activityNow(),
      lastFile: wasLast ? null : entry.lastFile,
      ...(filesCount === 0 && { isNew: false, newCount: 0 }),
    });
    if (wasLast && filesCount > 0) void findLast(id);
  }

  async function findLast(id: string): Promise<void> {
    const list = await api.files({ sessionId: id, order: 'newest', limit: 1 }).catch(() => null);
    const entry = entries.get(id);
    const file = list?.files[0];
    if (entry && file && (entry.lastFile?.seq ?? 0) < file.seq) change(entry, { lastFile: file });
  }

  function drop(id: string): void {
    entries.delete(id);
    unknown.delete(id);
    deleted.add(id);
    moves.drop(id);
    publish();
  }

  function onProgress(event: UploadProgress): void {
    const { session_id: id, state: uploadState } = event;
    const isFirst = moves.onProgress(event);
    const entry = entries.get(id);
    if (uploadState === 'uploading' && (isFirst || !entry)) begin(id);
    if (!entry) return;
    const hasEnded = uploadState === 'failed' || uploadState === 'unscannable' || uploadState === 'cancelled';
    if (hasEnded) {
      const unfinished = Math.max(0, entry.unfinished - 1);
      // Nothing else was in it: it is as if the chat had never been.
      if (unfinished === 0 && entry.filesCount === 0) drop(id);
      else change(entry, { unfinished });
    }
  }

  /** An upload began, which leads its chat to the top. */
  function begin(id: string): void {
    const entry = entries.get(id);
    if (!entry) {
      seekUnknown(id);
      return;
    }
    const unfinished = Math.max(entry.unfinished, moves.of(id).length);
    change(entry, { unfinished, lastActivityAt: activityNow() });
  }

  return {
    state,
    load,
    loadMore,
    async search(text) {
      const wanted = text.trim().toLowerCase();
      found = wanted === '' ? null : { text: wanted, next: null, isAtEnd: false };
      error = null;
      isLoading = false;
      publish();
      await this.loadMore();
    },
    onShared,
    onRemoved,
    onProgress,
    setOwnUploads(id, uploads) {
      if (moves.setOwn(id, uploads)) begin(id);
    },
    markRead(id) {
      const entry = entries.get(id);
      if (entry?.isNew) change(entry, { isNew: false, newCount: 0 });
    },
    exists: (id) => !deleted.has(id),
    destroy() {
      destroyed = true;
      clearTimeout(gathering);
      retry.reset();
      moves.destroy();
    },
  };
}
