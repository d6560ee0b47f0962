/** One own upload: how far it is, what it waits for, and what can be done about it. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import { uploadText } from '../words/state-words.ts';
import { FileBadge } from './file-badge.tsx';
import { Icon, IconButton, type IconName } from './icons.tsx';
import { ProgressLine } from './progress-line.tsx';
import { useNow } from './use-now.ts';
import { useWords } from './use-words.tsx';

/** A larger picture takes longer to decode than it is worth for a thumbnail. */
const MAX_PREVIEW_BYTES = 20 * 1024 * 1024;

/** Stands on the own side, under the files that are already shared. */
export function UploadCard(props: { upload: Upload; chat: ChatFiles; onChooseAgain: () => void }) {
  const { upload, chat } = props;
  const words = useWords();
  const { id, name, status, wait } = upload;
  const nowMs = useNow(status === 'waiting' || status === 'uploading');
  const maxBytes = chat.state.get().config?.max_file_size ?? null;
  const isProblem = status === 'failed' || status === 'choose-again';
  const isFinishing = status === 'done' || (status === 'uploading' && upload.sentBytes >= upload.size);

  return (
    <li class="message" data-own="true">
      <article class="bubble" data-status={status} aria-label={words.text('uploadOf', { name })}>
        <div class="card-line">
          <Thumbnail upload={upload} />
          <bdi class="file-name">{name}</bdi>
          <div class="card-actions">
            {(status === 'uploading' || status === 'queued') && !isFinishing && (
              <IconButton icon="pause" label={words.text('pauseUpload', { name })} onClick={() => chat.pause(id)} />
            )}
            {status === 'paused' && (
              <IconButton icon="play" label={words.text('resumeUpload', { name })} onClick={() => chat.resume(id)} />
            )}
            {status === 'waiting' && wait?.reason !== 'rate-limit' && (
              <IconButton icon="retry" label={words.text('retryUploadNow', { name })} onClick={() => chat.retry(id)} />
            )}
            {status === 'failed' && upload.failure?.canRetry && (
              <IconButton icon="retry" label={words.text('retryUpload', { name })} onClick={() => chat.retry(id)} />
            )}
            {status === 'choose-again' && (
              <IconButton icon="folder" label={words.text('chooseAgain', { name })} onClick={props.onChooseAgain} />
            )}
            {!isFinishing && (
              <IconButton
                icon="close"
                label={words.text(isProblem ? 'dismissUpload' : 'cancelUpload', { name })}
                onClick={() => chat.cancel(id)}
              />
            )}
          </div>
        </div>
        {!isProblem && (
          <ProgressLine label={words.text('progressOf', { name })} part={upload.sentBytes} whole={upload.size} />
        )}
        <p class="card-note" data-tone={isProblem ? 'danger' : status === 'waiting' ? 'warn' : undefined}>
          <StatusIcon upload={upload} />
          {uploadText(words, upload, nowMs, maxBytes)}
        </p>
      </article>
    </li>
  );
}

function StatusIcon({ upload: { status } }: { upload: Upload }) {
  const icons: Partial<Record<Upload['status'], IconName>> = {
    waiting: 'clock',
    failed: 'warning',
    'choose-again': 'warning',
    done: 'check',
  };
  const icon = icons[status];
  return icon ? <Icon name={icon} /> : null;
}

function Thumbnail({ upload: { file, name, type } }: { upload: Upload }) {
  const [url, setUrl] = useState<string | null>(null);
  useEffect(() => {
    if (!/^image\/(png|jpeg|gif|webp|avif|bmp)$/.test(file.type) || file.size > MAX_PREVIEW_BYTES) return;
    const objectUrl = URL.createObjectURL(file);
    setUrl(objectUrl);
    return () => URL.revokeObjectURL(objectUrl);
  }, [file]);
  if (url === null) return <FileBadge name={name} type={type} />;
  return <img class="thumbnail" src={url} alt="" decoding="async" onError={() => setUrl(null)} />;
}
