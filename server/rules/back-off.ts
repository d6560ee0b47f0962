/** How long to wait before something that failed is tried again. */

const FIRST_WAIT_MS = 1000;
const MAX_DOUBLINGS = 20;

/** 1 s after the first failure, doubled after each further one, up to a limit. `attempts`: the failures before this one. */
export function backOffMs(attempts: number, maxMs: number): number {
  return Math.min(maxMs, FIRST_WAIT_MS * 2 ** Math.min(attempts, MAX_DOUBLINGS));
}
