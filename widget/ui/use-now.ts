/** The current time for countdowns, ticking only while somebody counts. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';

const TICK_MS = 1000;

/** Milliseconds since 1970, renewed each second while `isTicking`. */
export function useNow(isTicking: boolean): number {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    if (!isTicking) return;
    setNowMs(Date.now());
    const timer = setInterval(() => setNowMs(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [isTicking]);
  return nowMs;
}
