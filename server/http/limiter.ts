/** How often something happened in a window of time: rate-limiter-flexible's counters, in our words. */
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';

export type Count = { allowed: boolean; remaining: number; resetSeconds: number };

export type Limiter = {
  /** Counts one more. */
  consume(key: string): Promise<Count>;
  /** Takes one back. */
  giveBack(key: string): Promise<void>;
  /** How things stand; counts nothing. */
  look(key: string): Promise<Count>;
};

/** `name` keeps counters apart that share a store. */
export type LimiterOptions = { name: string; points: number; windowSeconds: number };
export type CreateLimiter = (options: LimiterOptions) => Limiter;

/** `onFirst`: a window began for this key. */
export function toLimiter(
  limiter: RateLimiterAbstract,
  { points, windowSeconds }: Pick<LimiterOptions, 'points' | 'windowSeconds'>,
  onCounted: (key: string, isFirst: boolean) => Promise<void> = async () => {},
): Limiter {
  const toCount = (state: RateLimiterRes | null, allowed: boolean): Count => ({
    allowed,
    remaining: state?.remainingPoints ?? points,
    resetSeconds: state === null ? windowSeconds : Math.max(1, Math.ceil(state.msBeforeNext / 1000)),
  });
  return {
    async consume(key) {
      try {
        const state = await limiter.consume(key);
        await onCounted(key, state.isFirstInDuration);
        return toCount(state, true);
      } catch (reason) {
        if (reason instanceof RateLimiterRes) return toCount(reason, false);
        throw reason;
      }
    },
    async giveBack(key) {
      await limiter.reward(key);
    },
    async look(key) {
      const state = await limiter.get(key);
      return toCount(state, (state?.consumedPoints ?? 0) < points);
    },
  };
}
