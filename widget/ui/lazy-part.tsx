/** A part that is loaded when it is asked for; where that fails it says so, and can be asked for again. */
import type { ComponentType } from '@uppy/core/utils/preact';
import { IconButton } from './icons.tsx';
import { useLazy } from './use-lazy.ts';
import { useWords } from './use-words.tsx';

/** `load` has to be the same function at each render. */
export function LazyPart<P extends object>(props: {
  load: () => Promise<ComponentType<P>>;
  use: P;
  onClose: () => void;
}) {
  const words = useWords();
  const { module: Part, hasFailed, retry } = useLazy(props.load, true);
  if (Part) return <Part {...props.use} />;
  if (!hasFailed) return null;
  return (
    <div class="notice" data-tone="danger" role="alert">
      <span>{words.label('problem-network')}</span>
      <button type="button" class="text-button" onClick={retry}>
        {words.label('tryAgain')}
      </button>
      <IconButton icon="close" label={words.label('closeMessage')} onClick={props.onClose} />
    </div>
  );
}
