/** Many uploads at once in one line: how far all are, and what can be done about all of them. */
import { useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { Upload } from '../core/upload.ts';
import { IconButton } from './icons.tsx';
import { ProgressLine } from './progress-line.tsx';
import { Question } from './question.tsx';
import { useWords } from './use-words.tsx';

/** Fewer can be followed one by one. */
const MANY = 6;
const CAN_PAUSE = ['queued', 'uploading', 'waiting'];

export function UploadsSummary({ chat, uploads }: { chat: ChatFiles; uploads: Upload[] }) {
  const words = useWords();
  const [isAsking, setIsAsking] = useState(false);
  const batch = useBatch(uploads);
  const pauseLater = usePauseLater(chat, uploads);
  const open = uploads.filter(({ status }) => status !== 'failed' && status !== 'choose-again');
  // Once it is there it stays until all are done: a line that comes and goes is a line that jumps.
  const isShown = useRef(false);
  isShown.current = open.length >= MANY || (isShown.current && open.length > 0);
  if (!isShown.current) return null;

  const { sentBytes, allBytes } = batch;
  const bytesPerSecond = open.reduce((sum, upload) => sum + (upload.bytesPerSecond ?? 0), 0);
  const canPause = open.some(({ id, status }) => CAN_PAUSE.includes(status) && !pauseLater.current.has(id));
  const all = (command: (id: string) => void) => {
    for (const { id } of [...open]) command(id);
  };
  const count = words.text('underWay', { count: open.length });
  return (
    <section class="summary" aria-label={count}>
      <div class="summary-line">
        <div class="summary-text">
          <strong>{count}</strong>
          <span class="card-note">
            {words.facts(
              words.text('sentOf', { sent: words.bytes(sentBytes), size: words.bytes(allBytes) }),
              bytesPerSecond > 0 ? words.speed(bytesPerSecond) : null,
              bytesPerSecond > 0
                ? words.text('timeLeft', { duration: words.duration((allBytes - sentBytes) / bytesPerSecond) })
                : null,
            )}
          </span>
        </div>
        <IconButton
          icon={canPause ? 'pause' : 'play'}
          label={words.label(canPause ? 'pauseAll' : 'resumeAll')}
          onClick={() => {
            const preparing = open.filter(({ status }) => status === 'preparing');
            pauseLater.current = new Set(canPause ? preparing.map(({ id }) => id) : []);
            all(canPause ? chat.pause : chat.resume);
          }}
        />
        <IconButton icon="close" label={words.label('cancelAll')} onClick={() => setIsAsking(true)} />
      </div>
      <ProgressLine label={count} part={sentBytes} whole={allBytes} />
      {isAsking && (
        <Question
          text={words.label('cancelAllQuestion')}
          no={words.label('goOn')}
          yes={words.label('giveUpNow')}
          onNo={() => setIsAsking(false)}
          onYes={() => {
            setIsAsking(false);
            all(chat.cancel);
          }}
        />
      )}
    </section>
  );
}

/** What is still being read when all are paused stops as soon as it has been. */
function usePauseLater(chat: ChatFiles, uploads: Upload[]): { current: Set<string> } {
  const ids = useRef(new Set<string>());
  useEffect(() => {
    for (const { id, status } of uploads) {
      if (status === 'preparing' || !ids.current.delete(id)) continue;
      if (CAN_PAUSE.includes(status)) chat.pause(id);
    }
  }, [chat, uploads]);
  return ids;
}

/** Those that are done leave the list, and still count until all are: progress never goes back. */
function useBatch(uploads: Upload[]): { sentBytes: number; allBytes: number } {
  const seen = useRef(new Map<string, { sent: number; size: number; status: Upload['status'] }>());
  if (uploads.length === 0) seen.current.clear();
  const here = new Set(uploads.map(({ id }) => id));
  for (const { id, sentBytes, size, status } of uploads) seen.current.set(id, { sent: sentBytes, size, status });
  let sentBytes = 0;
  let allBytes = 0;
  for (const [id, { sent, size, status }] of seen.current) {
    // Gone before its last byte, or refused: given up, so it belongs to nothing.
    const isGone = !here.has(id) && sent < size;
    if (isGone || status === 'failed' || status === 'choose-again') continue;
    sentBytes += sent;
    allBytes += size;
  }
  return { sentBytes, allBytes };
}
