/** Waiting that can be aborted, and how long. */

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 15_000;

/** Doubles with each attempt, and is never the same for many at once. */
export function backOffMs(attempts: number): number {
  const fullMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempts, 10), MAX_WAIT_MS);
  return fullMs * (0.5 + Math.random() / 2);
}

/** @throws the signal's reason */
export async function wait(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const done = () => {
      signal?.removeEventListener('abort', aborted);
      resolve();
    };
    const timer = setTimeout(done, ms);
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', aborted, { once: true });
  });
}
