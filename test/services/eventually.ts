/** Waits, bounded, for something that gives no event: asks again every few milliseconds. */
import { setTimeout as sleep } from 'node:timers/promises';

const ASK_EVERY_MS = 25;

/** The first answer of `ask` that is neither undefined nor false; an error thrown by `ask` counts as "not yet". */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline) {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await sleep(ASK_EVERY_MS);
  }
  throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`, { cause: lastError });
}
