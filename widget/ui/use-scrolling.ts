/** Where the reader stands in the conversation: at its end and kept there, or further up and left in peace. */
import { useEffect, useLayoutEffect, useRef, useState } from '@uppy/core/utils/preact/hooks';

export type Scrolling = {
  scroller: { current: HTMLDivElement | null };
  /** The button that draws earlier messages; it is pressed by itself when it comes near. */
  earlier: { current: HTMLButtonElement | null };
  /** Files that came while the reader was further up. */
  unseen: number;
  toEnd: () => void;
};

/** Closer to the end than this counts as being there. */
const NEAR_END_PX = 80;
/** So far before the first message is reached, earlier ones are drawn. */
const NEAR_START = '800px 0px 0px';

/** An own upload always comes into view. `hidden`: messages that are not drawn; `received`: how many have come. */
export function useScrolling(needs: {
  ownUploads: number;
  hidden: number;
  received: number;
  showEarlier: () => void;
}): Scrolling {
  const { ownUploads, hidden, received, showEarlier } = needs;
  const scroller = useRef<HTMLDivElement>(null);
  const earlier = useRef<HTMLButtonElement>(null);
  const isAtEnd = useRef(true);
  const uploadsBefore = useRef(ownUploads);
  const hiddenBefore = useRef(hidden);
  const fromEnd = useRef(0);
  const [seen, setSeen] = useState(received);
  const receivedNow = useRef(received);
  receivedNow.current = received;

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const keepEnd = () => {
      if (isAtEnd.current) element.scrollTop = element.scrollHeight;
      fromEnd.current = element.scrollHeight - element.scrollTop;
    };
    let lastTop = element.scrollTop;
    const onScroll = () => {
      // Only going up leaves the end: content that grows meanwhile moves the end away too.
      const isNear = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR_END_PX;
      isAtEnd.current = isNear || (isAtEnd.current && element.scrollTop >= lastTop);
      lastTop = element.scrollTop;
      fromEnd.current = element.scrollHeight - element.scrollTop;
      if (isNear) setSeen(receivedNow.current);
    };
    const observer = new ResizeObserver(keepEnd);
    observer.observe(element);
    for (const child of element.children) observer.observe(child);
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      observer.disconnect();
      element.removeEventListener('scroll', onScroll);
    };
  }, []);

  useLayoutEffect(() => {
    if (isAtEnd.current) setSeen(received);
  }, [received]);

  useLayoutEffect(() => {
    if (ownUploads > uploadsBefore.current && scroller.current) {
      isAtEnd.current = true;
      scroller.current.scrollTop = scroller.current.scrollHeight;
    }
    uploadsBefore.current = ownUploads;
  }, [ownUploads]);

  // What is drawn above the reader must not push down what is read. Not every browser sees to that by itself.
  useLayoutEffect(() => {
    if (hidden < hiddenBefore.current && scroller.current && !isAtEnd.current) {
      scroller.current.scrollTop = scroller.current.scrollHeight - fromEnd.current;
    }
    hiddenBefore.current = hidden;
  }, [hidden]);

  useEffect(() => {
    if (!earlier.current || !scroller.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (!isAtEnd.current && entries.some(({ isIntersecting }) => isIntersecting)) showEarlier();
      },
      { root: scroller.current, rootMargin: NEAR_START },
    );
    observer.observe(earlier.current);
    return () => observer.disconnect();
  }, [hidden, showEarlier]);

  function toEnd(): void {
    const element = scroller.current;
    if (!element) return;
    isAtEnd.current = true;
    element.scrollTop = element.scrollHeight;
    setSeen(received);
    // The button that was pressed is gone.
    element.focus({ preventScroll: true });
  }

  return { scroller, earlier, unseen: received - seen, toEnd };
}
