/** Somebody else's upload on its way: a placeholder until the file itself is here. */
import type { Uploader } from '../../server/contract/chat-file.ts';
import type { IncomingUpload } from '../core/incoming.ts';
import { incomingText } from '../words/state-words.ts';
import { FileBadge } from './file-badge.tsx';
import { ProgressLine } from './progress-line.tsx';
import { useWords } from './use-words.tsx';

/** An own upload from another window stands on the own side. */
export function IncomingCard({ upload, side }: { upload: IncomingUpload; side: Uploader }) {
  const words = useWords();
  const isOwn = upload.uploader === side;
  const hasEnded = upload.state === 'failed' || upload.state === 'cancelled';
  return (
    <li class="message" data-own={isOwn}>
      <article
        class="bubble"
        data-status={hasEnded ? 'failed' : 'incoming'}
        aria-label={words.text('incomingOf', { name: upload.name })}
      >
        <div class="card-line">
          <FileBadge name={upload.name} type="" />
          <bdi class="file-name">{upload.name}</bdi>
        </div>
        {!hasEnded && (
          <ProgressLine
            label={words.text('progressOf', { name: upload.name })}
            part={upload.state === 'done' ? (upload.size ?? 0) : upload.offset}
            whole={upload.size}
          />
        )}
        <p class="card-note">{incomingText(words, upload, isOwn)}</p>
      </article>
    </li>
  );
}
