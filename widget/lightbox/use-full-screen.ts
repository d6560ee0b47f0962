/** The viewer over the whole screen: in an iframe it can otherwise be no larger than the frame. */
import { useLayoutEffect, useState } from '@uppy/core/utils/preact/hooks';

export function useFullScreen(frame: { current: HTMLElement | null }) {
  const [isOn, setIsOn] = useState(false);
  useLayoutEffect(() => {
    const element = frame.current;
    if (!element) return;
    const onChange = () => setIsOn(element.matches(':fullscreen'));
    element.addEventListener('fullscreenchange', onChange);
    return () => {
      element.removeEventListener('fullscreenchange', onChange);
      if (element.matches(':fullscreen')) void document.exitFullscreen().catch(() => {});
    };
  }, []);
  return {
    // Where the frame's page does not allow it, and on iPhones, there is no button.
    isPossible: document.fullscreenEnabled === true,
    isOn,
    toggle(): void {
      // Not the dialog itself: browsers refuse that.
      const change = isOn ? document.exitFullscreen() : frame.current?.requestFullscreen();
      void change?.catch(() => {});
    },
  };
}
