/** What a backup holds, and under which names: the same in an archive and in a folder. */
import { isStorageKey, isUploadId } from '../rules/upload-id.ts';

/** One file of a backup, as its manifest lists it: one JSON object a line. `sha256` in hex. */
export type BackupEntry = { name: string; sizeBytes: number; sha256: string };

/** The first entry of an archive: what it is, and since when. */
export const HEADER = 'chatdrop-backup.json';
/** The last: a backup without it was not finished. */
export const MANIFEST = 'manifest.ndjson';
export const DATABASE = 'database.sqlite';
/** The key of development mode, where there is one. */
export const SECRET = 'development-secret';

export type BackupHeader = { format: typeof FORMAT; version: string; created_at: string };
export const FORMAT = 'chatdrop-backup-1';

const OBJECTS = 'objects/';
/** At their key already, and no file yet: what lies there may still change. */
const FINISHING = 'finishing/';
const INCOMING = 'incoming/';

export function objectName(key: string): string {
  return OBJECTS + key;
}

export function isObject(name: string): boolean {
  return name.startsWith(OBJECTS);
}

export function finishingName(key: string): string {
  return FINISHING + key;
}

export function incomingName(uploadId: string): string {
  return INCOMING + uploadId;
}

/** Where an entry belongs; null for a name that no backup of ours has, and that is never written anywhere. */
export function placeOf(name: string): { key: string } | { uploadId: string } | { beside: string } | null {
  if (name === DATABASE || name === SECRET) return { beside: name };
  for (const prefix of [OBJECTS, FINISHING]) {
    const key = name.slice(prefix.length);
    if (name.startsWith(prefix) && isStorageKey(key)) return { key };
  }
  const uploadId = name.slice(INCOMING.length);
  return name.startsWith(INCOMING) && isUploadId(uploadId) ? { uploadId } : null;
}

/** @throws when it is no line of a manifest of ours */
export function readEntry(line: string): BackupEntry {
  const { name, sizeBytes, sha256 } = JSON.parse(line);
  if (typeof name === 'string' && Number.isSafeInteger(sizeBytes) && /^[0-9a-f]{64}$/.test(sha256) && placeOf(name))
    return { name, sizeBytes, sha256 };
  throw new Error(`the manifest has a line that is not one of its own: ${line.slice(0, MAX_SHOWN)}`);
}

const MAX_SHOWN = 200;
