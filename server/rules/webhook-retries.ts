/** When a webhook that failed is sent again, and how long an endpoint that fails is left alone. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** After each try: the first that Standard Webhooks recommends, three days in all. */
const WAITS_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
];
/** Of each wait, at random, is added: what failed together does not come back together. */
const JITTER = 0.2;
const FIRST_HOLD_MS = 5 * SECOND_MS;
const MAX_HOLD_MS = 5 * MINUTE_MS;
const MAX_DOUBLINGS = 10;
/** One message that an endpoint cannot take is no reason to keep the others from it. */
const FAILURES_BEFORE_HOLD = 3;
/** The most that an endpoint may ask for by `Retry-After`. */
const MAX_RETRY_AFTER_MS = HOUR_MS;

/** Milliseconds until the next try; null after the last. `tries`: so far; `random`: from 0 to below 1. */
export function waitAfterTry(tries: number, random: number): number | null {
  const wait = WAITS_MS[tries - 1];
  return wait === undefined ? null : Math.round(wait * (1 + JITTER * random));
}

/** Milliseconds in which nothing is sent to an endpoint that failed so often in a row. */
export function holdAfterFailures(failures: number): number {
  if (failures < FAILURES_BEFORE_HOLD) return 0;
  return Math.min(MAX_HOLD_MS, FIRST_HOLD_MS * 2 ** Math.min(failures - FAILURES_BEFORE_HOLD, MAX_DOUBLINGS));
}

/** RFC 9110 section 10.2.3: seconds or a date. @returns milliseconds from now, bounded; null for none */
export function readRetryAfter(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * SECOND_MS : dateOf(header) - nowMs;
  return Number.isNaN(ms) ? null : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms));
}

/** Only as RFC 9110 writes it: `Date.parse` takes much for a date. */
function dateOf(header: string): number {
  return header.endsWith(' GMT') ? Date.parse(header) : Number.NaN;
}
