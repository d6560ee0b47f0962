/** A socket ends when its token does. */

/** The longest delay setTimeout takes: 24.8 days. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

/** Calls `end` when the token is over. @returns calls it off */
export function endWithToken(now: () => number, expiresAt: number, end: () => void): () => void {
  let timer: NodeJS.Timeout;
  const wait = () => {
    const leftMs = expiresAt - now();
    timer = setTimeout(leftMs > MAX_TIMEOUT_MS ? wait : end, Math.min(Math.max(leftMs, 0), MAX_TIMEOUT_MS));
  };
  wait();
  return () => clearTimeout(timer);
}
