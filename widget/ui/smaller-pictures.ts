/** “Smaller pictures”: whether it is on, and which files it is at or has changed. The work itself is loaded when needed. */
import type { ChatConfig } from '../../server/contract/chat-file.ts';

const STORAGE_KEY = 'chatdrop.smaller-pictures';

const beingMade = new WeakSet<File>();
const savedBytes = new WeakMap<File, number>();

/** Off where nothing is remembered, and where a browser forbids to remember. */
export function wantsSmaller(): boolean {
  try {
    return localStorage.getItem(STORAGE_KEY) === '1';
  } catch {
    return false;
  }
}

export function rememberSmaller(isOn: boolean): void {
  try {
    if (isOn) localStorage.setItem(STORAGE_KEY, '1');
    else localStorage.removeItem(STORAGE_KEY);
  } catch {
    // It counts until the page is left.
  }
}

/** For `add`: the smaller picture, or the file itself. Where the part cannot be loaded the original is sent. */
export async function smallerPicture(file: File, config: ChatConfig | null): Promise<File> {
  if (!file.type.startsWith('image/')) return file;
  beingMade.add(file);
  const { makeSmaller } = await import('../adding/make-smaller.ts');
  const made = await makeSmaller(file, config?.allowed_types ?? ['image/jpeg']);
  if (made !== file) savedBytes.set(made, file.size - made.size);
  return made;
}

/** While this one is prepared, that is what is done. */
export function isBeingMadeSmaller(file: File): boolean {
  return beingMade.has(file);
}

/** Bytes; null for a file that is as it was chosen. */
export function savedBytesOf(file: File): number | null {
  return savedBytes.get(file) ?? null;
}
