/** The button that saves all files of a chat as one zip. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import { Icon } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';
import { errorText } from '../words/problem-words.ts';
import { useParts } from './dashboard-context.tsx';

/** A download of the browser's own sends no token: the server makes a link for it first. */
export function DownloadAll({ sessionId }: { sessionId: string }) {
  const { company } = useParts();
  const words = useWords();
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<Error | null>(null);
  useEffect(() => setFault(null), [sessionId]);

  function save(): void {
    setBusy(true);
    setFault(null);
    company
      .archiveUrl(sessionId)
      .then((url) => follow(url, `${sessionId}.zip`), setFault)
      .finally(() => setBusy(false));
  }

  return (
    <>
      {fault !== null && (
        <span class="bar-fault" role="alert">
          {errorText(words, fault)}
        </span>
      )}
      <button
        type="button"
        class="icon-button"
        title={words.label('downloadAll')}
        aria-label={words.label('downloadAll')}
        aria-busy={isBusy}
        onClick={() => !isBusy && save()}
      >
        <Icon name="download" />
      </button>
    </>
  );
}

/** It is saved, since the answer says so; should it be a fault instead, the page stays. */
function follow(url: string, name: string): void {
  const anchor = document.createElement('a');
  anchor.href = url;
  // On other sites it is ignored.
  anchor.download = name;
  if (new URL(url, location.href).origin !== location.origin) anchor.target = '_blank';
  anchor.rel = 'noopener noreferrer';
  anchor.click();
}
