/** The uploads of one side: what each is doing, which may run now, and when a waiting one tries again. */
import { fileKey, WHOLE_BYTES } from './file-key.ts';
import { createObservable, type Observable } from './observable.ts';
import { createPrepareFile, type Transform } from './prepare-file.ts';
import { newUploadEntry, type Upload, type UploadEntry, type UploadStatus } from './upload.ts';
import { createUploadAttempts, type UploadAttemptsNeeds } from './upload-attempts.ts';
import { isHopeless, retryDelayMs, type Verdict, type WaitReason } from './verdict.ts';

/** `transform` runs before the file is fingerprinted and its size is looked at. */
export type AddOptions = { transform?: Transform | undefined };

export type Uploader = {
  uploads: Observable<Upload[]>;
  /** Takes files in; answers how many were left out because too many are open. */
  add(files: File[], options?: AddOptions): number;
  pause(id: string): void;
  resume(id: string): void;
  /** Tries a failed upload again, or a waiting one at once. */
  retry(id: string): void;
  /** Gives up an upload, here and on the server. */
  cancel(id: string): void;
  /** Puts the same file back under an upload whose file became unreadable; false when it is another one. */
  chooseAgain(id: string, file: File): Promise<boolean>;
  /** Drops the card of a finished upload. */
  forget(id: string): void;
  /** What these waited for may be there again: they try at once. */
  wakeUp(...reasons: WaitReason[]): void;
  /** True while an upload of this file is open here. */
  hasKey(key: string): boolean;
  /** True while an upload with this URL is open here. */
  hasUrl(url: string): boolean;
  destroy(): void;
};

/** A browser opens six connections to a host (HTTP/1.1): these must leave some for the rest of the page. */
const MAX_PARALLEL = 4;
/** The server's own limit for each participant. */
const MAX_OPEN = 200;
const PUBLISH_EVERY_MS = 100;
const MAX_TERMINATE_TRIES = 5;
/** Between two tries that failed alike, whatever `Retry-After` says. */
const MIN_WAIT_MS = 500;
/** How often one upload may be created anew because the server no longer knows it. */
const MAX_START_OVERS = 3;

