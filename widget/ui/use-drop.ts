/** Makes an element a drop target for files, and tells while a file hovers over it. */
import type { RefObject } from '@uppy/core/utils/preact';
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';

/** True while files are dragged over the element. Folders are counted, not taken. */
export function useDrop(
  element: RefObject<HTMLElement>,
  onDrop: (files: File[], folderCount: number) => void,
): boolean {
  const [isOver, setIsOver] = useState(false);
  useEffect(() => {
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
      const { files, folderCount } = filesOf(event.dataTransfer);
      onDrop(files, folderCount);
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
  }, [element, onDrop]);
  return isOver;
}

/** A folder comes as a File that cannot be read: told apart here, where the browser still knows. */
function filesOf(transfer: DataTransfer): { files: File[]; folderCount: number } {
  const files: File[] = [];
  let folderCount = 0;
  for (const item of transfer.items) {
    if (item.kind !== 'file') continue;
    if (item.webkitGetAsEntry?.()?.isDirectory) folderCount += 1;
    else {
      const file = item.getAsFile();
      if (file) files.push(file);
    }
  }
  return { files, folderCount };
}
