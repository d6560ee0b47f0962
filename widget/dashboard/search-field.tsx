/** A field to search in a list, with a button that empties it. */
import { useRef } from '@uppy/core/utils/preact/hooks';
import { Icon, IconButton } from '../ui/icons.tsx';
import { useWords } from '../ui/use-words.tsx';

/** `onDown`: the arrow that leads from the field into the list. */
export function SearchField(props: {
  label: string;
  value: string;
  onInput: (text: string) => void;
  onDown?: () => void;
}) {
  const words = useWords();
  const input = useRef<HTMLInputElement>(null);

  function clear(): void {
    props.onInput('');
    input.current?.focus();
  }

  return (
    <div class="search">
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        value={props.value}
        placeholder={props.label}
        aria-label={props.label}
        autoComplete="off"
        spellcheck={false}
        maxLength={64}
        onInput={(event) => props.onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && props.value !== '') clear();
          else if (event.key === 'ArrowDown' && props.onDown) props.onDown();
          else return;
          event.preventDefault();
        }}
      />
      {props.value !== '' && <IconButton icon="close" label={words.label('clearSearch')} onClick={clear} />}
    </div>
  );
}
