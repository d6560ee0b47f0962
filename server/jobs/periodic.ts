/** Runs the server's chores again and again: one at a time each, never two of the same, and stops when told. */

export type Chore = { name: string; everyMs: number; run(): Promise<unknown> };
export type Periodic = { stop(): Promise<void> };

/** Told of each failure, and of the first success in this process or after failures. */
export type ChoreReport = {
  failed(name: string, error: unknown, nextInMs: number): Promise<void>;
  works(name: string): Promise<void>;
};

/** A chore that fails waits twice as long each time, up to this (or its own pace, if that is slower). */
const MAX_BACKOFF_MS = 5 * 60 * 1000;
const MAX_DOUBLINGS = 10;

export function startPeriodic(chores: readonly Chore[], report: ChoreReport): Periodic {
  const stopping = new AbortController();
  const loops = chores.map((chore) => repeat(chore, report, stopping.signal));
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

async function repeat({ name, everyMs, run }: Chore, report: ChoreReport, signal: AbortSignal): Promise<void> {
  let failures = 0;
  let known = false;
  while (await pause(failures === 0 ? everyMs : waitAfter(failures, everyMs), signal)) {
    try {
      await run();
      if (!known || failures > 0) await report.works(name);
      failures = 0;
      known = true;
    } catch (error) {
      failures += 1;
      await report.failed(name, error, waitAfter(failures, everyMs));
    }
  }
}

function waitAfter(failures: number, everyMs: number): number {
  return Math.min(Math.max(everyMs, MAX_BACKOFF_MS), everyMs * 2 ** Math.min(failures, MAX_DOUBLINGS));
}

/** @returns false when it was time to stop */
function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(false);
    const onAbort = () => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve(true);
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
