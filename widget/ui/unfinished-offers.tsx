/** Uploads that an earlier visit left unfinished, offered to go on with. */
import { useState } from '@uppy/core/utils/preact/hooks';
import type { ChatFiles } from '../core/chat-files.ts';
import type { ResumableUpload } from '../core/unfinished.ts';
import { Icon, IconButton } from './icons.tsx';
import { percentText } from './words.ts';

/** `pick` opens the file dialog and hands over the one file that was chosen. */
export function UnfinishedOffers(props: {
  chat: ChatFiles;
  uploads: ResumableUpload[];
  pick: (use: (file: File) => void) => void;
}) {
  if (props.uploads.length === 0) return null;
  return (
    <section class="offers" aria-label="Unfinished uploads">
      <h3>Unfinished uploads</h3>
      <p class="card-note">Choose the same file again: it goes on where it stopped.</p>
      <ul>
        {props.uploads.map((upload) => (
          <Offer key={upload.id} chat={props.chat} upload={upload} pick={props.pick} />
        ))}
      </ul>
    </section>
  );
}

function Offer(props: { chat: ChatFiles; upload: ResumableUpload; pick: (use: (file: File) => void) => void }) {
  const { chat, upload } = props;
  const [problem, setProblem] = useState<string | null>(null);

  async function goOn(file: File): Promise<void> {
    setProblem(null);
    if (!(await chat.goOn(upload.id, file))) setProblem('That is another file. Choose the one that was being sent.');
  }

  return (
    <li class="offer">
      <button type="button" class="offer-button" onClick={() => props.pick((file) => void goOn(file))}>
        <Icon name="play" />
        <span>
          Go on with <bdi class="file-name">{upload.name}</bdi> ({percentText(upload.offset, upload.size)})
        </span>
      </button>
      <IconButton
        icon="close"
        label={`Give up ${upload.name}`}
        onClick={() => chat.discard(upload.id).catch((error: Error) => setProblem(error.message))}
      />
      {problem !== null && (
        <p class="card-note" data-tone="danger" role="alert">
          {problem}
        </p>
      )}
    </li>
  );
}
