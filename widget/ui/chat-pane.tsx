/** One side of the chat: header, conversation, offers and the button, and the whole area takes drops and pastes. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import { useCallback, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import { connectionText } from '../words/state-words.ts';
import { Composer } from './composer.tsx';
import { Icon, IconButton } from './icons.tsx';
import { MessageList } from './message-list.tsx';
import { UnfinishedOffers } from './unfinished-offers.tsx';
import { useAnnouncer } from './use-announcer.ts';
import { useDrop } from './use-drop.ts';
import { useObservable } from './use-observable.ts';
import { usePaste } from './use-paste.ts';
import { usePicker } from './use-picker.ts';
import { useWords } from './use-words.tsx';

/** `isPasteTarget` tells, at each paste, whether this pane is the one that is meant. */
export function ChatPane(props: {
  chat: ChatFiles;
  /** Over the files; by default “Files”. */
  title?: string | undefined;
  subtitle?: ComponentChildren;
  isPasteTarget: () => boolean;
  /** Files hover over the page around it, which will hand them over. */
  isDragOver?: boolean;
}) {
  const { chat } = props;
  const words = useWords();
  const title = props.title ?? words.label('files');
  const state = useObservable(chat.state);
  const pane = useRef<HTMLElement>(null);
  const [notice, setNotice] = useState<string | null>(null);
  const addFiles = useCallback(
    (files: File[]) => {
      const leftOut = chat.add(files);
      setNotice(leftOut > 0 ? words.text('tooMany', { count: leftOut }) : null);
    },
    [chat, words],
  );
  const isOver = useDrop(pane, addFiles) || props.isDragOver;
  usePaste(props.isPasteTarget, addFiles);
  const picker = usePicker(addFiles);
  const sentence = useAnnouncer(chat);

  async function chooseAgain(upload: Upload, file: File): Promise<void> {
    const isSame = await chat.chooseAgain(upload.id, file);
    setNotice(isSame ? null : words.text('otherFileThan', { name: upload.name }));
  }

  return (
    <>
      <section class="pane" lang={words.locale} dir={words.dir} data-side={chat.side} aria-label={title} ref={pane}>
        <header class="pane-header">
          <div>
            <h2>
              <bdi>{title}</bdi>
            </h2>
            {props.subtitle !== undefined && (
              <p>
                <bdi>{props.subtitle}</bdi>
              </p>
            )}
          </div>
          <span class="connection" data-state={state.connection.state}>
            {connectionText(words, state.connection)}
          </span>
        </header>
        {state.connection.state === 'refused' && (
          <p class="notice" data-tone="danger" role="alert">
            {words.label('chatRefused')}
          </p>
        )}
        <MessageList
          chat={chat}
          state={state}
          onChooseAgain={(upload) => picker.open((file) => void chooseAgain(upload, file))}
        />
        {notice !== null && (
          <div class="notice" role="alert">
            <span>{notice}</span>
            <IconButton icon="close" label={words.label('closeMessage')} onClick={() => setNotice(null)} />
          </div>
        )}
        <UnfinishedOffers chat={chat} uploads={state.unfinished} pick={picker.open} />
        <Composer picker={picker} config={state.config} />
        {isOver && (
          <div class="drop-overlay" aria-hidden="true">
            <Icon name="drop" />
            <span>{words.label(chat.side === 'user' ? 'dropToAgent' : 'dropToVisitor')}</span>
          </div>
        )}
      </section>
      <p class="visually-hidden" role="status" lang={words.locale} dir={words.dir}>
        {sentence}
      </p>
    </>
  );
}
