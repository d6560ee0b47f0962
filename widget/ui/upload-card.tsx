/** One own upload: how far it is, what it waits for, and what can be done about it. */
import { useMemo, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import type { Words } from '../words/create-words.ts';
import { type ServerFacts, uploadText } from '../words/state-words.ts';
import { FileName } from './file-name.tsx';
import { Icon, IconButton, type IconName } from './icons.tsx';
import { ProgressLine } from './progress-line.tsx';
import { Question } from './question.tsx';
import { isBeingMadeSmaller, savedBytesOf } from './smaller-pictures.ts';
import { UploadThumbnail } from './upload-thumbnail.tsx';
import { useKeptFocus } from './use-kept-focus.ts';
import { useNow } from './use-now.ts';
import { useWords } from './use-words.tsx';

/** What has gone up in more than a moment is asked about before it is thrown away. */
const ASK_BYTES = 10 * 1024 * 1024;

type Props = { upload: Upload; chat: ChatFiles; onChooseAgain: () => void };

/** Stands on the own side, under the files that are already shared. Renders only when its own upload has changed. */
export function UploadCard({ upload, chat, onChooseAgain }: Props) {
  const chooseAgain = useRef(onChooseAgain);
  chooseAgain.current = onChooseAgain;
  // Two hundred uploads that begin change the list four hundred times.
  return useMemo(
    () => <Card upload={upload} chat={chat} onChooseAgain={() => chooseAgain.current()} />,
    [upload, chat],
  );
}

function Card(props: Props) {
  const { upload, chat } = props;
  const words = useWords();
  const card = useRef<HTMLElement>(null);
  const [isAsking, setIsAsking] = useState(false);
  useKeptFocus(card);
  const { id, name, status } = upload;
  const nowMs = useNow(status === 'waiting' || status === 'uploading');
  const { config, uploads } = chat.state.get();
  const isProblem = status === 'failed' || status === 'choose-again';
  const isFinishing = hasAll(upload);

  function cancel(): void {
    if (!isProblem && upload.sentBytes > ASK_BYTES) setIsAsking(true);
    else chat.cancel(id);
  }

  return (
    <li class="message" data-own="true">
      <article class="bubble" data-status={status} aria-label={words.text('uploadOf', { name })} ref={card}>
        <div class="card-line">
          <UploadThumbnail file={upload.file} name={name} type={upload.type} />
          <FileName name={name} />
          <div class="card-actions">
            <MainAction {...props} />
            {!isFinishing && (
              <IconButton
                icon="close"
                label={words.text(isProblem ? 'dismissUpload' : 'cancelUpload', { name })}
                onClick={cancel}
              />
            )}
          </div>
        </div>
        {!isProblem && (
          <ProgressLine
            label={words.text('progressOf', { name })}
            part={upload.sentBytes}
            whole={status === 'preparing' ? null : upload.size}
          />
        )}
        <p class="card-note" data-tone={isProblem ? 'danger' : status === 'waiting' ? 'warn' : undefined}>
          <StatusIcon upload={upload} />
          <span>{statusText(words, upload, nowMs, { uploads, server: config })}</span>
        </p>
        {isAsking && !isFinishing && (
          <Question
            text={words.text('cancelQuestion', { size: words.bytes(upload.sentBytes) })}
            no={words.label('goOn')}
            yes={words.label('giveUpNow')}
            onNo={() => setIsAsking(false)}
            onYes={() => chat.cancel(id)}
          />
        )}
      </article>
    </li>
  );
}

/** What sets it going again, or stops it for now. */
function MainAction(props: Props) {
  const { upload, chat } = props;
  const { id, name, status, wait, failure } = upload;
  const words = useWords();
  if (status === 'paused') {
    return <IconButton icon="play" label={words.text('resumeUpload', { name })} onClick={() => chat.resume(id)} />;
  }
  if ((status === 'uploading' || status === 'queued') && !hasAll(upload)) {
    return <IconButton icon="pause" label={words.text('pauseUpload', { name })} onClick={() => chat.pause(id)} />;
  }
  if (status === 'waiting' && wait?.reason !== 'rate-limit' && wait?.reason !== 'sign-in') {
    return <IconButton icon="retry" label={words.text('retryUploadNow', { name })} onClick={() => chat.retry(id)} />;
  }
  if (status === 'failed' && failure?.canRetry) {
    return <IconButton icon="retry" label={words.text('retryUpload', { name })} onClick={() => chat.retry(id)} />;
  }
  if (status === 'choose-again') {
    return <IconButton icon="folder" label={words.text('chooseAgain', { name })} onClick={props.onChooseAgain} />;
  }
  return null;
}

function StatusIcon({ upload: { status, wait } }: { upload: Upload }) {
  const icons: Partial<Record<Upload['status'], IconName>> = {
    waiting: wait?.reason === 'network' ? 'offline' : 'clock',
    failed: 'warning',
    'choose-again': 'warning',
    done: 'check',
  };
  const icon = icons[status];
  return icon ? <Icon name={icon} /> : null;
}

function statusText(
  words: Words,
  upload: Upload,
  nowMs: number,
  about: { uploads: Upload[]; server: ServerFacts },
): string {
  const { status, wait, size, sentBytes, file } = upload;
  if (status === 'preparing' && isBeingMadeSmaller(file)) {
    return words.facts(words.bytes(size), words.label('makingSmaller'));
  }
  // The banner says it once for all of them.
  const isNetwork = status === 'waiting' && wait?.reason === 'network';
  if (isNetwork && about.uploads.filter((other) => other.wait?.reason === 'network').length > 1) {
    return words.text('sentOf', { sent: words.bytes(sentBytes), size: words.bytes(size) });
  }
  const text = uploadText(words, upload, nowMs, about.server);
  const savedBytes = status === 'uploading' || status === 'queued' || status === 'done' ? savedBytesOf(file) : null;
  return savedBytes === null ? text : words.facts(text, words.text('savedBytes', { size: words.bytes(savedBytes) }));
}

function hasAll({ status, sentBytes, size }: Upload): boolean {
  return status === 'done' || (status === 'uploading' && sentBytes >= size);
}
