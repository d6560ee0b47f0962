/** Names that nobody can guess: upload ids and storage keys. */
import { hash } from 'node:crypto';
import { randomText } from './random-text.ts';

/** Ids of so many milliseconds begin alike, and after twelve days again as they did then. */
const TICK_MS = 64;
/** Of bytes that say when: three, which are four letters. */
const TICKS = 2 ** 24;

const UPLOAD_ID = /^[A-Za-z0-9_-]{22}$/;
const STORAGE_KEY = /^chat\/[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{22}(?:\.[a-z0-9]{1,10})?$/;

/**
 * 104 random bits behind 24 of the time, which whoever has an upload knows anyhow: so the ids that are made together stand together
 * in an index, and do not have a page of it written for each. Ids are never reused: the store would truncate what is there.
 */
export function newUploadId(): string {
  return time(Date.now()) + randomText(13, 'base64url');
}

let lastTick = -1;
let lastTime = '';

/** Four letters. */
function time(nowMs: number): string {
  const tick = Math.floor(nowMs / TICK_MS) % TICKS;
  if (tick !== lastTick) {
    const bytes = Buffer.alloc(3);
    bytes.writeUIntBE(tick, 0, 3);
    lastTime = bytes.toString('base64url');
    lastTick = tick;
  }
  return lastTime;
}

export function isUploadId(value: string): boolean {
  return UPLOAD_ID.test(value);
}

/** What others see of an upload: enough to recognise it, not enough to name its URL. */
export function publicUploadId(id: string): string {
  return hash('sha256', id, 'base64url').slice(0, 22);
}

/** `chat/{company}/{session}/{random}{ext}`: nothing of it comes from a user's file name. */
export function newStorageKey(company: string, session: string, extension: string): string {
  return `chat/${company}/${session}/${randomText(16, 'base64url')}${extension}`;
}

export function isStorageKey(value: string): boolean {
  return STORAGE_KEY.test(value);
}
