/** Makes one file of several on the local disk, without holding any of them in memory. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { DiskSyncs } from './disk-syncs.ts';

/** What is being joined lies under the upload's name and this, until it is whole. */
export const JOINING = '.joining';
const STEP_BYTES = 1024 * 1024;

/**
 * Written under a name of its own, synced, then renamed: a process that dies in the middle leaves nothing that could be
 * taken for the whole, and the next one begins again.
 */
export async function joinFiles(
  place: string,
  parts: readonly string[],
  signal: AbortSignal,
  syncs: DiskSyncs,
): Promise<void> {
  const target = await open(place + JOINING, 'w', 0o600);
  try {
    let position = 0;
    for (const part of parts) position = await copyInto(target, position, part, signal);
    await syncs.file(target);
  } catch (error) {
    // On a full disk what was copied is needed by others.
    await rm(place + JOINING, { force: true }).catch(() => {});
    throw error;
  } finally {
    await target.close();
  }
  await rename(place + JOINING, place);
  await syncs.folder(path.dirname(place));
}

/** @returns where the next part begins */
async function copyInto(target: FileHandle, from: number, part: string, signal: AbortSignal): Promise<number> {
  const source = await open(part, 'r');
  const buffer = Buffer.allocUnsafe(STEP_BYTES);
  try {
    for (let position = from; ; ) {
      signal.throwIfAborted();
      const { bytesRead } = await source.read(buffer, 0, STEP_BYTES, position - from);
      if (bytesRead === 0) return position;
      for (let written = 0; written < bytesRead; ) {
        const { bytesWritten } = await target.write(buffer, written, bytesRead - written, position + written);
        written += bytesWritten;
      }
      position += bytesRead;
    }
  } finally {
    await source.close();
  }
}
