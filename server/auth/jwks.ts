/** The keys of a JWKS URL, kept: fetched when first needed, renewed, and used on for a while when the URL is away. */
import type { VerificationKey } from '../rules/verification-key.ts';
import type { FetchJwks } from './fetch-jwks.ts';

type Needs = {
  fetchJwks: FetchJwks;
  /** Milliseconds of a clock that is never set back. */
  monotonicMs(): number;
  onFault(error: unknown): void;
};

/** A set older than this is renewed before it is used: so long does a withdrawn key go on to count. */
export const FRESH_MS = 10 * 60_000;
/** The last good set is used for so long when the URL is away; after that nobody comes in. */
export const USABLE_MS = 24 * 60 * 60_000;
/** Tokens with made-up key ids must not turn into requests: one attempt in this time, whatever comes. */
export const COOLDOWN_MS = 10_000;

/** Null: there is no set, or none that is young enough. */
export type KnownKeys = readonly VerificationKey[] | null;

export type Jwks = {
  /** The set to check a token by. Waits for a renewal that is due, unless the last one failed. Never throws. */
  keys(): Promise<KnownKeys>;
  /** For a token that no key of `than` goes with: fetches again if the cooldown allows. Null: no change. Never throws. */
  newerKeys(than: KnownKeys): Promise<KnownKeys>;
  /** Whether what we know is what the URL says: if not, a token with an unknown key may still be a good one. */
  isUpToDate(): boolean;
  /** Milliseconds until the next attempt is allowed. */
  nextAttemptMs(): number;
};

export function createJwks({ fetchJwks, monotonicMs, onFault }: Needs): Jwks {
  let known: { keys: readonly VerificationKey[]; fetchedAt: number } | null = null;
  let lastAttempt: { startedAt: number; failed: boolean } | null = null;
  let pending: Promise<void> | null = null;

  const ageMs = () => (known === null ? Number.POSITIVE_INFINITY : monotonicMs() - known.fetchedAt);
  const usable = () => (known !== null && ageMs() < USABLE_MS ? known.keys : null);
  const nextAttemptMs = () =>
    lastAttempt === null ? 0 : Math.max(0, lastAttempt.startedAt + COOLDOWN_MS - monotonicMs());

  /** One fetch at a time, and none within the cooldown. */
  function renew(): Promise<void> {
    if (pending !== null) return pending;
    if (nextAttemptMs() > 0) return Promise.resolve();
    const attempt = { startedAt: monotonicMs(), failed: lastAttempt?.failed ?? false };
    lastAttempt = attempt;
    pending = fetchJwks()
      .then(
        (keys) => {
          known = { keys, fetchedAt: monotonicMs() };
          attempt.failed = false;
        },
        (error: unknown) => {
          attempt.failed = true;
          onFault(error);
        },
      )
      .finally(() => {
        pending = null;
      });
    return pending;
  }

  return {
    async keys() {
      if (ageMs() < FRESH_MS) return usable();
      const renewal = renew();
      // While the URL is away, those who can be served by the last good set do not wait for it.
      if (usable() === null || lastAttempt?.failed !== true) await renewal;
      return usable();
    },
    async newerKeys(than) {
      if (usable() === than) await renew();
      return usable() === than ? null : usable();
    },
    isUpToDate: () => usable() !== null && lastAttempt?.failed !== true,
    nextAttemptMs,
  };
}
