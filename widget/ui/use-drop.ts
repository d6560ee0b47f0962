/** Makes an element a drop target for files, and tells while a file hovers over it. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useLayoutEffect, useState } from '@uppy/core/utils/preact/hooks';
import { droppedFiles, hasFolder } from '../frame/dropped-files.ts';

/**
 * True while files are dragged over the element. Folders are opened. `onNothing` hears of a drop without a file that can be
 * read, and whether there was a folder in it.
 */
export function useDrop(
  element: RefObject<HTMLElement>,
  onDrop: (files: File[]) => void,
  onNothing: (hadFolder: boolean) => void,
): boolean {
  const [isOver, setIsOver] = useState(false);
  useLayoutEffect(() => {
    const target = element.current;
    if (!target) return;
    const onDragOver = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      event.dataTransfer.dropEffect = 'copy';
      setIsOver(true);
    };
    const onDragLeave = (event: DragEvent) => {
      // Moving between children leaves and enters too; only the way out counts.
      if (!(event.relatedTarget instanceof Node && target.contains(event.relatedTarget))) setIsOver(false);
    };
    const onDropped = (event: DragEvent) => {
      setIsOver(false);
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      const hadFolder = hasFolder(event.dataTransfer);
      void droppedFiles(event.dataTransfer).then((files) => (files.length > 0 ? onDrop(files) : onNothing(hadFolder)));
    };
    target.addEventListener('dragenter', onDragOver);
    target.addEventListener('dragover', onDragOver);
    target.addEventListener('dragleave', onDragLeave);
    target.addEventListener('drop', onDropped);
    return () => {
      target.removeEventListener('dragenter', onDragOver);
      target.removeEventListener('dragover', onDragOver);
      target.removeEventListener('dragleave', onDragLeave);
      target.removeEventListener('drop', onDropped);
    };
  }, [element, onDrop, onNothing]);
  return isOver;
}
