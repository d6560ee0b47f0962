/** A counter in this process' memory, with a bound on how many it counts. */
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { type Limiter, type LimiterOptions, toLimiter, UNLIMITED_POINTS } from './limiter.ts';

type Options = Pick<LimiterOptions, 'windowSeconds'> & { maxKeys: number };

/** When all places are taken, whoever began first is forgotten: theirs is the window that would have ended next. */
export function createBoundedLimiter({ windowSeconds, maxKeys }: Options): Limiter {
  const limiter = new RateLimiterMemory({ points: UNLIMITED_POINTS, duration: windowSeconds });
  /** In the order in which their windows began. */
  const keys = new Set<string>();
  return toLimiter(limiter, { windowSeconds }, async (key, isFirst) => {
    if (isFirst) keys.delete(key);
    keys.add(key);
    const [oldest] = keys;
    if (keys.size <= maxKeys || oldest === undefined) return;
    keys.delete(oldest);
    await limiter.delete(oldest);
  });
}
