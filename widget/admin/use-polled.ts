/** Reads something again every few seconds, while the page is seen. */
import { useCallback, useEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';
import { AdminError } from './admin-api.ts';

export type Polled<T> = {
  /** The last one that came; it stays while the server is away. */
  value: T | null;
  /** Why there is nothing newer; null while all is well. */
  problem: AdminError | null;
  readAgain(): void;
};

/**
 * `read` and `everyMs` may change: what is under way ends then, and `value` stays until the next comes. Nothing is asked while
 * the page is hidden, and all at once when it is seen again.
 */
export function usePolled<T>(read: (signal: AbortSignal) => Promise<T>, everyMs: number): Polled<T> {
  const [value, setValue] = useState<T | null>(null);
  const [problem, setProblem] = useState<AdminError | null>(null);
  const again = useRef(() => {});

  useEffect(() => {
    let timer: number | undefined;
    let underWay: AbortController | null = null;
    const stop = () => {
      clearTimeout(timer);
      underWay?.abort();
      underWay = null;
    };
    const run = async () => {
      stop();
      if (document.visibilityState === 'hidden') return;
      const current = new AbortController();
      underWay = current;
      try {
        const answer = await read(current.signal);
        if (current.signal.aborted) return;
        setValue(answer);
        setProblem(null);
      } catch (error) {
        if (current.signal.aborted) return;
        setProblem(error instanceof AdminError ? error : new AdminError(null));
      }
      timer = window.setTimeout(() => void run(), everyMs);
    };
    const onVisibility = () => (document.visibilityState === 'hidden' ? stop() : void run());
    again.current = () => void run();
    document.addEventListener('visibilitychange', onVisibility);
    void run();
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      stop();
    };
  }, [read, everyMs]);

  return { value, problem, readAgain: useCallback(() => again.current(), []) };
}
