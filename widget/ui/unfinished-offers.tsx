/** Uploads that an earlier visit left unfinished, offered to go on with. */
import { useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { ResumableUpload } from '../core/unfinished.ts';
import { errorText } from '../words/problem-words.ts';
import { Icon, IconButton } from './icons.tsx';
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
  const [problem, setProblem] = useState<string | null>(null);

  async function goOn(file: File): Promise<void> {
    setProblem(null);
    if (!(await chat.goOn(upload.id, file))) setProblem(words.label('otherFile'));
  }

  return (
    <li class="offer">
      <button type="button" class="offer-button" onClick={() => props.pick((file) => void goOn(file))}>
        <Icon name="play" />
        <span>
          {words.pieces('goOnWith', {
            name: <bdi class="file-name">{upload.name}</bdi>,
            percent: words.percent(upload.offset, upload.size),
          })}
        </span>
      </button>
      <IconButton
        icon="close"
        label={words.text('giveUp', { name: upload.name })}
        onClick={() => chat.discard(upload.id).catch((error: unknown) => setProblem(errorText(words, error)))}
      />
      {problem !== null && (
        <p class="card-note" data-tone="danger" role="alert">
          {problem}
        </p>
      )}
    </li>
  );
}
