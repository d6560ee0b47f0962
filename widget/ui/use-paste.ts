/** Takes files and screenshots that are pasted anywhere on the page. */
import { useLayoutEffect } from '@uppy/core/utils/preact/hooks';

/** `isTarget` decides between several chats on one page: it is asked at each paste. */
export function usePaste(isTarget: () => boolean, onPaste: (files: File[]) => void): void {
  useLayoutEffect(() => {
    const onPasted = (event: ClipboardEvent) => {
      const files = Array.from(event.clipboardData?.files ?? []);
      // A text field keeps its text: office programs put a picture beside it.
      if (files.length === 0 || isTextField(event.composedPath()[0]) || !isTarget()) return;
      event.preventDefault();
      onPaste(files);
    };
    document.addEventListener('paste', onPasted);
    return () => document.removeEventListener('paste', onPasted);
  }, [isTarget, onPaste]);
}

function isTextField(target: EventTarget | undefined): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || target.matches('textarea, input:not([type=file])'))
  );
}
