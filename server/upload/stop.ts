/** What asks a writer to end: an AbortController that is made for each body, at a twentieth of its memory. */
import type { StopSignal } from '../storage/file-storage.ts';

export class Stop implements StopSignal {
  aborted = false;
  private listeners: readonly (() => void)[] = [];

  /** Done once; later calls do nothing. */
  abort(): void {
    if (this.aborted) return;
    this.aborted = true;
    for (const listener of this.listeners) listener();
    this.listeners = [];
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    this.listeners = [...this.listeners, listener];
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.listeners = this.listeners.filter((known) => known !== listener);
  }
}

/** Stops with another one, which is not to live longer than what it stops. */
export function stopWith(signal: StopSignal): Stop {
  const stop = new Stop();
  const abort = () => stop.abort();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  return stop;
}
