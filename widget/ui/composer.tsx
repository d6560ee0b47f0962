/** The button that chooses files, with the limits beside it. */
import type { ChatConfig } from '../../server/contract/chat-file.ts';
import { limitsText } from '../words/state-words.ts';
import { Icon } from './icons.tsx';
import type { Picker } from './use-picker.ts';
import { useWords } from './use-words.tsx';

/** A label around a real file input: the platform's own dialog, keyboard and screen reader support. */
export function Composer({ picker, config }: { picker: Picker; config: ChatConfig | null }) {
  const words = useWords();
  return (
    <footer class="composer">
      <label class="pick-button">
        <input type="file" multiple ref={picker.input} onChange={picker.onChange} onCancel={picker.onCancel} />
        <Icon name="attach" />
        <span>{words.label('chooseFiles')}</span>
      </label>
      <p class="limits">{config === null ? words.label('dropOrPaste') : limitsText(words, config)}</p>
    </footer>
  );
}
