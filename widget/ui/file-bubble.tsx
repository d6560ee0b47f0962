/** One shared file in the chat: what it shows, what it is called, and what can be done with it. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';
import { errorText } from '../words/problem-words.ts';
import { senderText } from '../words/state-words.ts';
import { FileBadge } from './file-badge.tsx';
import { canPreview, FilePreview } from './file-preview.tsx';
import { Icon, IconButton } from './icons.tsx';
import { useWords } from './use-words.tsx';

/** One renewal of the links; what is still broken then is shown as a plain file. */
const MAX_LINK_RENEWALS = 1;

/** Own files stand on the right. */
export function FileBubble({ file, chat }: { file: ChatFile; chat: ChatFiles }) {
  const words = useWords();
  const [renewals, setRenewals] = useState(0);
  const [isAsking, setIsAsking] = useState(false);
  const isOwn = file.uploader === chat.side;
  const showsPreview = renewals <= MAX_LINK_RENEWALS && canPreview(file);

  function onBroken(): void {
    // The key below makes a new preview of it, with the new link.
    chat
      .renewLinks(file.id)
      .catch(() => {})
      .finally(() => setRenewals((count) => count + 1));
  }

  return (
    <li class="message" data-own={isOwn}>
      <article class="bubble">
        {showsPreview && <FilePreview key={renewals} file={file} onBroken={onBroken} />}
        <div class="card-line">
          {!showsPreview && <FileBadge name={file.name} type={file.mime_type} />}
          <div class="card-text">
            <bdi class="file-name">{file.name}</bdi>
            <span class="card-note">{words.bytes(file.size)}</span>
          </div>
          <div class="card-actions">
            <a
              class="icon-button"
              href={file.url}
              download={file.name}
              title={words.label('download')}
              aria-label={words.text('downloadFile', { name: file.name })}
            >
              <Icon name="download" />
            </a>
            {chat.canRemove(file) && !isAsking && (
              <IconButton
                icon="delete"
                label={words.text('deleteFile', { name: file.name })}
                onClick={() => setIsAsking(true)}
              />
            )}
          </div>
        </div>
        {isAsking && <ConfirmDelete onKeep={() => setIsAsking(false)} onDelete={() => chat.remove(file.id)} />}
      </article>
      <p class="message-time">
        <bdi>{senderText(words, file.uploader, chat.side)}</bdi> ·{' '}
        <time dateTime={file.created_at}>
          <bdi>{words.time(new Date(file.created_at))}</bdi>
        </time>
      </p>
    </li>
  );
}

function ConfirmDelete({ onKeep, onDelete }: { onKeep: () => void; onDelete: () => Promise<void> }) {
  const words = useWords();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  // The safe answer has the focus: pressing Enter twice deletes nothing.
  useEffect(() => keep.current?.focus(), []);

  function confirm(): void {
    setIsBusy(true);
    onDelete().catch((error: unknown) => {
      setIsBusy(false);
      setProblem(errorText(words, error));
    });
  }

  return (
    <fieldset
      class="confirm"
      aria-label={words.label('deleteQuestion')}
      onKeyDown={(event) => event.key === 'Escape' && onKeep()}
    >
      <span>{problem ?? words.label('deleteQuestion')}</span>
      <div class="confirm-actions">
        <button type="button" class="text-button" ref={keep} onClick={onKeep}>
          {words.label('keep')}
        </button>
        <button type="button" class="text-button" data-tone="danger" disabled={isBusy} onClick={confirm}>
          {words.label('delete')}
        </button>
      </div>
    </fieldset>
  );
}
