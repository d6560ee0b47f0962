/** The uploads of one side: what each is doing, which may run now, and when a waiting one tries again. */
import { fileKey } from './file-key.ts';
import { createObservable, type Observable } from './observable.ts';
import { isHopeless, retryDelayMs, type Verdict } from './tus-policy.ts';
import { newUploadEntry, type Upload, type UploadEntry, type UploadStatus } from './upload.ts';
import { createUploadAttempts, type UploadAttemptsNeeds } from './upload-attempts.ts';

export type Uploader = {
  uploads: Observable<Upload[]>;
  /** Takes files in; answers how many were left out because too many are open. */
  add(files: File[]): number;
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
  /** The network is known to be back. */
  wakeUp(): void;
  /** True while an upload of this file is open here. */
  hasKey(key: string): boolean;
  destroy(): void;
};

/** A browser opens six connections to a host (HTTP/1.1): these must leave some for the rest of the page. */
const MAX_PARALLEL = 4;
/** The server's own limit for each participant. */
const MAX_OPEN = 200;
const PUBLISH_EVERY_MS = 100;
const MAX_TERMINATE_TRIES = 5;

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
  const attempts = createUploadAttempts({
    ...needs,
    entries: () => entries.values(),
    onProgress: showProgress,
    onSuccess: succeed,
    onFailure: follow,
    onAwake: wakeUp,
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

  async function prepare(entry: UploadEntry): Promise<void> {
    const { file, size } = entry.view;
    const maxBytes = needs.maxFileBytes();
    if (maxBytes !== null && size > maxBytes) {
      return enter(entry, 'failed', { failure: { code: 'file-too-large', detail: null, canRetry: false } });
    }
    // A folder or a cloud file that is away cannot be read; better to know before the upload is created.
    entry.key = await fileKey(file).catch(() => null);
    if (isOpen(entry)) enter(entry, entry.key === null ? 'choose-again' : 'queued');
  }

  function startQueued(): void {
    if (isDestroyed) return;
    const all = [...entries.values()];
    let free = MAX_PARALLEL - all.filter((entry) => entry.view.status === 'uploading').length;
    for (const entry of all) {
      if (free <= 0) return;
      if (entry.view.status !== 'queued') continue;
      free -= 1;
      enter(entry, 'uploading');
      void attempts.start(entry);
    }
  }

  function succeed(entry: UploadEntry, fileId: number | null): void {
    // A record that stayed would make the same file "succeed" the next time without a new message.
    forgetUrl(entry);
    enter(entry, 'done', { fileId, sentBytes: entry.view.size });
  }

  function follow(entry: UploadEntry, verdict: Verdict): void {
    if (verdict.outcome === 'choose-again') enter(entry, 'choose-again');
    else if (verdict.outcome === 'fail') fail(entry, verdict);
    else wait(entry, verdict);
  }

  function wait(entry: UploadEntry, { reason, delayMs, detail }: Verdict & { outcome: 'wait' }): void {
    const count = entry.failures.reason === reason ? entry.failures.count + 1 : 1;
    entry.failures = { reason, count };
    if (isHopeless(reason, count, Date.now() - entry.lastAcceptedAt)) {
      fail(entry, { code: reason === 'token' ? 'unauthenticated' : null, detail, canRetry: true });
      return;
    }
    const waitMs = delayMs ?? retryDelayMs(count);
    enter(entry, 'waiting', { wait: { reason, untilAt: Date.now() + waitMs, detail } });
    entry.timer = setTimeout(() => enter(entry, 'queued'), waitMs);
  }

  function fail(entry: UploadEntry, failure: NonNullable<Upload['failure']>): void {
    // What the server refused it also ended: a later try has to begin anew.
    if (!failure.canRetry) forgetUrl(entry);
    enter(entry, 'failed', { failure });
  }

  function wakeUp(): void {
    for (const entry of [...entries.values()]) {
      const { status, wait } = entry.view;
      if (status === 'waiting' && (wait?.reason === 'network' || wait?.reason === 'server')) enter(entry, 'queued');
    }
  }

  /** A person set it going: it has all its tries again. */
  function again(entry: UploadEntry | undefined, from: UploadStatus[]): void {
    if (!entry || !from.includes(entry.view.status)) return;
    entry.failures = { reason: null, count: 0 };
    entry.lastAcceptedAt = Date.now();
    enter(entry, 'queued', { movedAt: Date.now() });
  }

  async function chooseAgain(id: string, file: File): Promise<boolean> {
    const entry = entries.get(id);
    const key = await fileKey(file).catch(() => null);
    if (!entry || key === null || !isOpen(entry) || (entry.key !== null && entry.key !== key)) return false;
    entry.key = key;
    entry.view = { ...entry.view, file, size: file.size };
    again(entry, ['choose-again']);
    return true;
  }

  // ── The end ──

  function cancel(id: string): void {
    const entry = entries.get(id);
    if (!entry) return;
    const { url } = entry;
    clearTimeout(entry.timer);
    attempts.stop(entry);
    forgetUrl(entry);
    entries.delete(id);
    publish();
    startQueued();
    if (url) void terminate(url);
  }

  function forgetUrl(entry: UploadEntry): void {
    if (entry.key) needs.journal.forget(entry.key);
    if (entry.url) needs.onUrlEnded(entry.url);
    entry.url = null;
    entry.startOvers = 0;
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

  return {
    uploads,
    cancel,
    chooseAgain,
    wakeUp,
    add(files) {
      const taken = files.slice(0, Math.max(0, MAX_OPEN - entries.size));
      for (const file of taken) {
        lastId += 1;
        const entry = newUploadEntry(`upload-${lastId}`, file);
        entries.set(entry.view.id, entry);
        void prepare(entry);
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
    hasKey: (key) => [...entries.values()].some((entry) => entry.key === key && entry.view.status !== 'done'),
    destroy() {
      isDestroyed = true;
      clearTimeout(publishTimer);
      for (const entry of entries.values()) clearTimeout(entry.timer);
      attempts.destroy();
    },
  };
}
