/** Names that nobody can guess: upload ids and storage keys. */
import { hash } from 'node:crypto';
import { randomText } from './random-text.ts';

const UPLOAD_ID = /^[A-Za-z0-9_-]{22}$/;
const STORAGE_KEY = /^chat\/[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{1,64}\/[A-Za-z0-9_-]{22}(?:\.[a-z0-9]{1,10})?$/;

/** 128 random bits. Ids are never reused: the store would truncate what is there. */
export function newUploadId(): string {
  return randomText(16, 'base64url');
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
