/** Waits for work that goes on by itself, but not longer than a request should take. */
import { setTimeout as sleep } from 'node:timers/promises';

/** A store that takes a request and says nothing would hold an answer for minutes that is true already. */
const MAX_WAIT_MS = 2_000;

/** What fails is noted on its row, where a chore finds it. */
export async function waitBriefly(work: Promise<unknown>, maxWaitMs = MAX_WAIT_MS): Promise<void> {
  const over = new AbortController();
  const limit = sleep(maxWaitMs, undefined, { signal: over.signal }).catch(() => {});
  await Promise.race([work.catch(() => {}), limit]);
  over.abort();
}
