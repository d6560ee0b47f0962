/** Keeps the screen on while an upload runs: a phone that falls asleep stops sending. */
import type { Observable } from './observable.ts';

/** Short uploads are over before a screen goes dark. */
const AFTER_MS = 3000;

/**
 * Holds a wake lock as long as `isBusy` says true, from a moment after it began. The browser takes the lock back when
 * the page is hidden; it is asked for again when the page shows. Where there is none, or it is refused (battery, policy
 * of a frame), nothing happens. @returns ends it
 */
export function keepScreenOn<T>(source: Observable<T>, isBusy: (value: T) => boolean): () => void {
  let lock: WakeLockSentinel | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  let isAsking = false;

  async function ask(): Promise<void> {
    if (!isWanted || lock || isAsking || document.visibilityState !== 'visible') return;
    isAsking = true;
    try {
      const granted = await navigator.wakeLock?.request('screen');
      if (!granted) return;
      granted.addEventListener('release', () => {
        if (lock === granted) lock = null;
      });
      lock = granted;
      if (!isWanted) release();
    } catch {
      // The upload goes on; only the screen may go dark.
    } finally {
      isAsking = false;
    }
  }

  function release(): void {
    const held = lock;
    lock = null;
    held?.release().catch(() => {});
  }

  function update(): void {
    const busy = isBusy(source.get());
    if (busy && timer === undefined) {
      timer = setTimeout(() => {
        isWanted = true;
        void ask();
      }, AFTER_MS);
    }
    if (busy || timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    isWanted = false;
    release();
  }

  const onVisible = () => void ask();
  document.addEventListener('visibilitychange', onVisible);
  const stop = source.subscribe(update);
  return () => {
    stop();
    document.removeEventListener('visibilitychange', onVisible);
    clearTimeout(timer);
    isWanted = false;
    release();
  };
}
