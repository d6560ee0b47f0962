/** One shared file in the chat: what it shows, what it is called, and what can be done with it. */
import type { ComponentChildren } from '@uppy/core/utils/preact';
import { useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';
import { senderText } from '../words/state-words.ts';
import { CardPicture } from './card-picture.tsx';
import { ConfirmDelete } from './confirm-delete.tsx';
import { DownloadLink } from './download-link.tsx';
import { kindLabel, shownAs } from './file-kind.ts';
import { FileName } from './file-name.tsx';
import { FilePreview } from './file-preview.tsx';
import type { FileSource } from './file-source.ts';
import { Icon } from './icons.tsx';
import type { OpenFile } from './picture.tsx';
import { pictureBox } from './picture-box.ts';
import { useMediaLink } from './use-media-link.ts';
import { useWords } from './use-words.tsx';

/** Heights of the parts of a message before it is laid out, in CSS pixels; a name of several lines adds to them. */
const CARD_HEIGHT = 60;
const TIME_HEIGHT = 19.8;
const PLAYER_HEIGHT = 64;

/** Own files stand on the right. */
export function FileBubble({ file, chat, onOpen }: { file: ChatFile; chat: ChatFiles; onOpen: OpenFile }) {
  const words = useWords();
  const link = useMediaLink(chat, file, shownAs(file) === 'picture');
  const shown = link.isBroken ? null : shownAs(file);
  const box = shown === 'picture' || shown === 'video' ? pictureBox(file, shown) : null;
  const height = CARD_HEIGHT + TIME_HEIGHT + (box ? box.width / box.ratio : shown === 'audio' ? PLAYER_HEIGHT : 0);

  return (
    <Message chat={chat} file={file} height={height}>
      <article
        class="bubble"
        tabIndex={-1}
        aria-label={file.name}
        data-file={file.id}
        style={{ width: box ? `${box.width}px` : '' }}
      >
        {shown !== null && <FilePreview file={file} shown={shown} link={link} box={box} onOpen={onOpen} />}
        <WithConfirm source={chat} file={file}>
          {(deleteButton) => (
            <div class="card-line">
              {shown === null && <CardPicture file={file} />}
              <div class="card-text">
                <FileName name={file.name} />
                <span class="card-note">
                  {words.facts(shown === null ? words.label(kindLabel(file.mime_type)) : null, words.bytes(file.size))}
                </span>
              </div>
              <div class="card-actions">
                <DownloadLink source={chat} file={file} />
                {deleteButton}
              </div>
            </div>
          )}
        </WithConfirm>
      </article>
    </Message>
  );
}

/** The place in the chat: side, sender and time. `height` is a guess for what is not drawn yet, in CSS pixels. */
export function Message(props: { chat: ChatFiles; file: ChatFile; height: number; children: ComponentChildren }) {
  const { chat, file } = props;
  const words = useWords();
  return (
    <li
      class="message"
      data-own={file.uploader === chat.side}
      style={{ containIntrinsicBlockSize: `auto ${props.height}px` }}
    >
      {props.children}
      <p class="message-time">
        <bdi>{senderText(words, file.uploader, chat.side)}</bdi> ·{' '}
        <time dateTime={file.created_at}>
          <bdi>{words.time(new Date(file.created_at))}</bdi>
        </time>
      </p>
    </li>
  );
}

/** A button that asks before it deletes; `children` puts it in its place, the question stands under them. */
export function WithConfirm(props: {
  source: FileSource;
  file: ChatFile;
  children: (deleteButton: ComponentChildren) => ComponentChildren;
}) {
  const { source, file } = props;
  const words = useWords();
  const [isAsking, setIsAsking] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const label = words.text('deleteFile', { name: file.name });

  function keep(): void {
    setIsAsking(false);
    button.current?.focus();
  }

  return (
    <>
      {props.children(
        source.canRemove(file) && (
          <button
            type="button"
            class="icon-button"
            ref={button}
            aria-label={label}
            title={label}
            aria-expanded={isAsking}
            onClick={() => setIsAsking(!isAsking)}
          >
            <Icon name="delete" />
          </button>
        ),
      )}
      {isAsking && <ConfirmDelete onKeep={keep} onDelete={() => source.remove(file.id)} />}
    </>
  );
}
