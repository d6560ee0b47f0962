/** Opens the one file input of a pane, and remembers what the choice is for. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useRef } from '@uppy/core/utils/preact/hooks';

export type Picker = {
  input: RefObject<HTMLInputElement>;
  /** Opens the file dialog for one purpose instead of a plain new upload. */
  open(purpose: (file: File) => void): void;
  onChange(): void;
  onCancel(): void;
};

/** Plain choices go to `onFiles`. One input for everything: it is in the page, so phones keep it alive. */
export function usePicker(onFiles: (files: File[]) => void): Picker {
  const input = useRef<HTMLInputElement>(null);
  const purpose = useRef<((file: File) => void) | null>(null);
  return {
    input,
    open(next) {
      purpose.current = next;
      input.current?.click();
    },
    onChange() {
      const chosen = Array.from(input.current?.files ?? []);
      // Otherwise choosing the same file again changes nothing, and nothing happens.
      if (input.current) input.current.value = '';
      const use = purpose.current;
      purpose.current = null;
      const [first, ...rest] = chosen;
      if (!first) return;
      if (use) use(first);
      onFiles(use ? rest : chosen);
    },
    onCancel() {
      purpose.current = null;
    },
  };
}
