/** Uploads that an earlier visit left unfinished, offered to go on with. */
import { useRef, useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { ResumableUpload } from '../core/unfinished.ts';
import { errorText } from '../words/problem-words.ts';
import { FileBadge } from './file-badge.tsx';
import { FileName } from './file-name.tsx';
import { IconButton } from './icons.tsx';
import { useKeptFocus } from './use-kept-focus.ts';
import { useWords } from './use-words.tsx';

/** `pick` opens the file dialog and hands over the one file that was chosen. */
export function UnfinishedOffers(props: {
  chat: ChatFiles;
  uploads: ResumableUpload[];
  pick: (use: (file: File) => void) => void;
}) {
  const words = useWords();
  if (props.uploads.length === 0) return null;
  return (
    <section class="offers" aria-label={words.label('unfinished')}>
      <h3>{words.label('unfinished')}</h3>
      <p class="card-note">{words.label('unfinishedHint')}</p>
      <ul>
        {props.uploads.map((upload) => (
          <Offer key={upload.id} chat={props.chat} upload={upload} pick={props.pick} />
        ))}
      </ul>
    </section>
  );
}

function Offer(props: { chat: ChatFiles; upload: ResumableUpload; pick: (use: (file: File) => void) => void }) {
  const words = useWords();
  const { chat, upload } = props;
  const { name, size, offset } = upload;
  const card = useRef<HTMLDivElement>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useKeptFocus(card);

  async function goOn(file: File): Promise<void> {
    setProblem(null);
    if (!(await chat.goOn(upload.id, file))) setProblem(words.label('otherFile'));
  }

  return (
    <li>
      <div class="offer" ref={card}>
        <button type="button" class="offer-button" onClick={() => props.pick((file) => void goOn(file))}>
          <FileBadge name={name} type={upload.mime_type ?? ''} />
          <span class="offer-text">
            <span class="offer-name">
              {words.pieces('goOnWith', {
                name: <FileName name={name} />,
                percent: words.percent(offset, size),
              })}
            </span>
            <span class="card-note">{words.facts(words.bytes(size), lastSentText())}</span>
            <span class="offer-bar" aria-hidden="true">
              <i ref={(bar) => bar?.style.setProperty('inline-size', `${size === 0 ? 0 : (offset / size) * 100}%`)} />
            </span>
          </span>
        </button>
        <IconButton
          icon="close"
          label={words.text('giveUp', { name })}
          onClick={() => chat.discard(upload.id).catch((error: unknown) => setProblem(errorText(words, error)))}
        />
      </div>
      {problem !== null && (
        <p class="card-note" data-tone="danger" role="alert">
          {problem}
        </p>
      )}
    </li>
  );

  /** The server keeps an upload for a fixed time after its last byte, and says until when. */
  function lastSentText(): string | null {
    const keptSeconds = chat.state.get().config?.upload_expiry;
    if (keptSeconds === undefined) return null;
    const date = new Date(Date.parse(upload.expires_at) - keptSeconds * 1000);
    return `${words.day(date)} ${words.time(date)}`;
  }
}
