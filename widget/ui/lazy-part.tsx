/** A part that is loaded when it is asked for; where that fails it says so, and can be asked for again. */
import type { ComponentType } from '@uppy/core/utils/preact';
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';
import { IconButton } from './icons.tsx';
import { useWords } from './use-words.tsx';

/** `load` has to be the same function at each render. */
export function LazyPart<P extends object>(props: {
  load: () => Promise<ComponentType<P>>;
  use: P;
  onClose: () => void;
}) {
  const { load, use, onClose } = props;
  const words = useWords();
  const [Part, setPart] = useState<ComponentType<P> | null>(null);
  const [hasFailed, setHasFailed] = useState(false);
  const [tries, setTries] = useState(0);

  // Another try is all that `tries` is for.
  useEffect(() => {
    let isOver = false;
    setHasFailed(false);
    load().then(
      (loaded) => !isOver && setPart(() => loaded),
      () => !isOver && setHasFailed(true),
    );
    return () => {
      isOver = true;
    };
  }, [load, tries]);

  if (Part) return <Part {...use} />;
  if (!hasFailed) return null;
  return (
    <div class="notice" role="alert">
      <span>{words.label('problem-network')}</span>
      <button type="button" class="text-button" onClick={() => setTries(tries + 1)}>
        {words.label('tryAgain')}
      </button>
      <IconButton icon="close" label={words.label('closeMessage')} onClick={onClose} />
    </div>
  );
}
