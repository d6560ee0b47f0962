/** The own uploads that are not finished, as the server lists them: which stand still, and which move elsewhere. */
import type { UnfinishedUpload } from '../../server/contract/chat-file.ts';
import type { Api } from './api.ts';
import { createObservable, type Observable } from './observable.ts';

/** An upload that can go on here as soon as its file is chosen again. */
export type ResumableUpload = UnfinishedUpload & { upload_url: string; file_key: string; size: number };

export type Unfinished = {
  /** Nobody goes on with these: they can be offered. */
  still: Observable<ResumableUpload[]>;
  /** Another window or device of this participant is at it. */
  moving: Observable<ResumableUpload[]>;
  /** Asks the server again; one request for all who ask at the same time. */
  refresh(): Promise<void>;
  /**
   * The URL of an upload of this file that stands still, from a list that was asked for after `since` (of
   * `performance.now()`: a clock that is set back must not make it ask for ever). Rejects when there is no list: to begin anew would then mean to send again what is there.
   */
  find(fileKey: string, since: number): Promise<string | null>;
  /** Takes an upload off the list for good: it is finished, refused or given up. */
  drop(uploadUrl: string): void;
  destroy(): void;
};

/** A list this young is good enough for the next of many files. */
const FRESH_MS = 2000;
/** An offset that is the same after this time stands still. Nothing but the list tells of one's own other windows. */
const STILL_MS = 2000;
const MAX_LOOK_AGAIN_MS = 8000;
/** How often to look before something counts as moving in another window. */
const MAX_LOOKS = 6;
const TIMER_EARLY_MS = 50;
const MAX_DROPPED = 500;

type Seen = { offset: number; since: number; hasMoved: boolean };

/** Starts empty; `endpoint` makes a relative `upload_url` absolute. `isHere`: this window is at it itself. */
export function createUnfinished(needs: {
  api: Pick<Api, 'unfinishedUploads'>;
  endpoint: string;
  isHere: (uploadUrl: string) => boolean;
}): Unfinished {
  const still = createObservable<ResumableUpload[]>([]);
  const moving = createObservable<ResumableUpload[]>([]);
  /** The server may still list what is being deleted at this moment. */
  const dropped = new Set<string>();
  let listed: ResumableUpload[] = [];
  let seen = new Map<string, Seen>();
  let askedAt = Number.NEGATIVE_INFINITY;
  let loading: Promise<void> | null = null;
  let lookAgain: ReturnType<typeof setTimeout> | undefined;
  let lookAgainMs = STILL_MS;
  let destroyed = false;

  async function load(): Promise<void> {
    const startedAt = performance.now();
    const all = await needs.api.unfinishedUploads();
    askedAt = startedAt;
    listed = all
      .filter(isResumable)
      .map((upload) => ({ ...upload, upload_url: new URL(upload.upload_url, needs.endpoint).href }));
    seen = new Map(listed.map((upload) => [upload.id, see(upload, startedAt)]));
    publish();
    scheduleLook();
  }

  function see({ id, offset }: ResumableUpload, at: number): Seen {
    const before = seen.get(id);
    if (before?.offset === offset) return before;
    return { offset, since: at, hasMoved: before !== undefined };
  }

  const standsStill = ({ id }: ResumableUpload) => askedAt - (seen.get(id)?.since ?? askedAt) >= STILL_MS;

  function publish(): void {
    if (destroyed) return;
    const elsewhere = listed.filter(({ upload_url }) => !dropped.has(upload_url) && !needs.isHere(upload_url));
    setIfOther(still, elsewhere.filter(standsStill));
    setIfOther(
      moving,
      elsewhere.filter((upload) => !standsStill(upload) && seen.get(upload.id)?.hasMoved),
    );
  }

  /** As long as something may move: it is offered when it has stopped, and goes when it is done. */
  function scheduleLook(): void {
    clearTimeout(lookAgain);
    const open = listed.filter(({ upload_url }) => !dropped.has(upload_url) && !needs.isHere(upload_url));
    if (destroyed || open.every(standsStill)) {
      lookAgainMs = STILL_MS;
      return;
    }
    lookAgain = setTimeout(() => {
      // A hidden page asks when it is looked at again.
      if (document.visibilityState === 'visible') refresh().catch(() => {});
    }, lookAgainMs);
    lookAgainMs = Math.min(lookAgainMs * 1.5, MAX_LOOK_AGAIN_MS);
  }

  function refresh(): Promise<void> {
    loading ??= load().finally(() => {
      loading = null;
    });
    return loading;
  }

  async function refreshAfter(since: number): Promise<void> {
    while (askedAt <= since && !destroyed) await refresh();
  }

  const pick = (fileKey: string) =>
    listed.find(
      ({ file_key, upload_url }) => file_key === fileKey && !dropped.has(upload_url) && !needs.isHere(upload_url),
    );

  return {
    still,
    moving,
    refresh,
    async find(fileKey, since) {
      await refreshAfter(Math.max(since, performance.now() - FRESH_MS));
      for (let look = 1; look <= MAX_LOOKS && !destroyed; look++) {
        const found = pick(fileKey);
        if (!found) return null;
        if (standsStill(found)) return found.upload_url;
        // What a page that was just closed had sent may still be arriving.
        const waitMs = (seen.get(found.id)?.since ?? 0) + STILL_MS + TIMER_EARLY_MS - performance.now();
        await new Promise((resolve) => setTimeout(resolve, Math.max(waitMs, 0)));
        await refreshAfter(performance.now() - 1);
      }
      // Two windows at one upload would throw each other out for ever: the second sends a file of its own.
      return null;
    },
    drop(uploadUrl) {
      dropped.add(uploadUrl);
      if (dropped.size > MAX_DROPPED) dropped.delete(dropped.values().next().value as string);
      publish();
    },
    destroy() {
      destroyed = true;
      clearTimeout(lookAgain);
    },
  };
}

/** The same list again tells nobody. */
function setIfOther(
  observable: { get(): ResumableUpload[]; set(next: ResumableUpload[]): void },
  next: ResumableUpload[],
): void {
  const before = observable.get();
  const isSame =
    before.length === next.length &&
    next.every(({ id, offset }, at) => before[at]?.id === id && before[at]?.offset === offset);
  if (!isSame) observable.set(next);
}

/** Others' entries lack the URL; those that are being checked need no more bytes. */
function isResumable(upload: UnfinishedUpload): upload is ResumableUpload {
  return Boolean(upload.upload_url && upload.file_key) && upload.size !== null && upload.state === 'uploading';
}
