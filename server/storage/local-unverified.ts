/** Bytes on the local disk that do not count yet: a note beside the upload says from which offset on. */
import { open, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import type { DiskSyncs } from './disk-syncs.ts';
import type { AppendResult } from './file-storage.ts';

/** The note's name is the upload's and this. */
export const UNVERIFIED = '.unverified';

/**
 * Writes a body that counts only once it is verified. The note is on disk before the first byte and goes after the
 * verdict, so that a process that is killed in between leaves an upload whose offset is the one from before the body:
 * bytes whose checksum nobody looked at are never taken for good ones.
 */
export async function appendVerified(
  place: string,
  offset: number,
  verify: () => Promise<void> | void,
  append: () => Promise<AppendResult>,
  syncs: DiskSyncs,
): Promise<AppendResult> {
  await writeNote(place, offset, syncs);
  let result: AppendResult;
  try {
    result = await append();
    if (result.end === 'complete') await verify();
  } catch (error) {
    await dropUnverified(place, syncs);
    throw error;
  }
  if (result.end === 'complete') {
    await removeNote(place, syncs);
    return result;
  }
  await dropUnverified(place, syncs);
  return { offset, end: result.end };
}

/** How many of an upload's bytes count. Changes nothing, since a body may be on its way just now. */
export async function countedBytes(place: string, sizeBytes: number): Promise<number> {
  const from = await readNote(place);
  return from === null ? sizeBytes : Math.min(from, sizeBytes);
}

/** Takes unverified bytes away, and the note with them. Only for who writes to the upload. */
export async function dropUnverified(place: string, syncs: DiskSyncs): Promise<void> {
  const from = await readNote(place);
  if (from === null) return;
  const file = await open(place, 'r+');
  try {
    if ((await file.stat()).size > from) await file.truncate(from);
    await syncs.file(file);
  } finally {
    await file.close();
  }
  await removeNote(place, syncs);
}

async function writeNote(place: string, offset: number, syncs: DiskSyncs): Promise<void> {
  const note = await open(place + UNVERIFIED, 'w', 0o600);
  try {
    await note.writeFile(String(offset));
    await syncs.file(note);
  } finally {
    await note.close();
  }
  await syncs.folder(path.dirname(place));
}

/** An empty note was being made when the process died, before any byte of its body: nothing is unverified. */
async function readNote(place: string): Promise<number | null> {
  const text = await readFile(place + UNVERIFIED, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** Synced, since an offset that is answered must not go back after a power cut. */
async function removeNote(place: string, syncs: DiskSyncs): Promise<void> {
  await rm(place + UNVERIFIED, { force: true });
  await syncs.folder(path.dirname(place));
}
