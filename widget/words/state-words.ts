/** What the core's states are called in plain words: uploads, placeholders, limits, the connection, who sent it. */
import type { ChatConfig, Uploader } from '../../server/contract/chat-file.ts';
import type { Connection } from '../core/file-feed.ts';
import type { IncomingUpload } from '../core/incoming.ts';
import type { Upload } from '../core/upload.ts';
import type { Words } from './create-words.ts';
import type { LabelKey } from './dictionary.ts';
import { problemText } from './problem-words.ts';

/** What is known of the server: null before it has answered. */
export type ServerFacts = Pick<ChatConfig, 'max_file_size' | 'scans_files'> | null;

/** What an own upload does at this moment. */
export function uploadText(words: Words, upload: Upload, nowMs: number, server: ServerFacts): string {
  const size = words.bytes(upload.size);
  switch (upload.status) {
    case 'preparing':
      return words.facts(size, words.label('readingFile'));
    case 'queued':
      return words.facts(size, words.label('waitingTurn'));
    case 'uploading':
      return uploadingText(words, upload, nowMs, server);
    case 'waiting':
      return waitingText(words, upload, nowMs);
    case 'paused':
      return words.facts(words.text('sentOf', { sent: words.bytes(upload.sentBytes), size }), words.label('paused'));
    case 'failed':
      return failureText(words, upload, server?.max_file_size ?? null);
    case 'choose-again':
      return words.label('unreadable');
    case 'done':
      return words.facts(size, words.label('sent'));
  }
}

/** A pause this long is told: a speed from before it would be a lie. */
const STILL_MS = 4000;

function uploadingText(words: Words, upload: Upload, nowMs: number, server: ServerFacts): string {
  const { sentBytes, size, bytesPerSecond, movedAt } = upload;
  if (sentBytes >= size)
    return words.facts(words.bytes(size), words.label(server?.scans_files ? 'checking' : 'finishing'));
  const sentOf = words.text('sentOf', { sent: words.bytes(sentBytes), size: words.bytes(size) });
  const stillMs = nowMs - movedAt;
  if (stillMs > STILL_MS) {
    return words.facts(sentOf, words.text('standing', { duration: words.duration(stillMs / 1000) }));
  }
  if (bytesPerSecond === null || bytesPerSecond <= 0) return sentOf;
  const duration = words.duration((size - sentBytes) / bytesPerSecond);
  return words.facts(sentOf, words.speed(bytesPerSecond), words.text('timeLeft', { duration }));
}

/** A wait shorter than this needs no countdown. */
const COUNTED_MS = 1500;

function waitingText(words: Words, { wait, sentBytes, size }: Upload, nowMs: number): string {
  const leftMs = wait ? wait.untilAt - nowMs : 0;
  const counted = (plain: LabelKey, timed: 'waitRateLimitIn' | 'waitServerIn') =>
    leftMs > COUNTED_MS ? words.text(timed, { duration: words.duration(leftMs / 1000) }) : words.label(plain);
  switch (wait?.reason) {
    case 'rate-limit':
      return counted('waitRateLimit', 'waitRateLimitIn');
    case 'server':
      return counted('waitServer', 'waitServerIn');
    case 'scanner':
      return words.label('waitScanner');
    case 'busy':
      if (sentBytes < size) return words.label('waitBusy');
      return words.facts(words.bytes(size), words.label('waitChecking'));
    case 'token':
      return words.label('waitToken');
    case 'sign-in':
      return words.label('sessionExpired');
    default:
      return words.label('waitNetwork');
  }
}

function failureText(words: Words, { failure, size }: Upload, maxBytes: number | null): string {
  if (failure?.code === 'file-too-large' && maxBytes !== null && size > maxBytes) {
    return words.text('tooLarge', { size: words.bytes(size), limit: words.bytes(maxBytes) });
  }
  return problemText(words, failure ?? { code: null, detail: null });
}

/** What somebody else's upload does at this moment. */
export function incomingText(words: Words, upload: IncomingUpload, isOwn: boolean): string {
  const size = upload.size === null ? null : words.bytes(upload.size);
  switch (upload.state) {
    case 'uploading':
      if (upload.isSilent) return words.facts(size, words.label('waitingSender'));
      return words.facts(size, words.label(isOwn ? 'onItsWayOwn' : 'onItsWay'));
    case 'checking':
      return words.facts(size, words.label('checking'));
    case 'error':
      return words.label('incomingScanner');
    case 'unscannable':
      return words.label('incomingUnscannable');
    case 'done':
      return words.facts(size, words.label('arriving'));
    case 'failed':
      return words.label('incomingFailed');
    case 'cancelled':
      return words.label('incomingCancelled');
  }
}

/** The limits in one line, to be read before choosing. */
export function limitsText(words: Words, config: ChatConfig): string {
  return words.text('limits', {
    size: words.bytes(config.max_file_size),
    types: allowedTypesText(words, config.allowed_types),
  });
}

const TYPE_NAMES: [RegExp, LabelKey][] = [
  [/^\*(\/\*)?$/, 'typeAny'],
  [/^image\//, 'typePictures'],
  [/pdf$/, 'typePdf'],
  [/word|excel|powerpoint|officedocument|opendocument|rtf$/, 'typeOffice'],
  [/^text\/|csv|json|xml$/, 'typeText'],
  [/^audio\//, 'typeAudio'],
  [/^video\//, 'typeVideo'],
  [/zip|compressed|tar$/, 'typeZip'],
];

function allowedTypesText(words: Words, types: string[]): string {
  const names = types.map((type) => {
    const key = TYPE_NAMES.find(([pattern]) => pattern.test(type))?.[1];
    return key === undefined ? type : words.label(key);
  });
  return words.list([...new Set(names)]);
}

/** How the live connection stands. */
export function connectionText(words: Words, { state }: Pick<Connection, 'state'>): string {
  return words.label(state === 'refused' ? 'noAccess' : state);
}

/** Who sent something, as the reader calls them. */
export function senderText(words: Words, uploader: Uploader, side: Uploader): string {
  if (uploader === side) return words.label('you');
  return words.label(uploader === 'agent' ? 'agent' : 'visitor');
}
