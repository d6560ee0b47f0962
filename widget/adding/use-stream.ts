/** A camera's or microphone's stream for as long as a component lives: its tracks are stopped for sure. */
import { useCallback, useEffect, useState } from '@uppy/core/utils/preact/hooks';
import type { LabelKey } from '../words/dictionary.ts';
import { captureProblem } from './capture-problem.ts';

export type StreamState = {
  stream: MediaStream | null;
  /** Why there is none. */
  problem: LabelKey | null;
  /** Asks again. */
  retry(): void;
  /** Turns the device off before the component goes; the light beside the camera goes out. */
  stop(): void;
};

/** Other `wish`es (compared by their content) end the stream and ask for another. */
export function useStream(device: 'camera' | 'microphone', wish: MediaStreamConstraints): StreamState {
  const [stream, setStream] = useState<MediaStream | null>(null);
  const [problem, setProblem] = useState<LabelKey | null>(null);
  const [tries, setTries] = useState(0);
  const [isWanted, setIsWanted] = useState(true);
  const wishText = JSON.stringify(wish);

  // Another try is all that `tries` is for.
  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    let opened: MediaStream | null = null;
    setProblem(null);
    const use = (next: MediaStream) => {
      opened = next;
      // The person may have closed it while the browser asked for permission.
      if (isOver) stopTracks(next);
      else setStream(next);
    };
    navigator.mediaDevices
      .getUserMedia(JSON.parse(wishText) as MediaStreamConstraints)
      .then(use)
      .catch((error) => !isOver && setProblem(captureProblem(device, error)));
    return () => {
      isOver = true;
      if (opened) stopTracks(opened);
      setStream(null);
    };
  }, [device, wishText, tries, isWanted]);

  return {
    stream,
    problem,
    retry: useCallback(() => {
      setIsWanted(true);
      setTries((count) => count + 1);
    }, []),
    stop: useCallback(() => setIsWanted(false), []),
  };
}

function stopTracks(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
