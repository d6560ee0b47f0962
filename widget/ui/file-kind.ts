/** Which kind of file a type is: what it is drawn as, what it is called, and whether the browser can show it. */
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { LabelKey } from '../words/dictionary.ts';

export type Kind = 'image' | 'video' | 'audio' | 'pdf' | 'document' | 'sheet' | 'slides' | 'archive' | 'text' | 'other';

const KINDS: [RegExp, Kind][] = [
  [/^image\//, 'image'],
  [/^video\//, 'video'],
  [/^audio\//, 'audio'],
  [/pdf$/, 'pdf'],
  [/sheet|excel|csv/, 'sheet'],
  [/presentation|powerpoint/, 'slides'],
  [/word|opendocument\.text|rtf/, 'document'],
  [/zip|compressed|tar$/, 'archive'],
  [/^text\/|json|xml/, 'text'],
];

const WORDS: Record<Kind, LabelKey> = {
  image: 'onePicture',
  video: 'oneVideo',
  audio: 'oneAudio',
  pdf: 'typePdf',
  document: 'oneDocument',
  sheet: 'oneSheet',
  slides: 'oneSlides',
  archive: 'oneArchive',
  text: 'oneText',
  other: 'oneFile',
};

/** What browsers draw; HEIC and TIFF are files to download. */
const PICTURES = /^image\/(png|jpeg|gif|webp|avif|bmp|apng)$/;
const playable = new Map<string, boolean>();

export function kindOf(type: string): Kind {
  return KINDS.find(([pattern]) => pattern.test(type))?.[1] ?? 'other';
}

/** The kind's name, for `words.label`. */
export function kindLabel(type: string): LabelKey {
  return WORDS[kindOf(type)];
}

/** How this file is worth trying to show; null: as a card. Whether it really can be shown is known when it has loaded. */
export function shownAs({ mime_type: type, thumbnail }: ChatFile): 'picture' | 'video' | 'audio' | null {
  // Of what no browser shows, a TIFF for one, the server may have made what all of them do.
  if (PICTURES.test(type) || (thumbnail !== null && /^image\//.test(type))) return 'picture';
  if (/^video\//.test(type) && canPlay(type)) return 'video';
  return /^audio\//.test(type) && canPlay(type) ? 'audio' : null;
}

/** Whether the viewer shows more of it than a card. */
export function isMedia(file: ChatFile): boolean {
  const shown = shownAs(file);
  return shown === 'picture' || shown === 'video';
}

/** Asked once for each type: making an element for each of two thousand files takes time. */
function canPlay(type: string): boolean {
  let answer = playable.get(type);
  if (answer === undefined) {
    answer = document.createElement('video').canPlayType(type) !== '';
    playable.set(type, answer);
  }
  return answer;
}
