/** One file in the list or the gallery: what it is, whose, from which chat, and what can be done with it. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { DownloadLink } from '../ui/download-link.tsx';
import { FileBadge } from '../ui/file-badge.tsx';
import { WithConfirm } from '../ui/file-bubble.tsx';
import { shownAs } from '../ui/file-kind.ts';
import { Icon } from '../ui/icons.tsx';
import type { OpenFile } from '../ui/picture.tsx';
import { useWords } from '../ui/use-words.tsx';
import type { Words } from '../words/create-words.ts';
import { senderText } from '../words/state-words.ts';
import { isPlainClick, PlaceLink } from './dashboard-context.tsx';
import type { FileBrowser } from './file-browser.ts';

type ItemProps = { file: ChatFile; browser: FileBrowser; onOpen: OpenFile };

export function FileRow({ file, browser, onOpen }: ItemProps) {
  const words = useWords();
  return (
    <li class="file-row" data-file={file.id} tabIndex={-1}>
      <WithConfirm source={browser} file={file}>
        {(deleteButton) => (
          <div class="file-row-line">
            <OpenLink class="file-row-main" file={file} onOpen={onOpen}>
              <FilePicture file={file} browser={browser} />
              <span class="file-row-text">
                <bdi class="file-row-name">{file.name}</bdi>
                <span class="card-note">
                  {words.facts(
                    words.bytes(file.size),
                    senderText(words, file.uploader, browser.side),
                    browser.sessionId === null ? file.session_id : null,
                    whenText(words, new Date(file.created_at)),
                  )}
                </span>
              </span>
            </OpenLink>
            <FileActions file={file} browser={browser} deleteButton={deleteButton} />
          </div>
        )}
      </WithConfirm>
    </li>
  );
}

export function FileTile({ file, browser, onOpen }: ItemProps) {
  const words = useWords();
  return (
    <li class="file-tile" data-file={file.id} tabIndex={-1}>
      <WithConfirm source={browser} file={file}>
        {(deleteButton) => (
          <>
            <OpenLink class="file-tile-main" file={file} onOpen={onOpen}>
              <span class="file-tile-picture">
                <FilePicture file={file} browser={browser} />
              </span>
              <span class="file-tile-text">
                <bdi class="file-row-name">{file.name}</bdi>
                <span class="card-note">
                  {words.facts(words.bytes(file.size), whenText(words, new Date(file.created_at)))}
                </span>
              </span>
            </OpenLink>
            <FileActions file={file} browser={browser} deleteButton={deleteButton} />
          </>
        )}
      </WithConfirm>
    </li>
  );
}

/** Opens the viewer; with a key held, or the wheel's button, the file in a tab of its own. */
function OpenLink(props: { class: string; file: ChatFile; onOpen: OpenFile; children: ComponentChildren }) {
  const { file, onOpen } = props;
  return (
    <a
      class={props.class}
      href={file.url}
      target="_blank"
      rel="noopener noreferrer"
      aria-haspopup="dialog"
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        onOpen(file, event.currentTarget);
      }}
    >
      {props.children}
    </a>
  );
}

/** The time of day while it says enough, else the day. */
function whenText(words: Words, date: Date): string {
  return date.toDateString() === new Date().toDateString() ? words.time(date) : words.day(date);
}

/** A small picture where there is one, else what kind of file it is. */
function FilePicture({ file, browser }: { file: ChatFile; browser: FileBrowser }) {
  const [isBroken, setIsBroken] = useState(false);
  const renewed = useRef(false);
  const picture = file.thumbnail ?? (shownAs(file) === 'picture' ? file.url : null);
  // A new link is a new chance.
  useEffect(() => setIsBroken(false), [picture]);
  if (picture === null || isBroken) return <FileBadge name={file.name} type={file.mime_type} />;
  return (
    <img
      class="thumbnail"
      src={picture}
      alt=""
      loading="lazy"
      decoding="async"
      onError={() => {
        setIsBroken(true);
        // The link may have ended.
        if (!renewed.current) void browser.renewLinks(file.id);
        renewed.current = true;
      }}
    />
  );
}

function FileActions(props: { file: ChatFile; browser: FileBrowser; deleteButton: ComponentChildren }) {
  const { file, browser } = props;
  return (
    <div class="card-actions">
      {browser.sessionId === null && <ChatLink id={file.session_id} />}
      <DownloadLink source={browser} file={file} />
      {props.deleteButton}
    </div>
  );
}

/** Where a file came from. `onFollow` is called before it leads there. */
export function ChatLink({ id, onFollow }: { id: string; onFollow?: () => void }) {
  const words = useWords();
  return (
    <PlaceLink
      to={{ kind: 'chat', id, view: 'chat' }}
      class="icon-button"
      label={words.text('openChat', { id })}
      onFollow={onFollow}
    >
      <Icon name="chat" />
    </PlaceLink>
  );
}
