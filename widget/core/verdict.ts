/** What follows from each answer that ends a try: wait, start over, ask for the file again, or give up. */
import type { Answer } from './answer.ts';

/**
 * Why an upload stands still and goes on by itself; `sign-in`: as soon as there is a token or cookie again; `scanner`: all of
 * it is there, and nobody may see it before the virus scanner is back.
 */
export type WaitReason = 'network' | 'server' | 'scanner' | 'rate-limit' | 'busy' | 'token' | 'sign-in';

export type Verdict =
  | { outcome: 'wait'; reason: WaitReason; delayMs: number | null; detail: string | null }
  | { outcome: 'fail'; code: string | null; detail: string | null; canRetry: boolean }
  /** The server no longer knows the upload. */
  | { outcome: 'start-over' }
  /** The file on this device changed or is gone: only the person can help. */
  | { outcome: 'choose-again' };

/**
 * Turns the answer that ended an attempt into a verdict; null means that no answer came.
 * `delayMs: null` leaves the delay to the caller's own steps.
 */
export function judge(answer: Answer | null): Verdict {
  if (answer === null) return { outcome: 'wait', reason: 'network', delayMs: null, detail: null };
  const { status, code, detail, retryAfterMs } = answer;
  const wait = (reason: WaitReason, delayMs = retryAfterMs): Verdict => ({ outcome: 'wait', reason, delayMs, detail });
  switch (status) {
    case 401:
      return wait('token', null);
    // Only PATCH reaches this: the next HEAD finds out whether to start over.
    case 410:
      return wait('busy', 0);
    case 409:
    case 460:
      return wait('busy', retryAfterMs ?? 300);
    case 423:
      return wait('busy');
    case 429:
      return wait('rate-limit', retryAfterMs ?? 10_000);
    case 408:
    case 425:
      return wait('network');
    case 507:
      return { outcome: 'fail', code, detail, canRetry: true };
  }
  if (code === 'scanner-unavailable') return wait('scanner');
  if (status >= 500) return wait('server');
  // The file itself was refused: the same bytes would be refused again.
  const canRetry = ![413, 415, 422].includes(status);
  return { outcome: 'fail', code, detail, canRetry };
}

const RETRY_DELAYS_MS = [500, 1000, 2000, 5000, 10_000, 20_000, 40_000, 60_000];
/** As long as the server keeps an unfinished upload. */
const GIVE_UP_AFTER_MS = 24 * 60 * 60_000;

/** How long to wait after the `count`th failure in a row; spread, so that many pages do not come back at once. */
export function retryDelayMs(count: number): number {
  const delayMs = RETRY_DELAYS_MS[Math.min(count, RETRY_DELAYS_MS.length) - 1] ?? 0;
  return delayMs * (0.85 + Math.random() * 0.3);
}

/** Whether to stop trying: networks, servers and tokens come back, as long as the server keeps the upload. */
export function isHopeless(sinceAcceptedMs: number): boolean {
  return sinceAcceptedMs > GIVE_UP_AFTER_MS;
}
