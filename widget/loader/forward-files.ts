/** Takes files that are dropped or pasted on the host page: an iframe never sees those by itself. */
import { droppedFiles } from '../frame/dropped-files.ts';
import type { FromHost } from '../frame/frame-messages.ts';

/** What the page handles itself (`preventDefault`) stays the page's. The answer stops it. */
export function forwardFiles(say: (message: FromHost) => void): () => void {
  let leaveTimer: ReturnType<typeof setTimeout> | undefined;
  const show = (isOver: boolean) => say({ type: 'drag', isOver });
  const hasFiles = (event: DragEvent) => !event.defaultPrevented && event.dataTransfer?.types.includes('Files');
  const onDragOver = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (leaveTimer === undefined) show(true);
    clearTimeout(leaveTimer);
    // `dragleave` comes for every child and not at all on Escape; `dragover` comes all the time, until it does not.
    leaveTimer = setTimeout(() => {
      leaveTimer = undefined;
      show(false);
    }, 300);
  };
  const onDrop = (event: DragEvent) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    if (event.dataTransfer) void droppedFiles(event.dataTransfer).then((files) => say({ type: 'files', files }));
  };
  const onPaste = (event: ClipboardEvent) => {
    if (!event.clipboardData) return;
    const { files, types } = event.clipboardData;
    // Office programs put a picture beside the text that is meant.
    if (event.defaultPrevented || files.length === 0 || types.includes('text/plain')) return;
    event.preventDefault();
    say({ type: 'files', files: [...files] });
  };
  addEventListener('dragover', onDragOver);
  addEventListener('drop', onDrop);
  addEventListener('paste', onPaste);
  return () => {
    clearTimeout(leaveTimer);
    removeEventListener('dragover', onDragOver);
    removeEventListener('drop', onDrop);
    removeEventListener('paste', onPaste);
  };
}
