/** A counter in this process' memory, with a bound on how many it counts. */
import type { Count, Limiter, LimiterOptions } from './limiter.ts';

type Options = Pick<LimiterOptions, 'windowSeconds'> & { maxKeys: number };
/** `endsAt`: milliseconds of a clock that nobody sets. */
type Window = { points: number; endsAt: number };

/**
 * When all places are taken, whoever began first is forgotten: theirs is the window that would have ended next. No timer: what
 * is over is forgotten with the next window that begins.
 */
export function createBoundedLimiter({ windowSeconds, maxKeys }: Options): Limiter {
  /** In the order in which they began, which is that in which they end. */
  const windows = new Map<string, Window>();
  const find = (key: string, now: number): Window | undefined => {
    const window = windows.get(key);
    return window !== undefined && window.endsAt > now ? window : undefined;
  };
  const begin = (key: string, now: number): Window => {
    windows.delete(key);
    for (const [name, { endsAt }] of windows) {
      if (endsAt > now && windows.size < maxKeys) break;
      windows.delete(name);
    }
    const window = { points: 0, endsAt: now + windowSeconds * 1000 };
    windows.set(key, window);
    return window;
  };
  const toCount = (window: Window | undefined, now: number, points: number, allowed: boolean): Count => ({
    allowed,
    remaining: Math.max(0, points - (window?.points ?? 0)),
    resetSeconds: window === undefined ? windowSeconds : Math.max(1, Math.ceil((window.endsAt - now) / 1000)),
  });
  return {
    async consume(key, points) {
      const now = performance.now();
      const window = find(key, now) ?? begin(key, now);
      window.points += 1;
      return toCount(window, now, points, window.points <= points);
    },
    async giveBack(key) {
      const window = find(key, performance.now());
      if (window !== undefined) window.points -= 1;
    },
    async look(key, points) {
      const now = performance.now();
      const window = find(key, now);
      return toCount(window, now, points, (window?.points ?? 0) < points);
    },
  };
}
