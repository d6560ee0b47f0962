/** How fast an upload moves, smoothed over the last seconds so that the number can be read. */

export type SpeedMeter = {
  /** Notes how many bytes had been sent at this moment. */
  note(sentBytes: number): void;
  bytesPerSecond(): number | null;
  /** Forgets the past: after a pause or a retry it says nothing about now. */
  reset(): void;
};

const WINDOW_MS = 6000;
const SAMPLE_EVERY_MS = 250;
/** Before this much time has passed a speed would be a guess. */
const SHORTEST_MS = 1000;

/** Keeps at most `WINDOW_MS / SAMPLE_EVERY_MS` samples. */
export function createSpeedMeter(): SpeedMeter {
  let samples: { at: number; bytes: number }[] = [];
  return {
    note(bytes) {
      // Not the wall clock: one that is set back would leave an old speed standing.
      const at = performance.now();
      const last = samples.at(-1);
      if (last && bytes < last.bytes) samples = [];
      else if (last && at - last.at < SAMPLE_EVERY_MS) return;
      samples = [...samples.filter((sample) => at - sample.at < WINDOW_MS), { at, bytes }];
    },
    bytesPerSecond() {
      const first = samples[0];
      const last = samples.at(-1);
      if (!first || !last || last.at - first.at < SHORTEST_MS) return null;
      return ((last.bytes - first.bytes) / (last.at - first.at)) * 1000;
    },
    reset() {
      samples = [];
    },
  };
}
