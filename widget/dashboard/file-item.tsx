/** One file in the list or the gallery: what it is, whose, from which chat, and what can be done with it. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { FileBadge } from '../ui/file-badge.tsx';
import { shownAs } from '../ui/file-kind.ts';
import { Icon, IconButton } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';
import type { Words } from '../words/create-words.ts';
import { errorText } from '../words/problem-words.ts';
import { senderText } from '../words/state-words.ts';
import { PlaceLink } from './dashboard-context.tsx';
import type { FileBrowser } from './file-browser.ts';

type ItemProps = { file: ChatFile; browser: FileBrowser };

export function FileRow({ file, browser }: ItemProps) {
  const words = useWords();
  const [isAsking, setIsAsking] = useState(false);
  return (
    <li class="file-row">
      <div class="file-row-line">
        <a class="file-row-main" href={file.url} target="_blank" rel="noopener noreferrer">
          <FilePicture file={file} browser={browser} />
          <span class="file-row-text">
            <bdi class="file-row-name">{file.name}</bdi>
            <span class="card-note">
              {words.facts(
                words.bytes(file.size),
                senderText(words, file.uploader, 'agent'),
                browser.sessionId === null ? file.session_id : null,
                whenText(words, new Date(file.created_at)),
              )}
            </span>
          </span>
        </a>
        <FileActions file={file} browser={browser} onDelete={() => setIsAsking(true)} />
      </div>
      {isAsking && <ConfirmRemoval file={file} browser={browser} onKeep={() => setIsAsking(false)} />}
    </li>
  );
}

export function FileTile({ file, browser }: ItemProps) {
  const [isAsking, setIsAsking] = useState(false);
  const words = useWords();
  return (
    <li class="file-tile">
      <a class="file-tile-main" href={file.url} target="_blank" rel="noopener noreferrer">
        <span class="file-tile-picture">
          <FilePicture file={file} browser={browser} />
        </span>
        <span class="file-tile-text">
          <bdi class="file-row-name">{file.name}</bdi>
          <span class="card-note">
            {words.facts(words.bytes(file.size), whenText(words, new Date(file.created_at)))}
          </span>
        </span>
      </a>
      {isAsking ? (
        <ConfirmRemoval file={file} browser={browser} onKeep={() => setIsAsking(false)} />
      ) : (
        <FileActions file={file} browser={browser} onDelete={() => setIsAsking(true)} />
      )}
    </li>
  );
}

/** The time of day while it says enough, else the day. */
function whenText(words: Words, date: Date): string {
  return date.toDateString() === new Date().toDateString() ? words.time(date) : words.day(date);
}

/** A small picture where there is one, else what kind of file it is. */
function FilePicture({ file, browser }: ItemProps) {
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

function FileActions({ file, browser, onDelete }: ItemProps & { onDelete: () => void }) {
  const words = useWords();
  return (
    <div class="card-actions">
      {browser.sessionId === null && (
        <PlaceLink
          to={{ kind: 'chat', id: file.session_id, view: 'chat' }}
          class="icon-button"
          label={words.text('openChat', { id: file.session_id })}
        >
          <Icon name="chat" />
        </PlaceLink>
      )}
      <a
        class="icon-button"
        href={file.url}
        download={file.name}
        title={words.label('download')}
        aria-label={words.text('downloadFile', { name: file.name })}
      >
        <Icon name="download" />
      </a>
      <IconButton icon="delete" label={words.text('deleteFile', { name: file.name })} onClick={onDelete} />
    </div>
  );
}

function ConfirmRemoval({ file, browser, onKeep }: ItemProps & { onKeep: () => void }) {
  const words = useWords();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  // The safe answer has the focus: pressing Enter twice deletes nothing.
  useEffect(() => keep.current?.focus(), []);

  async function remove(): Promise<void> {
    setIsBusy(true);
    try {
      // It goes from the list by its event, as it does for everybody.
      await browser.remove(file.id);
    } catch (error) {
      setIsBusy(false);
      setProblem(errorText(words, error as Error));
    }
  }

  return (
    <fieldset
      class="confirm"
      aria-label={words.text('deleteFile', { name: file.name })}
      onKeyDown={(event) => event.key === 'Escape' && onKeep()}
    >
      <span role={problem === null ? undefined : 'alert'}>{problem ?? words.label('deleteQuestion')}</span>
      <button type="button" class="text-button" ref={keep} onClick={onKeep}>
        {words.label('keep')}
      </button>
      <button type="button" class="text-button" data-tone="danger" disabled={isBusy} onClick={() => void remove()}>
        {words.label('delete')}
      </button>
    </fieldset>
  );
}
