/** The files of a drop, with folders opened: what `DataTransfer.files` leaves out. */

/** A folder may hold a million files; more than this nobody means to send at once, and to count them takes seconds. */
const MAX_FILES = 5000;

/** Must be called during the event: afterwards the browser has emptied the transfer. Unreadable entries are left out. */
export async function droppedFiles({ items, files }: DataTransfer): Promise<File[]> {
  const entries = Array.from(items, (item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null);
  if (!entries.some((entry) => entry?.isDirectory)) return [...files];
  const found: File[] = [];
  // By turns, not all at once: the order of the folder is the order of the uploads.
  for (const entry of entries) if (entry) await collect(entry, found);
  return found;
}

async function collect(entry: FileSystemEntry, found: File[]): Promise<void> {
  if (found.length >= MAX_FILES) return;
  if (entry.isFile) {
    const file = await new Promise<File | null>((done) => (entry as FileSystemFileEntry).file(done, () => done(null)));
    if (file && !isClutter(file.name)) found.push(file);
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // It answers at most 100 at a time, and an empty list at the end.
    const children = await new Promise<FileSystemEntry[]>((done) => reader.readEntries(done, () => done([])));
    if (children.length === 0) return;
    for (const child of children) await collect(child, found);
  }
}

/** What systems put into every folder, and nobody means to send. */
export function isClutter(name: string): boolean {
  return /^(\.DS_Store|Thumbs\.db|desktop\.ini|\._.*)$/i.test(name);
}

/** Whether a folder is among what is dropped. Must be called during the event. */
export function hasFolder({ items }: DataTransfer): boolean {
  return Array.from(items).some((item) => item.webkitGetAsEntry?.()?.isDirectory);
}
