/** Names what a camera or microphone made, by the extension that fits its bytes. */

import { nameNow } from '../ui/name-now.ts';
import type { Words } from '../words/create-words.ts';

/** What the parts for camera and microphone have in common. */
export type CaptureProps = {
  /** For recording, as `MediaRecorder.isTypeSupported` takes it. */
  type: string;
  /** The server's limit for a file. */
  maxBytes: number;
  /** The file to send; null closes without one. */
  onDone: (file: File | null) => void;
};

/** The extensions by which the server and players know these types. */
const EXTENSIONS: Record<string, string> = {
  'audio/webm': 'weba',
  'audio/mp4': 'm4a',
  'audio/ogg': 'ogg',
  'video/webm': 'webm',
  'video/mp4': 'mp4',
  'image/jpeg': 'jpg',
  'image/png': 'png',
};

/** The type is kept without its codecs: the declared type decides between a WebM's sound and its video. */
export function recordingFile(words: Words, what: 'voiceNote' | 'photo' | 'video', blob: Blob, wished: string): File {
  const type = (blob.type || wished).split(';', 1)[0] as string;
  const name = nameNow(words, what, EXTENSIONS[type] ?? 'bin');
  return new File([blob], name, { type, lastModified: Date.now() });
}