/** Starts with no uploads. `destroy` stops everything and deletes nothing on the server. */
export function createUploader(
  needs: UploadAttemptsNeeds & {
    /** Bytes, once known. */
    maxFileBytes: () => number | null;
    /** The upload is finished, refused or given up: nobody can go on with it. */
    onUrlEnded: (url: string) => void;
  },
): Uploader {
  const uploads = createObservable<Upload[]>([]);
  const entries = new Map<string, UploadEntry>();
  const isTooLarge = (file: File) => file.size > (needs.maxFileBytes() ?? Number.POSITIVE_INFINITY);
  const prepareFile = createPrepareFile({ mayBeSent: (file) => !isTooLarge(file) });
  const attempts = createUploadAttempts({
    ...needs,
    entries: () => entries.values(),
    onProgress: showProgress,
    onUrl: startQueued,
    onSuccess: succeed,
    onFailure: follow,
    // A cookie may have been renewed in another tab meanwhile.
    onAwake: () => wakeUp('network', 'server', 'scanner', 'sign-in'),
  });
  let publishTimer: ReturnType<typeof setTimeout> | undefined;
  let lastId = 0;
  let isDestroyed = false;

  // ── What is shown ──

  function publish(): void {
    clearTimeout(publishTimer);
    publishTimer = undefined;
    if (!isDestroyed) uploads.set(Array.from(entries.values(), (entry) => entry.view));
  }

  /** Progress shows a few times a second, any other change at once. */
  function showProgress(entry: UploadEntry, patch: Partial<Upload>): void {
    entry.view = { ...entry.view, ...patch };
    publishTimer ??= setTimeout(publish, PUBLISH_EVERY_MS);
  }

  // ── From state to state ──

  function enter(entry: UploadEntry, status: UploadStatus, patch: Partial<Upload> = {}): void {
    clearTimeout(entry.timer);
    if (status !== 'uploading') attempts.stop(entry);
    entry.view = { ...entry.view, status, wait: null, failure: null, bytesPerSecond: null, ...patch };
    publish();
    if (status !== 'uploading') startQueued();
  }

  async function prepare(entry: UploadEntry, transform: Transform | undefined): Promise<void> {
    const { file, key } = await prepareFile(entry.view.file, transform);
    if (!isOpen(entry)) return;
    const { name, size, type } = file;
    const patch = { file, name, size, type };
    entry.key = key;
    if (isTooLarge(file)) {
      return enter(entry, 'failed', { ...patch, failure: { code: 'file-too-large', detail: null, canRetry: false } });
    }
    // A folder or a cloud file that is away cannot be read; better to know before the upload is created.
    enter(entry, key === null ? 'choose-again' : 'queued', patch);
  }

  function startQueued(): void {
    if (isDestroyed) return;
    const all = [...entries.values()];
    let free = MAX_PARALLEL - all.filter((entry) => entry.view.status === 'uploading').length;
    for (const entry of all) {
      if (free <= 0) return;
      if (entry.view.status !== 'queued' || isTwinBeginning(entry)) continue;
      free -= 1;
      enter(entry, 'uploading');
      void attempts.start(entry);
    }
  }

  /** Of two uploads of one file the second waits until the first has its URL: it would take it for an unfinished one. */
  function isTwinBeginning({ key }: UploadEntry): boolean {
    return [...entries.values()].some(
      (other) => other.key === key && other.view.status === 'uploading' && other.url === null,
    );
  }

  function succeed(entry: UploadEntry, fileId: number | null): void {
    // What stayed would make the same file "succeed" the next time without a new message.
    forgetUrl(entry);
    enter(entry, 'done', { fileId, sentBytes: entry.view.size });
  }

  function follow(entry: UploadEntry, verdict: Verdict): void {
    if (verdict.outcome === 'choose-again') enter(entry, 'choose-again');
    else if (verdict.outcome === 'fail') fail(entry, verdict);
    else if (verdict.outcome === 'start-over') startOver(entry);
    else wait(entry, verdict);
  }

  function wait(entry: UploadEntry, { reason: judged, delayMs, detail }: Verdict & { outcome: 'wait' }): void {
    const reason = reasonOf(entry, judged);
    const count = entry.failures.reason === reason ? entry.failures.count + 1 : 1;
    entry.failures = { reason, count };
    if (isHopeless(performance.now() - entry.lastAcceptedAt)) {
      fail(entry, { code: null, detail, canRetry: true });
      return;
    }
    // The first time a token has just ended on the way: the next one is a request away.
    const ownMs = reason === 'token' && count === 1 ? 0 : retryDelayMs(count);
    // A server that says “at once” again and again is in trouble, and a storm of requests would be no help.
    const waitMs = delayMs === null ? ownMs : Math.max(delayMs, count === 1 ? 0 : MIN_WAIT_MS);
    enter(entry, 'waiting', { wait: { reason, untilAt: Date.now() + waitMs, detail } });
    entry.timer = setTimeout(() => enter(entry, 'queued'), waitMs);
  }

  function reasonOf({ failures }: UploadEntry, judged: WaitReason): WaitReason {
    if (judged === 'token' && needs.token.access.get() !== 'ok') return 'sign-in';
    // HEAD cannot say what it waits for.
    return judged === 'busy' && failures.reason === 'scanner' ? 'scanner' : judged;
  }

  function startOver(entry: UploadEntry): void {
    forgetUrl(entry);
    entry.startOvers += 1;
    if (entry.startOvers > MAX_START_OVERS) fail(entry, { code: 'not-found', detail: null, canRetry: true });
    else enter(entry, 'queued', { sentBytes: 0 });
  }

  function fail(entry: UploadEntry, failure: NonNullable<Upload['failure']>): void {
    // What the server refused it also ended: a later try has to begin anew.
    if (!failure.canRetry) forgetUrl(entry);
    enter(entry, 'failed', { failure });
  }

  function wakeUp(...reasons: WaitReason[]): void {
    for (const entry of [...entries.values()]) {
      const { status, wait } = entry.view;
      if (status === 'waiting' && wait && reasons.includes(wait.reason)) enter(entry, 'queued');
    }
  }

  /** A person set it going: it has all its tries again. */
  function again(entry: UploadEntry | undefined, from: UploadStatus[]): void {
    if (!entry || !from.includes(entry.view.status)) return;
    entry.failures = { reason: null, count: 0 };
    entry.startOvers = 0;
    entry.lastAcceptedAt = performance.now();
    enter(entry, 'queued', { movedAt: Date.now() });
  }

  async function chooseAgain(id: string, file: File): Promise<boolean> {
    const entry = entries.get(id);
    const key = await fileKey(file).catch(() => null);
    if (!entry || key === null || !isOpen(entry) || (entry.key !== null && entry.key !== key)) return false;
    // It became unreadable, and bears another date: it was edited, and its key may not tell.
    if (file.size > WHOLE_BYTES && file.lastModified !== entry.view.file.lastModified) abandonUrl(entry);
    entry.key = key;
    entry.view = { ...entry.view, file, size: file.size };
    again(entry, ['choose-again']);
    return true;
  }

  // ── The end ──

  function cancel(id: string): void {
    const entry = entries.get(id);
    if (!entry) return;
    clearTimeout(entry.timer);
    attempts.stop(entry);
    const mayBeThere = entry.url === null && entry.createdAt > 0;
    abandonUrl(entry);
    entries.delete(id);
    if (mayBeThere) void abandonCreation(entry);
    publish();
    startQueued();
  }

  function forgetUrl(entry: UploadEntry): void {
    if (entry.url) needs.onUrlEnded(entry.url);
    entry.url = null;
  }

  function abandonUrl(entry: UploadEntry): void {
    const { url } = entry;
    forgetUrl(entry);
    entry.view = { ...entry.view, sentBytes: 0 };
    if (url) void terminate(url);
  }

  /** The answer to its creation is not here: the upload may be on the server all the same. */
  async function abandonCreation({ key }: UploadEntry): Promise<void> {
    const url = key === null ? null : await needs.findUnfinished(key, performance.now()).catch(() => null);
    if (!url || isDestroyed || some((entry) => entry.url === url)) return;
    needs.onUrlEnded(url);
    await terminate(url);
  }

  /** Best effort: what cannot be ended now, the server expires. */
  async function terminate(url: string): Promise<void> {
    for (let attempt = 1; attempt <= MAX_TERMINATE_TRIES && !isDestroyed; attempt++) {
      try {
        return await needs.api.terminate(url);
      } catch {
        await new Promise((resolve) => setTimeout(resolve, retryDelayMs(attempt + 2)));
      }
    }
  }

  const isOpen = (entry: UploadEntry) => entries.get(entry.view.id) === entry && !isDestroyed;
  const some = (holds: (entry: UploadEntry) => boolean) => [...entries.values()].some(holds);

  return {
    uploads,
    cancel,
    chooseAgain,
    wakeUp,
    add(files, { transform } = {}) {
      const taken = isDestroyed ? [] : files.slice(0, Math.max(0, MAX_OPEN - entries.size));
      for (const file of taken) {
        lastId += 1;
        const entry = newUploadEntry(`upload-${lastId}`, file);
        entries.set(entry.view.id, entry);
        void prepare(entry, transform);
      }
      publish();
      return files.length - taken.length;
    },
    pause(id) {
      const entry = entries.get(id);
      if (entry && ['queued', 'uploading', 'waiting'].includes(entry.view.status)) enter(entry, 'paused');
    },
    resume: (id) => again(entries.get(id), ['paused']),
    retry: (id) => again(entries.get(id), ['failed', 'waiting']),
    forget(id) {
      if (entries.get(id)?.view.status === 'done' && entries.delete(id)) publish();
    },
    hasKey: (key) => some((entry) => entry.key === key && entry.view.status !== 'done'),
    hasUrl: (url) => some((entry) => entry.url === url),
    destroy() {
      if (isDestroyed) return;
      isDestroyed = true;
      clearTimeout(publishTimer);
      for (const entry of entries.values()) clearTimeout(entry.timer);
      attempts.destroy();
    },
  };
}
