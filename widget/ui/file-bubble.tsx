/** One shared file in the chat: what it shows, what it is called, and what can be done with it. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles } from '../core/chat-files.ts';
import { FileBadge } from './file-badge.tsx';
import { canPreview, FilePreview } from './file-preview.tsx';
import { Icon, IconButton } from './icons.tsx';
import { bytesText, senderText, timeText } from './words.ts';

/** One renewal of the links; what is still broken then is shown as a plain file. */
const MAX_LINK_RENEWALS = 1;

/** Own files stand on the right. */
export function FileBubble({ file, chat }: { file: ChatFile; chat: ChatFiles }) {
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
            <span class="card-note">{bytesText(file.size)}</span>
          </div>
          <div class="card-actions">
            <a
              class="icon-button"
              href={file.url}
              download={file.name}
              title="Download"
              aria-label={`Download ${file.name}`}
            >
              <Icon name="download" />
            </a>
            {chat.canRemove(file) && !isAsking && (
              <IconButton icon="delete" label={`Delete ${file.name}`} onClick={() => setIsAsking(true)} />
            )}
          </div>
        </div>
        {isAsking && <ConfirmDelete onKeep={() => setIsAsking(false)} onDelete={() => chat.remove(file.id)} />}
      </article>
      <p class="message-time">
        {senderText(file.uploader, chat.side)} ·{' '}
        <time dateTime={file.created_at}>{timeText(new Date(file.created_at))}</time>
      </p>
    </li>
  );
}

function ConfirmDelete({ onKeep, onDelete }: { onKeep: () => void; onDelete: () => Promise<void> }) {
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  // The safe answer has the focus: pressing Enter twice deletes nothing.
  useEffect(() => keep.current?.focus(), []);

  function confirm(): void {
    setIsBusy(true);
    onDelete().catch((error: Error) => {
      setIsBusy(false);
      setProblem(error.message);
    });
  }

  return (
    <fieldset class="confirm" aria-label="Delete?" onKeyDown={(event) => event.key === 'Escape' && onKeep()}>
      <span>{problem ?? 'Delete it for everybody?'}</span>
      <button type="button" class="text-button" ref={keep} onClick={onKeep}>
        Keep
      </button>
      <button type="button" class="text-button" data-tone="danger" disabled={isBusy} onClick={confirm}>
        Delete
      </button>
    </fieldset>
  );
}
