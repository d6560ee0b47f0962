/** The button that chooses files, with the limits beside it. */
import type { ChatConfig } from '../../server/contract/chat-file.ts';
import { Icon } from './icons.tsx';
import type { Picker } from './use-picker.ts';
import { limitsText } from './words.ts';

/** A label around a real file input: the platform's own dialog, keyboard and screen reader support. */
export function Composer({ picker, config }: { picker: Picker; config: ChatConfig | null }) {
  return (
    <footer class="composer">
      <label class="pick-button">
        <input type="file" multiple ref={picker.input} onChange={picker.onChange} onCancel={picker.onCancel} />
        <Icon name="attach" />
        <span>Choose files</span>
      </label>
      <p class="limits">{config === null ? 'Or drop them here, or paste' : limitsText(config)}</p>
    </footer>
  );
}
