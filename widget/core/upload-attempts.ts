/** Starts and stops the single tries of an upload: where it goes on, who guards it, who watches that it moves. */
import type { Api } from './api.ts';
import type { Journal } from './journal.ts';
import type { TokenSource } from './token.ts';
import { createAttemptGuard, type Verdict } from './tus-policy.ts';
import { type Attempt, createTusRunner } from './tus-runner.ts';
import type { Upload, UploadEntry } from './upload.ts';
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
  api: Api;
  journal: Journal;
  /** Where an unfinished upload of this file can go on, from the server's list. */
  findUnfinished: (key: string) => Promise<string | null>;
};

const STALLED: Verdict = { outcome: 'wait', reason: 'network', delayMs: null, detail: null };

/** The callbacks come only for the try that is current; each try ends with one of `onSuccess` and `onFailure`. */
export function createUploadAttempts(
  needs: UploadAttemptsNeeds & {
    entries: () => Iterable<UploadEntry>;
    onProgress: (entry: UploadEntry, patch: Partial<Upload>) => void;
    onSuccess: (entry: UploadEntry, fileId: number | null) => void;
    onFailure: (entry: UploadEntry, verdict: Verdict) => void;
    onAwake: () => void;
  },
): UploadAttempts {
  const { token, api, journal } = needs;
  const runner = createTusRunner({
    endpoint: needs.endpoint,
    metadataFields: ['filename', 'filetype', 'company_id', 'session_id', 'file_key'],
  });
  const wake = createWake({ onStalled, onAwake: needs.onAwake });

  function onStalled(attemptId: string): void {
    const entry = [...needs.entries()].find((candidate) => candidate.attemptId === attemptId);
    if (entry) needs.onFailure(entry, STALLED);
  }

  /** The journal first, then the server's list: another device or an emptied browser storage resumes too. */
  async function claimUrl(entry: UploadEntry): Promise<void> {
    if (entry.key === null) return;
    // The same file may have been picked twice: two uploads must not write to one URL.
    const isFree = (url: string | null) => url !== null && ![...needs.entries()].some((other) => other.url === url);
    const remembered = journal.urlOf(entry.key);
    const url = isFree(remembered) ? remembered : await needs.findUnfinished(entry.key).catch(() => null);
    if (isFree(url)) entry.url = url;
  }

  function attemptOf(entry: UploadEntry, attemptId: string, isCurrent: () => boolean): Attempt {
    const { file, name } = entry.view;
    const guard = createAttemptGuard({
      token,
      api,
      file,
      isCurrent,
      countStartOver() {
        needs.onProgress(entry, { sentBytes: 0 });
        entry.startOvers += 1;
        return entry.startOvers;
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
        if (entry.key) journal.remember(entry.key, url);
      },
      onProgress(sentBytes) {
        entry.speed.note(sentBytes);
        wake.progress(attemptId, sentBytes >= file.size);
        needs.onProgress(entry, { sentBytes, bytesPerSecond: entry.speed.bytesPerSecond(), movedAt: Date.now() });
      },
      onAccepted() {
        entry.failures = { reason: null, count: 0 };
        entry.lastAcceptedAt = Date.now();
      },
      onSuccess: () => needs.onSuccess(entry, guard.fileId()),
      onFailure: () => needs.onFailure(entry, guard.verdict()),
    };
  }

  return {
    async start(entry) {
      entry.attempts += 1;
      const attemptId = `${entry.view.id}.${entry.attempts}`;
      const isCurrent = () => entry.attemptId === attemptId;
      entry.attemptId = attemptId;
      entry.speed.reset();
      wake.watch(attemptId);
      if (entry.url === null) await claimUrl(entry);
      if (isCurrent()) runner.start(attemptOf(entry, attemptId, isCurrent));
    },
    stop(entry) {
      if (entry.attemptId === null) return;
      wake.unwatch(entry.attemptId);
      runner.detach(entry.attemptId);
      entry.attemptId = null;
    },
    destroy() {
      wake.destroy();
      runner.destroy();
    },
  };
}
