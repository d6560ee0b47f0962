/** The conversation: shared files by day, then what is on its way, kept at its end while the reader is there. */
import { useLayoutEffect, useMemo, useRef } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import type { Words } from '../words/create-words.ts';
import { FileBubble } from './file-bubble.tsx';
import { Icon } from './icons.tsx';
import { IncomingCard } from './incoming-card.tsx';
import { UploadCard } from './upload-card.tsx';
import { useWords } from './use-words.tsx';

/** Closer to the end than this counts as being there. */
const NEAR_END_PX = 80;

/** `onChooseAgain` opens the file dialog for an upload whose file became unreadable. */
export function MessageList(props: {
  chat: ChatFiles;
  state: ChatFilesState;
  onChooseAgain: (upload: Upload) => void;
}) {
  const words = useWords();
  const { chat, state } = props;
  const scroller = useStickToEnd(state.uploads.length);
  // The same elements again while only progress moves: long chats are not compared ten times a second.
  const shared = useMemo(
    () =>
      byDay(words, state.files).map(({ day, files }) => [
        <li key={day} class="day">
          {day}
        </li>,
        files.map((file) => <FileBubble key={`file-${file.id}`} file={file} chat={chat} />),
      ]),
    [state.files, chat, words],
  );
  const isEmpty = state.files.length + state.uploads.length + state.incoming.length === 0;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus the keyboard cannot scroll it
    <section class="scroller" ref={scroller} tabIndex={0} aria-label={words.label('sharedFiles')}>
      {isEmpty && <EmptyState isLoaded={state.isLoaded} />}
      <ol class="messages">
        {shared}
        {state.incoming.map((upload) => (
          <IncomingCard key={`incoming-${upload.id}`} upload={upload} side={chat.side} />
        ))}
        {state.uploads.map((upload) => (
          <UploadCard key={upload.id} upload={upload} chat={chat} onChooseAgain={() => props.onChooseAgain(upload)} />
        ))}
      </ol>
    </section>
  );
}

function EmptyState({ isLoaded }: { isLoaded: boolean }) {
  const words = useWords();
  if (!isLoaded) return <p class="empty">{words.label('loading')}</p>;
  return (
    <div class="empty">
      <span class="empty-icon">
        <Icon name="drop" />
      </span>
      <p>{words.label('dropHere')}</p>
    </div>
  );
}

function byDay(words: Words, files: ChatFile[]): { day: string; files: ChatFile[] }[] {
  const days: { day: string; files: ChatFile[] }[] = [];
  for (const file of files) {
    const day = words.day(new Date(file.created_at));
    const last = days.at(-1);
    if (last?.day === day) last.files.push(file);
    else days.push({ day, files: [file] });
  }
  return days;
}

/** Follows new messages and pictures that grow, unless the reader has scrolled up; an own upload always comes into view. */
function useStickToEnd(ownUploads: number) {
  const scroller = useRef<HTMLElement>(null);
  const isAtEnd = useRef(true);
  const uploadsBefore = useRef(ownUploads);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const toEnd = () => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
    };
    let lastTop = element.scrollTop;
    const onScroll = () => {
      // Only going up leaves the end: content that grows meanwhile moves the end away too.
      const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
      isAtEnd.current = isNear || (isAtEnd.current && element.scrollTop >= lastTop);
      lastTop = element.scrollTop;
    };
    const observer = new ResizeObserver(toEnd);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, []);

  useLayoutEffect(() => {
    if (ownUploads > uploadsBefore.current && scroller.current) {
      isAtEnd.current = true;
      scroller.current.scrollTop = scroller.current.scrollHeight;
    }
    uploadsBefore.current = ownUploads;
  }, [ownUploads]);

  return scroller;
}
