/** Goes on where a player was when its link ended and it got another one. */
import { useEffect, useLayoutEffect, useRef } from '@uppy/core/utils/preact/hooks';

/** `attempt` changes with the link. The element stays the same, so that fullscreen and volume do too. */
export function useResumePlayback(player: { current: HTMLMediaElement | null }, attempt: number): void {
  const before = useRef({ time: 0, isPlaying: false });
  const loadedAttempt = useRef(attempt);

  useEffect(() => {
    const element = player.current;
    if (!element) return;
    // An error does not fire `pause`, and the time goes back to 0 with the new source.
    const note = () => {
      if (element.error === null && element.readyState > 0)
        before.current = { time: element.currentTime, isPlaying: !element.paused };
    };
    const events = ['timeupdate', 'play', 'pause', 'seeking'];
    for (const type of events) element.addEventListener(type, note);
    return () => {
      for (const type of events) element.removeEventListener(type, note);
    };
  }, []);

  useLayoutEffect(() => {
    const element = player.current;
    if (!element || loadedAttempt.current === attempt) return;
    loadedAttempt.current = attempt;
    const { time, isPlaying } = before.current;
    const goOn = () => {
      if (time > 0) element.currentTime = time;
      if (isPlaying) element.play().catch(() => {});
    };
    element.addEventListener('loadedmetadata', goOn, { once: true });
    // The same address again, if it was renewed within a second, is no change to the browser.
    element.load();
    return () => element.removeEventListener('loadedmetadata', goOn);
  }, [attempt]);
}
