/** Every sentence, number and unit that a person reads: what the core's states are called in plain words. */

import type { ChatConfig, Uploader } from '../../server/contract/chat-file.ts';
import type { Connection } from '../core/file-feed.ts';
import type { IncomingUpload } from '../core/incoming.ts';
import type { Upload } from '../core/upload.ts';

const LANGUAGE = 'en';
const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

/** "3.1 MB": powers of 1024, as the server's settings count them. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.95 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return new Intl.NumberFormat(LANGUAGE, {
    style: 'unit',
    unit: UNITS[unit] as string,
    unitDisplay: unit === 0 ? 'long' : 'short',
    maximumFractionDigits: unit < 2 || value >= 100 ? 0 : 1,
  }).format(value);
}

/** "62 %", rounded down: 100 % is said only when it is all there. */
export function percentText(part: number, whole: number | null): string {
  return `${percentOf(part, whole)}\u00a0%`;
}

/** A whole number from 0 to 100; an empty file counts as complete. */
export function percentOf(part: number, whole: number | null): number {
  if (whole === null) return 0;
  return whole === 0 ? 100 : Math.min(100, Math.floor((part / whole) * 100));
}

/** "8 s", "2 min", "1 h 5 min". */
function durationText(seconds: number): string {
  const whole = Math.max(1, Math.ceil(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The time of day in the reader's own habit. */
export function timeText(date: Date): string {
  return new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' }).format(date);
}

/** "Today", "Yesterday" or the date. */
export function dayText(date: Date, today = new Date()): string {
  const midnight = (day: Date) => new Date(day.getFullYear(), day.getMonth(), day.getDate()).getTime();
  const daysAgo = Math.round((midnight(today) - midnight(date)) / 86_400_000);
  if (daysAgo === 0) return 'Today';
  if (daysAgo === 1) return 'Yesterday';
  return new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' }).format(date);
}

/** What an own upload does at this moment. */
export function uploadText(upload: Upload, nowMs: number, maxBytes: number | null): string {
  switch (upload.status) {
    case 'preparing':
      return `${bytesText(upload.size)} · reading the file`;
    case 'queued':
      return `${bytesText(upload.size)} · waiting for its turn`;
    case 'uploading':
      return uploadingText(upload, nowMs);
    case 'waiting':
      return waitingText(upload, nowMs);
    case 'paused':
      return `${bytesText(upload.sentBytes)} of ${bytesText(upload.size)} · paused`;
    case 'failed':
      return failureText(upload, maxBytes);
    case 'choose-again':
      return 'This file cannot be read any more: it was changed, moved, or is a folder. Choose it again to go on.';
    case 'done':
      return `${bytesText(upload.size)} · sent`;
  }
}

/** A pause this long is told: a speed from before it would be a lie. */
const STILL_MS = 4000;

function uploadingText({ sentBytes, size, bytesPerSecond, movedAt }: Upload, nowMs: number): string {
  if (sentBytes >= size) return `${bytesText(size)} · finishing`;
  const parts = [`${bytesText(sentBytes)} of ${bytesText(size)}`];
  if (nowMs - movedAt > STILL_MS) parts.push(`nothing moves for ${durationText((nowMs - movedAt) / 1000)}`);
  else if (bytesPerSecond !== null && bytesPerSecond > 0) {
    parts.push(`${bytesText(bytesPerSecond)}/s`, `${durationText((size - sentBytes) / bytesPerSecond)} left`);
  }
  return parts.join(' · ');
}

function waitingText({ wait, sentBytes, size }: Upload, nowMs: number): string {
  const inTime = wait && wait.untilAt - nowMs > 1500 ? ` in ${durationText((wait.untilAt - nowMs) / 1000)}` : '';
  switch (wait?.reason) {
    case 'rate-limit':
      return `Many uploads in a short time: goes on by itself${inTime}`;
    case 'server':
      return `${wait.detail ?? 'The server is not ready.'} Goes on by itself${inTime}`;
    case 'busy':
      return sentBytes >= size
        ? `${bytesText(size)} · being checked, shows up by itself`
        : 'The server still works on this file: goes on by itself';
    case 'token':
      return 'Signing in again';
    case 'sign-in':
      return 'You are signed out: goes on as soon as you are signed in again';
    default:
      return 'Waiting for the network: goes on by itself';
  }
}

function failureText({ failure, size }: Upload, maxBytes: number | null): string {
  if (failure?.detail) return failure.detail;
  switch (failure?.code) {
    case 'file-too-large':
      return `This file is ${bytesText(size)}.${maxBytes === null ? '' : ` The limit is ${bytesText(maxBytes)}.`}`;
    case 'unauthenticated':
      return 'You are no longer signed in. Reload the page, then go on.';
    default:
      return 'The upload did not work.';
  }
}

/** What somebody else's upload does at this moment. */
export function incomingText(upload: IncomingUpload, isOwn: boolean): string {
  const size = upload.size === null ? '' : `${bytesText(upload.size)} · `;
  switch (upload.state) {
    case 'uploading':
      if (upload.isSilent) return `${size}waiting for the sender`;
      return isOwn ? `${size}on its way from another window` : `${size}on its way`;
    case 'checking':
      return `${size}being checked`;
    case 'done':
      return `${size}arriving`;
    case 'failed':
      return 'The upload failed';
    case 'cancelled':
      return 'The upload was cancelled';
  }
}

/** The limits in one line, to be read before choosing. */
export function limitsText(config: ChatConfig): string {
  return `Up to ${bytesText(config.max_file_size)} each: ${allowedTypesText(config.allowed_types)}`;
}

const TYPE_NAMES: [RegExp, string][] = [
  [/^\*(\/\*)?$/, 'almost any kind of file'],
  [/^image\//, 'pictures'],
  [/pdf$/, 'PDF'],
  [/word|excel|powerpoint|officedocument|opendocument|rtf$/, 'office documents'],
  [/^text\/|csv|json|xml$/, 'text'],
  [/^audio\//, 'audio'],
  [/^video\//, 'video'],
  [/zip|compressed|tar$/, 'zip'],
];

function allowedTypesText(types: string[]): string {
  const names = types.map((type) => TYPE_NAMES.find(([pattern]) => pattern.test(type))?.[1] ?? type);
  return [...new Set(names)].join(', ');
}

/** How the live connection stands. */
export function connectionText({ state }: Connection): string {
  switch (state) {
    case 'connecting':
      return 'Connecting';
    case 'live':
      return 'Live';
    case 'reconnecting':
      return 'Reconnecting';
    case 'refused':
      return 'No access';
  }
}

/** Who sent something, as the reader calls them. */
export function senderText(uploader: Uploader, side: Uploader): string {
  if (uploader === side) return 'You';
  return uploader === 'agent' ? 'Agent' : 'Visitor';
}
