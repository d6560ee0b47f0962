/** The files of a chat or of the company under a filter: pages from the server, kept true by events. */
import type { ChatFile, FileList } from '../../server/contract/chat-file.ts';
import type { FileShared, FileUpdated, LedgerEvent } from '../../server/contract/events.ts';
import { type FileFilter, type FileOrder, matchesFilter } from '../../server/contract/file-filter.ts';
import { createObservable, type Observable } from '../core/observable.ts';
import type { FileSource } from '../ui/file-source.ts';
import type { CompanyApi } from './company-api.ts';

export type BrowserFilter = FileFilter & { order: FileOrder };

export type FileBrowserState = {
  filter: BrowserFilter;
  files: ChatFile[];
  /** All that match, also those on later pages; null until known. */
  count: number | null;
  isLoading: boolean;
  hasMore: boolean;
  error: unknown;
};

export type FileBrowser = Omit<FileSource, 'state'> & {
  /** Null: the whole company's. */
  sessionId: string | null;
  state: Observable<FileBrowserState>;
  /** Replaces what is given. A text is waited for until nobody types. */
  setFilter(change: Partial<BrowserFilter>): void;
  loadMore(): Promise<void>;
  /** All again, as many as are shown: links last an hour, and events may have been missed. */
  reload(): Promise<void>;
  onEvent(event: LedgerEvent): void;
  destroy(): void;
};

const PAGE = 60;
const MAX_PAGE = 200;
const TYPING_MS = 250;
/** Links last an hour. */
const RENEW_LINKS_MS = 45 * 60_000;
/** Events that may have to be told again to a page that was asked for before they came. */
const MAX_RECENT_EVENTS = 1000;

export function createFileBrowser(needs: {
  api: Pick<CompanyApi, 'files' | 'file' | 'removeFile'>;
  sessionId: string | null;
}): FileBrowser {
  const { api, sessionId } = needs;
  const state = createObservable<FileBrowserState>({
    filter: { order: 'newest' },
    files: [],
    count: null,
    isLoading: true,
    hasMore: false,
    error: null,
  });
  const removed = new Set<number>();
  let recent: LedgerEvent[] = [];
  let cursor: string | null = null;
  /** Of the answers under way only those to the newest question count. */
  let question = 0;
  let typing: ReturnType<typeof setTimeout> | undefined;
  const set = (change: Partial<FileBrowserState>) => state.set({ ...state.get(), ...change });
  const renewal = setInterval(() => void reload(), RENEW_LINKS_MS);

  async function ask(limit: number, from: string | null): Promise<FileList | null> {
    question += 1;
    const asked = question;
    set({ isLoading: true, error: null });
    try {
      const { filter } = state.get();
      const list = await api.files({ ...filter, q: filter.q?.trim() || undefined, sessionId, limit, cursor: from });
      return asked === question ? list : null;
    } catch (error) {
      if (asked === question) set({ isLoading: false, error });
      return null;
    }
  }

  /** `kept`: what stands before the page. What happened while it was on its way is told to it again. */
  function show(list: FileList, kept: ChatFile[]): void {
    cursor = list.next_cursor;
    const known = new Set(kept.map(({ id }) => id));
    const fresh = list.files.filter(({ id }) => !known.has(id) && !removed.has(id));
    set({ files: [...kept, ...fresh], count: list.count, hasMore: cursor !== null, isLoading: false });
    for (const event of recent) if (event.seq > list.seq) apply(event);
  }

  async function restart(): Promise<void> {
    const list = await ask(PAGE, null);
    if (list) show(list, []);
  }

  async function reload(): Promise<void> {
    const list = await ask(Math.min(Math.max(state.get().files.length, PAGE), MAX_PAGE), null);
    if (list) show(list, []);
  }

  function apply(event: LedgerEvent): void {
    if (event.type === 'file_removed') takeOut(event.id);
    else if (!removed.has(event.id)) putIn(event);
  }

  function takeOut(fileId: number): void {
    const { files, count, hasMore } = state.get();
    removed.add(fileId);
    const left = files.filter(({ id }) => id !== fileId);
    if (left.length < files.length) set({ files: left, count: count === null ? null : count - 1 });
    else if (hasMore) void recount();
  }

  function putIn({ type, ...file }: FileShared | FileUpdated): void {
    const { files, count, filter, hasMore } = state.get();
    if (files.some(({ id }) => id === file.id)) {
      set({ files: files.map((known) => (known.id === file.id ? file : known)) });
      return;
    }
    if (type !== 'file_shared' || !matchesFilter(file, { ...filter, q: filter.q?.trim() })) return;
    const isInView = filter.order === 'newest' || !hasMore;
    const next = filter.order === 'newest' ? [file, ...files] : [...files, file];
    set({ count: count === null ? null : count + 1, ...(isInView && { files: next }) });
  }

  /** A file on a later page went: only the server knows whether it was counted. */
  async function recount(): Promise<void> {
    const { filter } = state.get();
    const asked = question;
    const list = await api
      .files({ ...filter, q: filter.q?.trim() || undefined, sessionId, limit: 1 })
      .catch(() => null);
    if (list && asked === question) set({ count: list.count });
  }

  void restart();

  return {
    sessionId,
    side: 'agent',
    state,
    setFilter(change) {
      const filter = { ...state.get().filter, ...change };
      clearTimeout(typing);
      question += 1;
      set({ filter, isLoading: true });
      typing = setTimeout(() => void restart(), 'q' in change && change.q ? TYPING_MS : 0);
    },
    async loadMore() {
      const { isLoading, hasMore } = state.get();
      if (isLoading || !hasMore) return;
      const list = await ask(PAGE, cursor);
      if (list) show(list, state.get().files);
    },
    reload,
    async renewLinks(id) {
      const file = await api.file(id).catch(() => null);
      if (file) set({ files: state.get().files.map((known) => (known.id === id ? file : known)) });
    },
    canRemove: () => true,
    // It goes from the list by its event, as it does for everybody.
    remove: (id) => api.removeFile(id),
    onEvent(event) {
      if (sessionId !== null && event.session_id !== sessionId) return;
      recent = [...recent.slice(-MAX_RECENT_EVENTS), event];
      apply(event);
    },
    destroy() {
      question += 1;
      clearTimeout(typing);
      clearInterval(renewal);
    },
  };
}
