/** The left side: all files, the search, and the chats, newest activity first. */
import type { VNode } from '@uppy/core/utils/preact';
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useObservable } from '../ui/use-observable.ts';
import { useWords } from '../ui/use-words.tsx';
import { errorText } from '../words/problem-words.ts';
import { ChatItem } from './chat-item.tsx';
import type { ChatRow, ChatRows } from './chat-rows.ts';
import { PlaceLink, usePlace } from './dashboard-context.tsx';
import { SearchField } from './search-field.tsx';
import { useEndReached } from './use-end-reached.ts';

const TYPING_MS = 250;

export function ChatList({ rows, canSeeAllFiles }: { rows: ChatRows; canSeeAllFiles: boolean }) {
  const words = useWords();
  const state = useObservable(rows.state);
  const place = usePlace();
  const list = useRef<HTMLUListElement>(null);
  const [text, setText] = useState('');
  const currentId = place.kind === 'chat' ? place.id : null;
  const [stopId, setStopId] = useState<string | null>(null);
  const loadMore = useCallback(() => void rows.loadMore(), [rows]);
  const [onlyNew, setOnlyNew] = useState(false);
  const newCount = state.rows.filter(({ isNew }) => isNew).length;
  // The one that is shown stays where it was chosen, although it is not new any more.
  const shown = onlyNew ? state.rows.filter((row) => row.isNew || row.id === currentId) : state.rows;
  const end = useEndReached(loadMore, state.hasMore && state.error === null && !onlyNew);
  useSearch(rows, text);
  useKeptFocus(list, state.rows);

  // One stop for Tab, the arrows lead on: the row that had the focus, else the one that is shown, else the first.
  const tabStop = [stopId, currentId].find((id) => shown.some((row) => row.id === id)) ?? shown[0]?.id;

  function onKeyDown(event: KeyboardEvent): void {
    const links = [...(list.current?.querySelectorAll<HTMLElement>('.chat-item') ?? [])];
    const at = links.indexOf(event.target as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    links[to]?.focus();
  }

  return (
    <>
      <div class="list-head">
        {canSeeAllFiles && (
          <PlaceLink to={{ kind: 'files' }} class="all-files" current={place.kind === 'files'}>
            <Icon name="folder" />
            {words.label('allFiles')}
          </PlaceLink>
        )}
        <SearchField
          label={words.label('searchChats')}
          value={text}
          onInput={setText}
          onDown={() => list.current?.querySelector<HTMLElement>('.chat-item')?.focus()}
        />
        {(newCount > 0 || onlyNew) && (
          <button type="button" class="only-new" aria-pressed={onlyNew} onClick={() => setOnlyNew(!onlyNew)}>
            {words.label('hasNew')}
            <span class="new-mark" data-counted>
              {words.number(newCount)}
            </span>
          </button>
        )}
      </div>
      <div class="list-scroller">
        <ul
          class="chat-items"
          ref={list}
          aria-label={words.label('sessions')}
          onKeyDown={onKeyDown}
          onFocusCapture={(event) => setStopId((event.target as HTMLElement).dataset.id ?? null)}
        >
          <Items rows={shown} currentId={currentId} tabStop={tabStop} />
        </ul>
        {shown.length === 0 && state.isLoaded && !state.isLoading && (
          <NoChats isSearch={onlyNew || text.trim() !== ''} />
        )}
        {state.error !== null && (
          <div class="list-note" role="alert">
            {errorText(words, state.error as Error)}
            <button type="button" class="text-button" onClick={() => void rows.loadMore()}>
              {words.label('tryAgain')}
            </button>
          </div>
        )}
        {state.isLoading && <p class="list-note">{words.label('loading')}</p>}
        <div ref={end} />
      </div>
    </>
  );
}

/** The same element for a row that has not changed: of five hundred only those that move are compared. */
function Items(props: { rows: ChatRow[]; currentId: string | null; tabStop: string | undefined }) {
  const { currentId, tabStop } = props;
  const made = useRef(new WeakMap<ChatRow, { key: string; item: VNode }>());
  const words = useWords();
  return props.rows.map((row) => {
    const isCurrent = row.id === currentId;
    const isTabStop = row.id === tabStop;
    const key = `${isCurrent} ${isTabStop} ${words.locale}`;
    const before = made.current.get(row);
    if (before?.key === key) return before.item;
    const item = <ChatItem key={row.id} row={row} isCurrent={isCurrent} isTabStop={isTabStop} />;
    made.current.set(row, { key, item });
    return item;
  });
}

function NoChats({ isSearch }: { isSearch: boolean }) {
  const words = useWords();
  if (isSearch) return <p class="list-note">{words.label('noChatsFound')}</p>;
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name="drop" />
      </span>
      <p class="empty-title">{words.label('noSessions')}</p>
      <p>{words.label('noChatsHint')}</p>
    </div>
  );
}

function useSearch(rows: ChatRows, text: string): void {
  const isFirst = useRef(true);
  useEffect(() => {
    if (isFirst.current) {
      isFirst.current = false;
      return;
    }
    const timer = setTimeout(() => void rows.search(text), text === '' ? 0 : TYPING_MS);
    return () => clearTimeout(timer);
  }, [rows, text]);
}

/** A row that moves to the top is taken out and put in again, which costs it the focus. */
function useKeptFocus(list: { current: HTMLUListElement | null }, rows: ChatRow[]): void {
  const root = list.current?.getRootNode() as ShadowRoot | undefined;
  const active = root?.activeElement;
  const focused = active instanceof HTMLElement && list.current?.contains(active) ? active.dataset.id : undefined;
  useLayoutEffect(() => {
    if (focused === undefined || root?.activeElement) return;
    list.current?.querySelector<HTMLElement>(`[data-id="${focused}"]`)?.focus({ preventScroll: true });
  }, [rows]);
}
