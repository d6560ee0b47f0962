/** The headless entry: uploader and feed of one side of a chat as one observable state with commands. */
import type { ChatConfig, ChatFile, Uploader as Side } from '../../server/contract/chat-file.ts';
import type { UploadProgress } from '../../server/contract/events.ts';
import { type Api, createApi } from './api.ts';
import { type Connection, createFileFeed } from './file-feed.ts';
import { fileKey } from './file-key.ts';
import { createIncoming, type IncomingUpload } from './incoming.ts';
import { createJournal } from './journal.ts';
import { createObservable, type Observable } from './observable.ts';
import { createTokenSource } from './token.ts';
import { createUnfinished, type ResumableUpload } from './unfinished.ts';
import type { Upload } from './upload.ts';
import { createUploader } from './uploader.ts';

export type ChatFilesState = {
  connection: Connection;
  /** False until the first list is here. */
  isLoaded: boolean;
  /** Null until known. */
  config: ChatConfig | null;
  /** Shared by either side, oldest first. */
  files: ChatFile[];
  /** Own uploads that are not shared yet. */
  uploads: Upload[];
  /** Uploads by others, or by this participant in another window. */
  incoming: IncomingUpload[];
  /** Own uploads of an earlier visit. */
  unfinished: ResumableUpload[];
};

export type ChatFiles = {
  side: Side;
  state: Observable<ChatFilesState>;
  /** Starts uploading; answers how many files were left out because too many are open. */
  add(files: File[]): number;
  pause(uploadId: string): void;
  resume(uploadId: string): void;
  retry(uploadId: string): void;
  cancel(uploadId: string): void;
  /** For an upload whose file can no longer be read; false when this is another file. */
  chooseAgain(uploadId: string, file: File): Promise<boolean>;
  /** Goes on with an unfinished upload; false when this is another file. */
  goOn(unfinishedId: string, file: File): Promise<boolean>;
  /** Gives an unfinished upload up, on the server too. */
  discard(unfinishedId: string): Promise<void>;
  /** Removes a shared file for everybody. */
  remove(fileId: number): Promise<void>;
  canRemove(file: ChatFile): boolean;
  /** Gets fresh links for a file whose links have ended. */
  renewLinks(fileId: number): Promise<void>;
  /** Calls the listener for each file that somebody else shares from now on. */
  onReceived(listener: (file: ChatFile) => void): () => void;
  /** Stops everything; unfinished uploads stay on the server and can go on later. */
  destroy(): void;
};

/** The event usually wins against this; without a socket the finished file is fetched. */
const FETCH_SHARED_AFTER_MS = 1500;
const RETRY_CONFIG_MS = 5000;
const MAX_CONFIG_TRIES = 10;

