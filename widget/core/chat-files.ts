/** The headless entry: uploads and files of one side of a chat as one observable state with commands. No DOM, no framework. */
import type { ChatConfig, ChatFile, Uploader as Side } from '../../server/contract/chat-file.ts';
import type { UploadProgress } from '../../server/contract/events.ts';
import { createApi } from './api.ts';
import { createCallerInfo } from './caller.ts';
import { watchForErrors } from './error-notices.ts';
import { type Connection, createFileFeed } from './file-feed.ts';
import { fileKey } from './file-key.ts';
import { callGuarded } from './guarded.ts';
import { createIncoming, type IncomingUpload } from './incoming.ts';
import { createObservable, type Observable } from './observable.ts';
import { baseUrlOf, type ChatFilesOptions } from './options.ts';
import { keepScreenOn } from './screen-lock.ts';
import { settleUploads } from './settle-uploads.ts';
import { type Access, createTokenSource } from './token.ts';
import { createUnfinished, type ResumableUpload } from './unfinished.ts';
import type { Upload } from './upload.ts';
import { type AddOptions, createUploader } from './uploader.ts';

export type ChatFilesState = {
  connection: Connection;
  /** `expired`: all waits until `setToken`, or until `getToken` or the cookie is good again. */
  access: Access;
  /** `user` until known; known before `isLoaded`. */
  side: Side;
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
  /** Own uploads of an earlier visit, or of another device, that nobody goes on with. */
  unfinished: ResumableUpload[];
};

export type ChatFiles = {
  /** `user` until known; known before the first files show. */
  readonly side: Side;
  state: Observable<ChatFilesState>;
  /** Starts uploading; answers how many files were left out because too many are open. */
  add(files: File[], options?: AddOptions): number;
  pause(uploadId: string): void;
  resume(uploadId: string): void;
  retry(uploadId: string): void;
  cancel(uploadId: string): void;
  /** For an upload whose file can no longer be read; false when this is another file. */
  chooseAgain(uploadId: string, file: File): Promise<boolean>;
  /** Goes on with an unfinished upload; false when this is another file, as it is or as `transform` makes it. */
  goOn(unfinishedId: string, file: File, options?: AddOptions): Promise<boolean>;
  /** Gives an unfinished upload up, on the server too. */
  discard(unfinishedId: string): Promise<void>;
  /** Removes a shared file for everybody. */
  remove(fileId: number): Promise<void>;
  canRemove(file: ChatFile): boolean;
  /** Gets fresh links for a file whose links have ended. */
  renewLinks(fileId: number): Promise<void>;
  /** Hands over a newer token for the same caller: what waits for one goes on at once. */
  setToken(jwt: string): void;
  /** Tries at once what waits for its next try: somebody has signed in again, and the cookie is good. */
  tryAgain(): void;
  /** Calls the listener for each file that somebody else shares from now on. */
  onReceived(listener: (file: ChatFile) => void): () => void;
  /** Stops everything; unfinished uploads stay on the server and can go on later. A second call does nothing. */
  destroy(): void;
};

