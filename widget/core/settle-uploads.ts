/** Sees finished uploads off: an upload's card goes as soon as the shared file is here, and never both are shown. */
import type { Uploader as Side } from '../../server/contract/chat-file.ts';
import type { FileFeed } from './file-feed.ts';
import { mayBecome } from './may-become.ts';
import type { Upload } from './upload.ts';
import type { Uploader } from './uploader.ts';

export type SettledUploads = {
  /** The file of this upload is in the list. */
  isShared(upload: Upload): boolean;
  destroy(): void;
};

/** The event usually wins against this; without a socket the finished file is fetched. */
const FETCH_SHARED_AFTER_MS = 1500;

export function settleUploads(needs: { feed: FileFeed; uploader: Uploader; side: () => Side }): SettledUploads {
  const { feed, uploader } = needs;
  const timers = new Map<string, ReturnType<typeof setTimeout>>();

  /** The event may come before the answer to the last PATCH: either ends the card. */
  function isShared(upload: Upload): boolean {
    if (upload.fileId !== null) return feed.get(upload.fileId) !== null;
    if ((upload.status !== 'uploading' && upload.status !== 'done') || upload.sentBytes < upload.size) return false;
    return feed.files
      .get()
      .some(
        (file) =>
          file.uploader === needs.side() &&
          file.name === upload.name &&
          mayBecome(upload.size, file) &&
          Date.parse(file.created_at) >= upload.addedAt,
      );
  }

  function settle(): void {
    for (const upload of uploader.uploads.get()) {
      if (upload.status !== 'done') continue;
      if (isShared(upload)) forget(upload.id);
      else if (!timers.has(upload.id)) {
        timers.set(
          upload.id,
          setTimeout(() => void fetchShared(upload), FETCH_SHARED_AFTER_MS),
        );
      }
    }
  }

  async function fetchShared({ id, fileId }: Upload): Promise<void> {
    if (fileId !== null && !feed.get(fileId)) await feed.fetch(fileId).catch(() => null);
    forget(id);
  }

  function forget(id: string): void {
    clearTimeout(timers.get(id));
    timers.delete(id);
    uploader.forget(id);
  }

  const stops = [uploader.uploads.subscribe(settle), feed.files.subscribe(settle)];
  return {
    isShared,
    destroy() {
      for (const stop of stops) stop();
      for (const timer of timers.values()) clearTimeout(timer);
    },
  };
}
