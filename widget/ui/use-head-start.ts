/** What can wait lets something else go first, for a while. */
import { useEffect, useState } from '@uppy/core/utils/preact/hooks';

/** What gets nowhere must not keep the rest back. */
const MAX_HEAD_START_MS = 1500;
/** A browser that is never idle has to do it all the same. */
const MAX_IDLE_WAIT_MS = 500;
/** Safari cannot say when it is idle. */
const PAUSE_MS = 50;

/** True, and for good, once the browser has a moment after the other is no longer under way, or has had its time. */
export function useHeadStart(isUnderWay: boolean): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    if (isOver) return;
    const end = () => setOver(true);
    if (!isUnderWay && typeof requestIdleCallback === 'function') {
      const request = requestIdleCallback(end, { timeout: MAX_IDLE_WAIT_MS });
      return () => cancelIdleCallback(request);
    }
    const timer = setTimeout(end, isUnderWay ? MAX_HEAD_START_MS : PAUSE_MS);
    return () => clearTimeout(timer);
  }, [isUnderWay, isOver]);
  return isOver;
}