/** Connects one participant to one session. `getToken` is asked again whenever a token is about to end. */
export function createChatFiles(options: {
  apiBaseUrl: string;
  companyId: string;
  sessionId: string;
  side: Side;
  getToken: () => Promise<string> | string;
}): ChatFiles {
  const { companyId, sessionId, side } = options;
  const apiBaseUrl = options.apiBaseUrl.replace(/\/+$/, '');
  const endpoint = `${apiBaseUrl}/api/chat/tus/`;
  const token = createTokenSource({ getToken: options.getToken });
  const api = createApi({ apiBaseUrl, companyId, sessionId, token });
  const config = createObservable<ChatConfig | null>(null);
  const unfinished = createUnfinished({ api, endpoint });
  const incoming = createIncoming();
  const receivedListeners = new Set<(file: ChatFile) => void>();
  const uploader = createUploader({
    endpoint,
    metadata: { company_id: companyId, session_id: sessionId },
    token,
    api,
    journal: createJournal({ storageKey: `chatdrop.uploads:${companyId}:${sessionId}:${side}` }),
    maxFileBytes: () => config.get()?.max_file_size ?? null,
    findUnfinished: unfinished.find,
    onUrlEnded: unfinished.drop,
  });
  const feed = createFileFeed({
    apiBaseUrl,
    companyId,
    sessionId,
    token,
    api,
    onShared(file) {
      incoming.onShared(file);
      if (file.uploader !== side) for (const listener of [...receivedListeners]) listener(file);
    },
    onProgress(event) {
      if (!isOwn(event)) incoming.onProgress(event);
    },
    // A socket that connects proves that the network is back, whatever the browser believes.
    onConnected: uploader.wakeUp,
  });
  let destroyed = false;

  /** Progress names no URL, so an own upload is known by what it looks like. */
  function isOwn(event: UploadProgress): boolean {
    return (
      event.uploader === side &&
      uploader.uploads.get().some(({ name, size }) => name === event.name && size === event.size)
    );
  }

  const sources = [feed.connection, feed.isLoaded, feed.files, config, incoming.uploads, unfinished.uploads];
  const state = createObservable(compute());
  const update = () => state.set(compute());
  const stops = [...sources, uploader.uploads].map((source) => source.subscribe(update));
  stops.push(uploader.uploads.subscribe(settleDone), feed.files.subscribe(settleDone));

  function compute(): ChatFilesState {
    const incomingUploads = incoming.uploads.get();
    return {
      connection: feed.connection.get(),
      isLoaded: feed.isLoaded.get(),
      config: config.get(),
      files: feed.files.get(),
      uploads: uploader.uploads.get().filter((upload) => !isShared(upload)),
      incoming: incomingUploads,
      // What moves in another window is shown as such, not offered.
      unfinished: unfinished.uploads
        .get()
        .filter(({ id, file_key }) => !uploader.hasKey(file_key) && !incomingUploads.some((other) => other.id === id)),
    };
  }

  /** The event may come before the answer to the last PATCH: either ends the card, so that no file shows twice. */
  function isShared(upload: Upload): boolean {
    if (upload.fileId !== null) return feed.get(upload.fileId) !== null;
    if ((upload.status !== 'uploading' && upload.status !== 'done') || upload.sentBytes < upload.size) return false;
    return feed.files
      .get()
      .some(
        (file) =>
          file.uploader === side &&
          file.name === upload.name &&
          file.size === upload.size &&
          Date.parse(file.created_at) >= upload.addedAt,
      );
  }

  const settling = new Set<string>();

  /** Sees each finished upload off: its card goes as soon as the shared file is here. */
  function settleDone(): void {
    for (const upload of uploader.uploads.get()) {
      if (upload.status !== 'done') continue;
      if (isShared(upload)) uploader.forget(upload.id);
      else if (!settling.has(upload.id)) void settle(upload);
    }
  }

  /** Without an event within a moment (no socket here, perhaps) the file is fetched. */
  async function settle({ id, fileId }: Upload): Promise<void> {
    settling.add(id);
    await new Promise((resolve) => setTimeout(resolve, FETCH_SHARED_AFTER_MS));
    if (!destroyed && fileId !== null && !feed.get(fileId)) await feed.fetch(fileId).catch(() => null);
    settling.delete(id);
    uploader.forget(id);
  }

  void loadConfig(api, config, () => destroyed);
  void unfinished.refresh().catch(() => {});

  async function goOn(unfinishedId: string, file: File): Promise<boolean> {
    const upload = unfinished.uploads.get().find(({ id }) => id === unfinishedId);
    if (!upload || (await fileKey(file).catch(() => null)) !== upload.file_key) return false;
    // The uploader finds the place to go on by the key, as for any file that is chosen.
    uploader.add([file]);
    return true;
  }

  return {
    side,
    state,
    add: uploader.add,
    pause: uploader.pause,
    resume: uploader.resume,
    retry: uploader.retry,
    cancel: uploader.cancel,
    chooseAgain: uploader.chooseAgain,
    goOn,
    async discard(unfinishedId) {
      const upload = unfinished.uploads.get().find(({ id }) => id === unfinishedId);
      if (!upload) return;
      await api.terminate(upload.upload_url);
      unfinished.drop(upload.upload_url);
    },
    remove: feed.remove,
    canRemove: (file) => side === 'agent' || file.uploader === side,
    async renewLinks(fileId) {
      await feed.fetch(fileId);
    },
    onReceived(listener) {
      receivedListeners.add(listener);
      return () => receivedListeners.delete(listener);
    },
    destroy() {
      destroyed = true;
      for (const stop of stops) stop();
      uploader.destroy();
      feed.destroy();
      incoming.destroy();
    },
  };
}

async function loadConfig(
  api: Api,
  config: { set(value: ChatConfig): void },
  isDestroyed: () => boolean,
): Promise<void> {
  for (let attempt = 1; attempt <= MAX_CONFIG_TRIES && !isDestroyed(); attempt++) {
    try {
      return config.set(await api.config());
    } catch {
      // The limits are a courtesy: the server enforces them in any case.
      await new Promise((resolve) => setTimeout(resolve, RETRY_CONFIG_MS));
    }
  }
}
