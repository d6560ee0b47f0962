/** The conversation: shared files by day, then what is on its way; long chats are drawn from their end. */
import { useCallback, useMemo, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles, ChatFilesState } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import type { Viewing } from '../lightbox/viewing.ts';
import { FileBubble } from './file-bubble.tsx';
import { isMedia } from './file-kind.ts';
import { type FileGroup, groupFiles } from './group-files.ts';
import { Icon } from './icons.tsx';
import { IncomingCard } from './incoming-card.tsx';
import { PictureGroup } from './picture-group.tsx';
import { UploadCard } from './upload-card.tsx';
import { useListFocus } from './use-list-focus.ts';
import { useScrolling } from './use-scrolling.ts';
import { useWords } from './use-words.tsx';
import { Viewer } from './viewer.tsx';

/** So many messages are drawn at first, and with each look further back. */
const PAGE = 60;

/** `onChooseAgain` opens the file dialog for an upload whose file became unreadable. */
export function MessageList(props: {
  chat: ChatFiles;
  state: ChatFilesState;
  onChooseAgain: (upload: Upload) => void;
}) {
  const words = useWords();
  const { chat, state } = props;
  const [viewing, setViewing] = useState<Viewing | null>(null);
  const onOpen = useCallback((file: ChatFile, from: HTMLElement) => setViewing({ fileId: file.id, from }), []);
  const groups = useMemo(() => groupFiles(state.files, words.day), [state.files, words]);
  const { hidden, showEarlier } = useEarlier(groups);
  const received = useReceived(chat, state.files);
  const scrolling = useScrolling({ ownUploads: state.uploads.length, hidden, received, showEarlier });
  const goneFile = useListFocus(scrolling.scroller, state.files);
  // The same elements again while only progress moves: long chats are not compared ten times a second.
  const shared = useMemo(
    () =>
      groups.slice(hidden).flatMap((group, index, drawn) => [
        group.day !== drawn[index - 1]?.day && (
          <li key={`day-${group.key}`} class="day">
            {group.day}
          </li>
        ),
        <Group key={group.key} group={group} chat={chat} onOpen={onOpen} />,
      ]),
    [groups, hidden, chat, onOpen],
  );
  const viewable = useMemo(() => (viewing === null ? [] : state.files.filter(isMedia)), [viewing, state.files]);
  const isEmpty = state.files.length + state.uploads.length + state.incoming.length === 0;
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for a form; a section would be a landmark in each widget */}
      <div
        class="scroller"
        role="group"
        ref={scrolling.scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: without the focus the keyboard cannot scroll it
        tabIndex={0}
        aria-label={words.label('sharedFiles')}
      >
        {isEmpty && <EmptyState isLoaded={state.isLoaded} />}
        {hidden > 0 && (
          <button type="button" class="text-button earlier" ref={scrolling.earlier} onClick={showEarlier}>
            {words.label('loadMore')}
          </button>
        )}
        <ol class="messages">
          {shared}
          {state.incoming.map((upload) => (
            <IncomingCard key={`incoming-${upload.id}`} upload={upload} side={chat.side} />
          ))}
          {state.uploads.map((upload) => (
            <UploadCard key={upload.id} upload={upload} chat={chat} onChooseAgain={() => props.onChooseAgain(upload)} />
          ))}
        </ol>
      </div>
      {scrolling.unseen > 0 && (
        <div class="unseen">
          <button type="button" onClick={scrolling.toEnd}>
            <Icon name="down" />
            {words.text('newCount', { count: scrolling.unseen })}
          </button>
        </div>
      )}
      <p class="visually-hidden" role="status">
        {goneFile !== null && words.text('removedFile', { name: goneFile.name })}
      </p>
      <Viewer source={chat} files={viewable} viewing={viewing} onClose={() => setViewing(null)} />
    </>
  );
}

function Group(props: { group: FileGroup; chat: ChatFiles; onOpen: (file: ChatFile, from: HTMLElement) => void }) {
  const { group, chat, onOpen } = props;
  const [only] = group.files;
  if (only === undefined) return null;
  if (group.files.length > 1) return <PictureGroup files={group.files} chat={chat} onOpen={onOpen} />;
  return <FileBubble file={only} chat={chat} onOpen={onOpen} />;
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

/** How many messages at the start are not drawn. What comes at the end later leaves that number alone. */
function useEarlier(groups: FileGroup[]): { hidden: number; showEarlier: () => void } {
  const [hidden, setHidden] = useState<number | null>(null);
  const first = Math.max(0, groups.length - PAGE);
  if (hidden === null && groups.length > 0) setHidden(first);
  const showEarlier = useCallback(() => setHidden((count) => Math.max(0, (count ?? 0) - PAGE)), []);
  return { hidden: Math.min(hidden ?? first, first), showEarlier };
}

/** How many files of the other side have come since this was opened. */
function useReceived(chat: ChatFiles, files: ChatFile[]): number {
  const lastSeq = useRef<number | null>(null);
  const count = useRef(0);
  // In each render, not in an effect: the number has to be there together with the files.
  return useMemo(() => {
    const before = lastSeq.current;
    let last = before ?? 0;
    for (const file of files) {
      if (before !== null && file.seq > before && file.uploader !== chat.side) count.current += 1;
      last = Math.max(last, file.seq);
    }
    if (files.length > 0) lastSeq.current = last;
    return count.current;
  }, [files, chat]);
}
