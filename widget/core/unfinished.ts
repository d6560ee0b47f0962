/** The own uploads that an earlier visit left unfinished, as the server lists them. */
import type { UnfinishedUpload } from '../../server/contract/chat-file.ts';
import type { Api } from './api.ts';
import { createObservable, type Observable } from './observable.ts';

/** An upload that can go on here as soon as its file is chosen again. */
export type ResumableUpload = UnfinishedUpload & { upload_url: string; file_key: string; size: number };

export type Unfinished = {
  uploads: Observable<ResumableUpload[]>;
  /** Asks the server again; one request for all who ask at the same time. */
  refresh(): Promise<void>;
  /** The upload URL for a file, from a fresh list. */
  find(fileKey: string): Promise<string | null>;
  /** Takes an upload off the list for good: it is finished, refused or given up. */
  drop(uploadUrl: string): void;
};

/** A list this young is good enough for the next of many files. */
const FRESH_MS = 2000;
const MAX_DROPPED = 500;

/** Starts empty; `endpoint` makes a relative `upload_url` absolute. */
export function createUnfinished(needs: { api: Api; endpoint: string }): Unfinished {
  const uploads = createObservable<ResumableUpload[]>([]);
  /** The server may still list what is being deleted at this moment. */
  const dropped = new Set<string>();
  let loadedAt = 0;
  let loading: Promise<void> | null = null;

  async function load(): Promise<void> {
    const all = await needs.api.unfinishedUploads();
    loadedAt = Date.now();
    uploads.set(
      all
        .filter(isResumable)
        .map((upload) => ({ ...upload, upload_url: new URL(upload.upload_url, needs.endpoint).href }))
        .filter((upload) => !dropped.has(upload.upload_url)),
    );
  }

  function refresh(): Promise<void> {
    loading ??= load().finally(() => {
      loading = null;
    });
    return loading;
  }

  return {
    uploads,
    refresh,
    async find(fileKey) {
      // A list that cannot be renewed is still better than starting over.
      if (Date.now() - loadedAt > FRESH_MS) await refresh().catch(() => {});
      return uploads.get().find((upload) => upload.file_key === fileKey)?.upload_url ?? null;
    },
    drop(uploadUrl) {
      dropped.add(uploadUrl);
      if (dropped.size > MAX_DROPPED) dropped.delete(dropped.values().next().value as string);
      uploads.set(uploads.get().filter((upload) => upload.upload_url !== uploadUrl));
    },
  };
}

/** Others' entries lack the URL; those that are being checked need no more bytes. */
function isResumable(upload: UnfinishedUpload): upload is ResumableUpload {
  return Boolean(upload.upload_url && upload.file_key) && upload.size !== null && upload.state === 'uploading';
}
