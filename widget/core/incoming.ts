/** Other people's uploads on their way: placeholders that come, move, and end by themselves. */
import type { ChatFile, Uploader } from '../../server/contract/chat-file.ts';
import type { ProgressState, UploadProgress } from '../../server/contract/events.ts';
import { mayBecome } from './may-become.ts';
import { createObservable, type Observable } from './observable.ts';

export type IncomingUpload = {
  id: string;
  uploader: Uploader;
  name: string;
  /** Bytes; null while the sender does not know it. */
  size: number | null;
  offset: number;
  state: ProgressState;
  /** Nothing was heard for a while: the sender has paused or lost the network. */
  isSilent: boolean;
  /** Milliseconds since 1970. */
  startedAt: number;
};

export type Incoming = {
  uploads: Observable<IncomingUpload[]>;
  onProgress(event: UploadProgress): void;
  /** A file has been shared: its placeholder, if there is one, makes room for it. */
  onShared(file: ChatFile): void;
  destroy(): void;
};

const SILENT_MS = 6000;
const DROP_SILENT_MS = 10 * 60_000;
/** How long an ending stays readable. A finished one only bridges the moment until its file is here. */
const SHOW_ENDED_MS: Partial<Record<ProgressState, number>> = {
  done: 5000,
  failed: 8000,
  unscannable: 8000,
  cancelled: 4000,
};
const TICK_MS = 1000;
const MAX_SHOWN = 50;
const MAX_ENDED_IDS = 500;

/** `heardAt` of `performance.now()`: a clock that is set right ends nothing. */
type Entry = { view: IncomingUpload; heardAt: number };

/** Starts with none; a timer runs only while there are some. */
export function createIncoming(): Incoming {
  const uploads = createObservable<IncomingUpload[]>([]);
  const entries = new Map<string, Entry>();
  /** A late event must not bring back what has ended. */
  const ended = new Set<string>();
  let timer: ReturnType<typeof setInterval> | null = null;

  function publish(): void {
    uploads.set(Array.from(entries.values(), (entry) => entry.view));
    if (entries.size > 0) timer ??= setInterval(tick, TICK_MS);
    else stopTimer();
  }

  function tick(): void {
    const now = performance.now();
    let changed = false;
    for (const [id, entry] of [...entries]) {
      const silentMs = now - entry.heardAt;
      if (silentMs > (SHOW_ENDED_MS[entry.view.state] ?? DROP_SILENT_MS)) {
        entries.delete(id);
        changed = true;
      } else if (entry.view.state === 'uploading' && !entry.view.isSilent && silentMs > SILENT_MS) {
        entry.view = { ...entry.view, isSilent: true };
        changed = true;
      }
    }
    if (changed) publish();
  }

  function stopTimer(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
  }

  function end(id: string): void {
    ended.add(id);
    if (ended.size > MAX_ENDED_IDS) ended.delete(ended.values().next().value as string);
  }

  return {
    uploads,
    onProgress({ upload_id: id, uploader, name, size, offset, state }) {
      if (ended.has(id)) return;
      const before = entries.get(id);
      if (!before && (entries.size >= MAX_SHOWN || state in SHOW_ENDED_MS)) return;
      const startedAt = before?.view.startedAt ?? Date.now();
      const view = { id, uploader, name, size, offset, state, isSilent: false, startedAt };
      entries.set(id, { view, heardAt: performance.now() });
      if (state in SHOW_ENDED_MS) end(id);
      publish();
    },
    onShared(file) {
      const candidates = [...entries.values()]
        .map((entry) => entry.view)
        .filter((view) => view.uploader === file.uploader && view.name === file.name && mayBecome(view.size, file));
      const isSame = ({ size }: IncomingUpload) => Number(size === file.size);
      // Of two that look the same, the one that is further on.
      const match = candidates.sort((a, b) => isSame(b) - isSame(a) || shareOf(b) - shareOf(a))[0];
      if (!match) return;
      end(match.id);
      entries.delete(match.id);
      publish();
    },
    destroy: stopTimer,
  };
}

function shareOf({ offset, size }: IncomingUpload): number {
  return size === null || size === 0 ? 0 : offset / size;
}
