/** Tells when the end of a list comes into view, so that the next page is there before anybody waits for it. */
import { useCallback, useEffect, useRef } from '@uppy/core/utils/preact/hooks';

const AHEAD_PX = 400;

/** The answer is the `ref` of an element at the end. `onReached` is called again while the end stays in view. */
export function useEndReached(onReached: () => void, isActive: boolean): (element: HTMLElement | null) => void {
  const observer = useRef<IntersectionObserver | null>(null);
  const target = useRef<HTMLElement | null>(null);
  const newest = useRef(onReached);
  newest.current = onReached;

  useEffect(() => {
    if (!isActive || !target.current) return;
    const element = target.current;
    observer.current = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) newest.current();
      },
      { root: element.parentElement, rootMargin: `${AHEAD_PX}px` },
    );
    observer.current.observe(element);
    return () => observer.current?.disconnect();
  });

  return useCallback((element) => {
    target.current = element;
  }, []);
}