/** Connects one participant to one session, in a browser; to import this needs none. */
export function createChatFiles(options: ChatFilesOptions): ChatFiles {
  const { companyId, sessionId } = options;
  const apiBaseUrl = baseUrlOf(options);
  const endpoint = `${apiBaseUrl}/api/chat/tus/`;
  const token = createTokenSource(options);
  const api = createApi({ apiBaseUrl, companyId, sessionId, token });
  const caller = createCallerInfo({ api, token, jwt: options.jwt });
  const incoming = createIncoming();
  const unfinished = createUnfinished({ api, endpoint, isHere: (url) => uploader.hasUrl(url) });
  const receivedListeners = new Set<(file: ChatFile) => void>();
  const refusal = createObservable<string | null>(null);
  const uploader = createUploader({
    endpoint,
    metadata: { company_id: companyId, session_id: sessionId },
    token,
    api,
    maxFileBytes: () => caller.config.get()?.max_file_size ?? null,
    findUnfinished: unfinished.find,
    onUrlEnded: unfinished.drop,
  });
  const feed = createFileFeed({
    apiBaseUrl,
    companyId,
    sessionId,
    token,
    api,
    ready: caller.known,
    onShared,
    onProgress(event) {
      if (!isOwn(event)) incoming.onProgress(event);
    },
    onConnected() {
      // A socket that connects proves that the network is back, whatever the browser believes.
      uploader.wakeUp('network', 'server');
      refreshUnfinished();
    },
  });
  const settled = settleUploads({ feed, uploader, side: () => caller.side.get() });

  // ── What is shown ──

  const isElsewhere = ({ file_key, upload_url }: ResumableUpload) =>
    !uploader.hasKey(file_key) && !uploader.hasUrl(upload_url);
  const state = createObservable(compute());
  const update = () => state.set(compute());
  const sources = [
    feed.connection,
    feed.isLoaded,
    feed.files,
    caller.config,
    caller.side,
    token.access,
    incoming.uploads,
    unfinished.still,
    unfinished.moving,
    uploader.uploads,
  ];
  const stops = sources.map((source) => source.subscribe(update));

  function compute(): ChatFilesState {
    const connection = feed.connection.get();
    return {
      connection,
      access: connection.state === 'refused' ? 'refused' : token.access.get(),
      side: caller.side.get(),
      isLoaded: feed.isLoaded.get(),
      config: caller.config.get(),
      files: feed.files.get(),
      uploads: uploader.uploads.get().filter((upload) => !settled.isShared(upload)),
      incoming: [...incoming.uploads.get(), ...unfinished.moving.get().filter(isElsewhere).map(asIncoming)],
      unfinished: unfinished.still.get().filter(isElsewhere),
    };
  }

  /** Progress names no URL, so an own upload is known by what it looks like. */
  function isOwn(event: UploadProgress): boolean {
    return (
      event.uploader === caller.side.get() &&
      uploader.uploads.get().some(({ name, size }) => name === event.name && size === event.size)
    );
  }

  // ── What happens ──

  function onShared(file: ChatFile): void {
    incoming.onShared(file);
    // It may have been finished in another window: then it is no longer to be offered.
    if (file.uploader === caller.side.get()) refreshUnfinished();
    else for (const listener of [...receivedListeners]) callGuarded(listener, file);
    callGuarded(options.onFileShared, file);
  }

  function refreshUnfinished(): void {
    unfinished.refresh().catch(() => {});
  }

  function onVisible(): void {
    if (document.visibilityState !== 'visible') return;
    refreshUnfinished();
    hurry();
  }

  function hurry(): void {
    caller.hurry();
    feed.hurry();
  }

  function onAccess(): void {
    if (token.access.get() !== 'ok') return;
    uploader.wakeUp('token', 'sign-in');
    hurry();
  }

  document.addEventListener('visibilitychange', onVisible);
  window.addEventListener('online', hurry);
  stops.push(
    () => document.removeEventListener('visibilitychange', onVisible),
    () => window.removeEventListener('online', hurry),
    token.access.subscribe(onAccess),
    feed.connection.subscribe(() => {
      const connection = feed.connection.get();
      refusal.set(connection.state === 'refused' ? connection.detail : null);
    }),
    watchForErrors({
      uploads: uploader.uploads,
      access: token.access,
      refusal,
      onError: (error) => callGuarded(options.onError, error),
    }),
    keepScreenOn(uploader.uploads, (uploads) => uploads.some(({ status }) => status === 'uploading')),
  );
  refreshUnfinished();

  // ── Commands ──

  async function goOn(unfinishedId: string, file: File, { transform }: AddOptions = {}): Promise<boolean> {
    const upload = unfinished.still.get().find(({ id }) => id === unfinishedId);
    if (!upload) return false;
    const isSame = async (candidate: File) => (await fileKey(candidate).catch(() => null)) === upload.file_key;
    const candidates = [async () => file, ...(transform ? [() => transform(file)] : [])];
    for (const candidate of candidates) {
      const found = await candidate().catch(() => null);
      if (!found || !(await isSame(found))) continue;
      // The uploader finds the place to go on by the key, as for any file that is chosen.
      uploader.add([found]);
      return true;
    }
    return false;
  }

  return {
    get side() {
      return caller.side.get();
    },
    state,
    add: uploader.add,
    pause: uploader.pause,
    resume: uploader.resume,
    retry: uploader.retry,
    cancel: uploader.cancel,
    chooseAgain: uploader.chooseAgain,
    goOn,
    async discard(unfinishedId) {
      const upload = unfinished.still.get().find(({ id }) => id === unfinishedId);
      if (!upload) return;
      await api.terminate(upload.upload_url);
      unfinished.drop(upload.upload_url);
    },
    remove: feed.remove,
    canRemove: (file) => caller.side.get() === 'agent' || file.uploader === caller.side.get(),
    async renewLinks(fileId) {
      await feed.fetch(fileId);
    },
    setToken(jwt) {
      token.set(jwt);
      onAccess();
    },
    tryAgain: hurry,
    onReceived(listener) {
      receivedListeners.add(listener);
      return () => receivedListeners.delete(listener);
    },
    destroy() {
      for (const stop of stops.splice(0)) stop();
      settled.destroy();
      uploader.destroy();
      unfinished.destroy();
      feed.destroy();
      caller.destroy();
      incoming.destroy();
      api.destroy();
    },
  };
}

function asIncoming({ id, uploader, name, size, offset }: ResumableUpload): IncomingUpload {
  return { id, uploader, name, size, offset, state: 'uploading', isSilent: false, startedAt: 0 };
}
