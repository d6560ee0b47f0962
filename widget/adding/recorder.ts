/** Records a microphone or camera into one file: pause, limits, and what was recorded is kept whatever happens to the device. */
import { createObservable, type Observable } from '../core/observable.ts';

export type RecorderState = {
  phase: 'recording' | 'paused' | 'stopped';
  /** Milliseconds recorded, without pauses. */
  recordedMs: number;
  /** Null while it runs; also null after a stop when nothing came. */
  result: Blob | null;
};

export type Recorder = {
  state: Observable<RecorderState>;
  pause(): void;
  resume(): void;
  stop(): void;
  /** Ends it without a result. The tracks are the caller's. */
  destroy(): void;
};

/** What is recorded is handed over this often: a device that goes away costs a second, not the recording. */
const SLICE_MS = 1000;
const TICK_MS = 200;
/** The last slice may be larger than those before. */
const FULL_PART = 0.97;

/** Starts at once. It stops by itself after `maxMs`, close to `maxBytes`, and when the device is taken away. */
export function createRecorder(needs: {
  stream: MediaStream;
  /** As `MediaRecorder.isTypeSupported` takes it. */
  type: string;
  bitsPerSecond: number;
  maxMs: number;
  maxBytes: number;
}): Recorder {
  const { stream, type, bitsPerSecond } = needs;
  const state = createObservable<RecorderState>({ phase: 'recording', recordedMs: 0, result: null });
  const recorder = new MediaRecorder(stream, { mimeType: type, bitsPerSecond });
  const slices: Blob[] = [];
  let bytes = 0;
  let earlierMs = 0;
  let runningSince: number | null = performance.now();
  let isDestroyed = false;

  // Differences, not counted ticks: a hidden tab ticks rarely and records all the same.
  const recordedMs = () => earlierMs + (runningSince === null ? 0 : performance.now() - runningSince);

  function tick(): void {
    if (runningSince === null) return;
    if (recordedMs() >= needs.maxMs) stop();
    else state.set({ ...state.get(), recordedMs: recordedMs() });
  }

  function hold(): void {
    earlierMs = recordedMs();
    runningSince = null;
  }

  function pause(): void {
    if (recorder.state !== 'recording') return;
    recorder.pause();
    hold();
    state.set({ phase: 'paused', recordedMs: earlierMs, result: null });
  }

  function stop(): void {
    if (recorder.state !== 'inactive') recorder.stop();
  }

  recorder.ondataavailable = ({ data }) => {
    if (data.size > 0) slices.push(data);
    bytes += data.size;
    if (bytes >= needs.maxBytes * FULL_PART) stop();
  };
  // Also when all tracks have ended, or the encoder failed: it stops by itself then.
  recorder.onstop = () => {
    clearInterval(timer);
    hold();
    const result = slices.length === 0 ? null : new Blob(slices, { type: recorder.mimeType || type });
    if (!isDestroyed) state.set({ phase: 'stopped', recordedMs: earlierMs, result });
  };
  // A call that comes in takes the microphone: silence is not recorded, and going on is the person's to say.
  for (const track of stream.getTracks()) track.addEventListener('mute', pause);
  const timer = setInterval(tick, TICK_MS);
  recorder.start(SLICE_MS);

  return {
    state,
    pause,
    stop,
    resume() {
      if (recorder.state !== 'paused') return;
      recorder.resume();
      runningSince = performance.now();
      state.set({ phase: 'recording', recordedMs: earlierMs, result: null });
    },
    destroy() {
      isDestroyed = true;
      clearInterval(timer);
      for (const track of stream.getTracks()) track.removeEventListener('mute', pause);
      stop();
    },
  };
}
