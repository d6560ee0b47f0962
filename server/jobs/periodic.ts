/** Runs the server's chores again and again: one at a time each, never two of the same, and stops when told. */

export type Chore = { name: string; everyMs: number; run(): Promise<unknown> };
export type Periodic = { stop(): Promise<void> };

/** A chore that fails is reported and runs again at its next turn. */
export function startPeriodic(chores: readonly Chore[], onFault: (name: string, error: unknown) => void): Periodic {
  const stopping = new AbortController();
  const loops = chores.map(async (chore) => {
    while (await pause(chore.everyMs, stopping.signal)) {
      await chore.run().catch((error: unknown) => onFault(chore.name, error));
    }
  });
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(loops);
    },
  };
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
