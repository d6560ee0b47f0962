/**
 * Tokens that were found good, so that not every request of an upload pays for the same signature. What is kept is only that the
 * signature was good under certain keys: with each use it is asked anew whether those keys still count, and what time it is. So
 * a key that was removed, or a policy that has changed, is no longer believed with the next request, and nobody has to say so here.
 */
import { hash } from 'node:crypto';
import { CLOCK_SKEW_SECONDS, type Verified } from './verify-token.ts';

/** Some 500 bytes each: 5 MB at most. Who came first is forgotten first, and checked again. */
const MAX_KEPT = 10_000;

/** `expiresAt`: milliseconds since the epoch. */
type Caller = { readonly expiresAt: number };
type Kept<C> = { caller: C; holds: Verified['holds'] };

export type KeptTokens<C> = {
  /** Who it is, or null: unknown, expired, or of keys that may count no more; then the token is to be checked. */
  find(token: string): Promise<C | null>;
  keep(token: string, kept: Kept<C>): void;
};

/** `now`: milliseconds since the epoch. */
export function createKeptTokens<C extends Caller>({
  now,
  maxKept = MAX_KEPT,
}: {
  now(): number;
  maxKept?: number;
}): KeptTokens<C> {
  const all = new Map<string, Kept<C>>();
  return {
    async find(token) {
      const name = nameOf(token);
      const kept = all.get(name);
      if (kept === undefined) return null;
      if (isInTime(kept.caller, now()) && (await kept.holds())) return kept.caller;
      if (all.get(name) === kept) all.delete(name);
      return null;
    },
    keep(token, kept) {
      all.set(nameOf(token), kept);
      if (all.size > maxKept) all.delete(all.keys().next().value as string);
    },
  };
}

/** No token stays in memory for longer than its request. As Latin-1 its 32 bytes are a text at once. */
function nameOf(token: string): string {
  return hash('sha256', token, 'binary');
}

/** To the second as the check itself has it. */
function isInTime({ expiresAt }: Caller, nowMs: number): boolean {
  return expiresAt / 1000 > Math.floor(nowMs / 1000) - CLOCK_SKEW_SECONDS;
}
