/** One thing that is tried again after growing waits. */

export type Retry = {
  /** Runs it after the next wait; what was planned before is dropped. */
  later(run: () => void): void;
  /** Drops what is planned, and begins with short waits again. */
  reset(): void;
};

/** Waits double from `firstMs` to `maxMs`, spread so that many pages do not come back at once. */
export function createRetry({ firstMs, maxMs }: { firstMs: number; maxMs: number }): Retry {
  let waitMs = firstMs;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return {
    later(run) {
      clearTimeout(timer);
      timer = setTimeout(run, waitMs * (0.85 + Math.random() * 0.3));
      waitMs = Math.min(waitMs * 2, maxMs);
    },
    reset() {
      clearTimeout(timer);
      waitMs = firstMs;
    },
  };
}
