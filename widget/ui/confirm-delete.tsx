/** The question before a file is deleted for everybody. */
import { useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { errorText } from '../words/problem-words.ts';
import { useWords } from './use-words.tsx';

/** `onKeep` gets the focus back to where it was asked. */
export function ConfirmDelete({ onKeep, onDelete }: { onKeep: () => void; onDelete: () => Promise<void> }) {
  const words = useWords();
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const keep = useRef<HTMLButtonElement>(null);
  // The safe answer has the focus, before the next key can come: pressing Enter twice deletes nothing.
  useLayoutEffect(() => keep.current?.focus(), []);

  function confirm(): void {
    setIsBusy(true);
    onDelete().catch((error: unknown) => {
      setIsBusy(false);
      setProblem(errorText(words, error));
    });
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    // The viewer around it would close as well.
    event.preventDefault();
    event.stopPropagation();
    onKeep();
  }

  return (
    <fieldset class="confirm" aria-label={words.label('deleteQuestion')} onKeyDown={onKeyDown}>
      <span role={problem === null ? undefined : 'alert'}>{problem ?? words.label('deleteQuestion')}</span>
      <div class="confirm-actions">
        <button type="button" class="text-button" ref={keep} onClick={onKeep}>
          {words.label('keep')}
        </button>
        <button type="button" class="text-button" data-tone="danger" disabled={isBusy} onClick={confirm}>
          {words.label('delete')}
        </button>
      </div>
    </fieldset>
  );
}
