/** One side of the chat: header, conversation, offers and the button, and the whole area takes drops and pastes. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import { useRef } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import { connectionText } from '../words/state-words.ts';
import { Composer } from './composer.tsx';
import { Icon, IconButton } from './icons.tsx';
import { MessageList } from './message-list.tsx';
import { OfflineBanner } from './offline-banner.tsx';
import { UnfinishedOffers } from './unfinished-offers.tsx';
import { UploadsSummary } from './uploads-summary.tsx';
import { useAdding } from './use-adding.ts';
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
  const adding = useAdding(chat);
  const { notice, setNotice } = adding;
  const isOver = useDrop(pane, adding.add, adding.foundNothing) || props.isDragOver;
  usePaste(props.isPasteTarget, adding.add);
  const picker = usePicker(adding.add);
  const sentence = useAnnouncer(chat);
  // Without a token “Reconnecting” would go on for ever.
  const connection = state.access === 'ok' ? state.connection : { state: 'refused' as const };

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
          <span class="connection" data-state={connection.state}>
            {connectionText(words, connection)}
          </span>
        </header>
        {state.access !== 'ok' && (
          <p class="banner no-access" data-tone={state.access === 'refused' ? 'danger' : 'warn'} role="alert">
            <Icon name="warning" />
            <span>{words.label(state.access === 'refused' ? 'chatRefused' : 'problem-unauthenticated')}</span>
          </p>
        )}
        <OfflineBanner isWaiting={state.uploads.some(({ wait }) => wait?.reason === 'network')} />
        <UploadsSummary chat={chat} uploads={state.uploads} />
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
        <Composer
          picker={picker}
          adding={adding}
          config={state.config}
          isConnecting={connection.state === 'connecting'}
        />
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
