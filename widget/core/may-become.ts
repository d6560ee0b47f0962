/** Whether a file may be what an upload has become, where nothing but their looks says so. */
import type { ChatFile } from '../../server/contract/chat-file.ts';

/** What the server may write in the place of a picture's metadata, so that it stays turned as it is. */
const MAX_ADDED_BYTES = 100;

/** `size`: what was announced. The server takes the metadata out of pictures, so that they become smaller. */
export function mayBecome(size: number | null, file: ChatFile): boolean {
  if (size === file.size) return true;
  return size !== null && /^image\//.test(file.mime_type) && file.size < size + MAX_ADDED_BYTES;
}
