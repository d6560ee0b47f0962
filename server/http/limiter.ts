/** How often something happened in a window of time; rate-limiter-flexible's counters, which nodes share, in our words. */
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';

export type Count = { allowed: boolean; remaining: number; resetSeconds: number };

export type Limiter = {
  /** Counts one more; `points` are allowed in a window. */
  consume(key: string, points: number): Promise<Count>;
  /** Takes one back. */
  giveBack(key: string): Promise<void>;
  /** How things stand; counts nothing. */
  look(key: string, points: number): Promise<Count>;
};

/** `name` keeps counters apart that share a store. */
export type LimiterOptions = { name: string; windowSeconds: number };
export type CreateLimiter = (options: LimiterOptions) => Limiter;

/**
 * The library's own limit: out of reach, since how much is allowed is said with each call. A counter goes on where it is when
 * that changes.
 */
export const UNLIMITED_POINTS = 1_000_000_000;

/** Of the library's. */
export function toLimiter(
  limiter: RateLimiterAbstract,
  { windowSeconds }: Pick<LimiterOptions, 'windowSeconds'>,
): Limiter {
  const toCount = (state: RateLimiterRes | null, points: number, allowed: boolean): Count => ({
    allowed,
    remaining: Math.max(0, points - (state?.consumedPoints ?? 0)),
    resetSeconds: state === null ? windowSeconds : Math.max(1, Math.ceil(state.msBeforeNext / 1000)),
  });
  return {
    async consume(key, points) {
      const state = await limiter.consume(key).catch((reason: unknown) => {
        if (reason instanceof RateLimiterRes) return reason;
        throw reason;
      });
      return toCount(state, points, state.consumedPoints <= points);
    },
    async giveBack(key) {
      await limiter.reward(key);
    },
    async look(key, points) {
      const state = await limiter.get(key);
      return toCount(state, points, (state?.consumedPoints ?? 0) < points);
    },
  };
}
