/** Somebody else's upload on its way: a placeholder that becomes the file in the same place. */
import type { Uploader } from '../../server/contract/chat-file.ts';
import type { IncomingUpload } from '../core/incoming.ts';
import { incomingText } from '../words/state-words.ts';
import { FileBadge } from './file-badge.tsx';
import { FileName } from './file-name.tsx';
import { Icon } from './icons.tsx';
import { ProgressLine } from './progress-line.tsx';
import { useWords } from './use-words.tsx';

/** An own upload from another window stands on the own side. */
export function IncomingCard({ upload, side }: { upload: IncomingUpload; side: Uploader }) {
  const words = useWords();
  const { name, state, size, offset, isSilent } = upload;
  const isOwn = upload.uploader === side;
  const isRefused = state === 'failed' || state === 'unscannable';
  const hasEnded = isRefused || state === 'cancelled';
  return (
    <li class="message" data-own={isOwn}>
      <article
        class="bubble"
        data-status={isRefused ? 'failed' : hasEnded ? state : 'incoming'}
        data-silent={isSilent || undefined}
        aria-label={words.text('incomingOf', { name })}
      >
        <div class="card-line">
          <FileBadge name={name} type="" />
          <div class="card-text">
            <FileName name={name} />
            <span class="card-note" data-tone={isRefused ? 'danger' : state === 'error' ? 'warn' : undefined}>
              {hasEnded && <Icon name={isRefused ? 'warning' : 'close'} />}
              {state === 'error' && <Icon name="clock" />}
              {incomingText(words, upload, isOwn)}
            </span>
          </div>
        </div>
        {!hasEnded && (
          <ProgressLine
            label={words.text('progressOf', { name })}
            part={state === 'done' ? (size ?? 0) : offset}
            whole={size}
          />
        )}
      </article>
    </li>
  );
}
