/** Starts and stops the single tries of an upload: where it goes on, who guards it, who watches that it moves. */
import { type Api, ApiError } from './api.ts';
import { createAttemptGuard } from './attempt-guard.ts';
import type { TokenSource } from './token.ts';
import type { Attempt, TusRunner } from './tus-runner.ts';
import type { Upload, UploadEntry } from './upload.ts';
import { judge, type Verdict } from './verdict.ts';
import { createWake } from './wake.ts';

export type UploadAttempts = {
  start(entry: UploadEntry): Promise<void>;
  /** Stops the try that runs, if one does; the server keeps what it has. */
  stop(entry: UploadEntry): void;
  destroy(): void;
};

export type UploadAttemptsNeeds = {
  endpoint: string;
  /** Sent with each upload besides name, type and file key. */
  metadata: { company_id: string; session_id: string };
  token: TokenSource;
  api: Pick<Api, 'refusalOf' | 'terminate'>;
  /** Where an unfinished upload of this file can go on, from a list of the server that is younger than `since`. */
  findUnfinished: (key: string, since: number) => Promise<string | null>;
};

/** The list of files and the socket go first. */
const PRELOAD_AFTER_MS = 1500;
const STALLED: Verdict = { outcome: 'wait', reason: 'network', delayMs: null, detail: null };

/** The callbacks come only for the try that is current; each try ends with one of `onSuccess` and `onFailure`. */
export function createUploadAttempts(
  needs: UploadAttemptsNeeds & {
    entries: () => Iterable<UploadEntry>;
    onProgress: (entry: UploadEntry, patch: Partial<Upload>) => void;
    /** The upload has a URL now. */
    onUrl: () => void;
    onSuccess: (entry: UploadEntry, fileId: number | null) => void;
    onFailure: (entry: UploadEntry, verdict: Verdict) => void;
    onAwake: () => void;
  },
): UploadAttempts {
  const { token, api } = needs;
  let runner: TusRunner | null = null;
  let isDestroyed = false;
  const wake = createWake({ onStalled, onAwake: needs.onAwake });

  function onStalled(attemptId: string): void {
    const entry = [...needs.entries()].find((candidate) => candidate.attemptId === attemptId);
    if (entry) needs.onFailure(entry, STALLED);
  }

  /** Half of the widget's bytes: they come with the first file, or as soon as the page has nothing else to do. */
  async function loadRunner(): Promise<TusRunner> {
    const { createTusRunner } = await import('./tus-runner.ts');
    runner ??= createTusRunner({
      endpoint: needs.endpoint,
      metadataFields: ['filename', 'filetype', 'company_id', 'session_id', 'file_key'],
    });
    if (isDestroyed) runner.destroy();
    return runner;
  }
  // Before a tunnel comes: a script that is not there yet could not be had in it.
  const preload = setTimeout(() => void loadRunner().catch(() => {}), PRELOAD_AFTER_MS);

  /**
   * The server's list, and nothing that this browser remembers: so another device, or an emptied profile, resumes as
   * well. Also after a creation whose answer was lost: the upload may be there.
   */
  async function claimUrl(entry: UploadEntry): Promise<void> {
    const url = entry.key === null ? null : await needs.findUnfinished(entry.key, entry.createdAt);
    // The same file may have been picked twice: two uploads must not write to one URL.
    if (![...needs.entries()].some((other) => other !== entry && other.url === url)) entry.url = url;
  }

  function attemptOf(entry: UploadEntry, attemptId: string, isCurrent: () => boolean): Attempt {
    const { file, name } = entry.view;
    const guard = createAttemptGuard({
      token,
      api,
      file,
      isCurrent,
      onRequest(method) {
        if (method === 'POST') entry.createdAt = performance.now();
        wake.expect(attemptId, method);
      },
    });
    return {
      id: attemptId,
      file,
      // Without a type the bytes decide.
      metadata: {
        filename: name,
        ...(file.type && { filetype: file.type }),
        ...needs.metadata,
        file_key: entry.key ?? '',
      },
      uploadUrl: entry.url,
      guard,
      onUploadUrl(url) {
        entry.url = url;
        needs.onUrl();
      },
      onProgress(sentBytes) {
        entry.speed.note(sentBytes);
        wake.progress(attemptId, sentBytes >= file.size);
        needs.onProgress(entry, { sentBytes, bytesPerSecond: entry.speed.bytesPerSecond(), movedAt: Date.now() });
      },
      onAccepted() {
        entry.failures = { reason: null, count: 0 };
        entry.lastAcceptedAt = performance.now();
      },
      onSuccess: () => needs.onSuccess(entry, guard.fileId()),
      onFailure: () => needs.onFailure(entry, guard.verdict()),
    };
  }

  return {
    async start(entry) {
      entry.attempts += 1;
      const attemptId = `${entry.view.id}.${entry.attempts}`;
      const isCurrent = () => !isDestroyed && entry.attemptId === attemptId;
      entry.attemptId = attemptId;
      entry.speed.reset();
      let ready: TusRunner;
      try {
        if (entry.url === null) await claimUrl(entry);
        ready = await loadRunner();
      } catch (error) {
        if (isCurrent()) needs.onFailure(entry, judge(error instanceof ApiError ? error.answer : null));
        return;
      }
      if (!isCurrent()) return;
      wake.watch(attemptId);
      ready.start(attemptOf(entry, attemptId, isCurrent));
    },
    stop(entry) {
      if (entry.attemptId === null) return;
      wake.unwatch(entry.attemptId);
      runner?.detach(entry.attemptId);
      entry.attemptId = null;
    },
    destroy() {
      isDestroyed = true;
      clearTimeout(preload);
      wake.destroy();
      runner?.destroy();
    },
  };
}
