/** rate-limiter-flexible's counter in memory, with a bound on how many it counts. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

export type Count = { allowed: boolean; remaining: number; resetSeconds: number };

export type BoundedLimiter = {
  /** Counts one more. */
  consume(key: string): Promise<Count>;
  /** Takes one back. */
  giveBack(key: string): Promise<void>;
  /** How things stand; counts nothing. */
  look(key: string): Promise<Count>;
};

type Options = { points: number; windowSeconds: number; maxKeys: number };

/** When all places are taken, whoever began first is forgotten: theirs is the window that would have ended next. */
export function createBoundedLimiter({ points, windowSeconds, maxKeys }: Options): BoundedLimiter {
  const limiter = new RateLimiterMemory({ points, duration: windowSeconds });
  /** In the order in which their windows began. */
  const keys = new Set<string>();
  const remember = async (key: string, isFirst: boolean) => {
    if (isFirst) keys.delete(key);
    keys.add(key);
    const [oldest] = keys;
    if (keys.size <= maxKeys || oldest === undefined) return;
    keys.delete(oldest);
    await limiter.delete(oldest);
  };
  const toCount = (state: RateLimiterRes | null, allowed: boolean): Count => ({
    allowed,
    remaining: state?.remainingPoints ?? points,
    resetSeconds: state === null ? windowSeconds : Math.max(1, Math.ceil(state.msBeforeNext / 1000)),
  });
  return {
    async consume(key) {
      try {
        const state = await limiter.consume(key);
        await remember(key, state.isFirstInDuration);
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
