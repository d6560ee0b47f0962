/** Counts a user's creations; the counting is rate-limiter-flexible's. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Failure } from '../rules/failure.ts';

const WINDOW_SECONDS = 60;

/** @returns counts one creation of a user. @throws {Failure} `rate-limited` with the seconds to wait */
export function createCountCreation(uploadsPerMinute: number): (key: string) => Promise<void> {
  const limiter = new RateLimiterMemory({ points: uploadsPerMinute, duration: WINDOW_SECONDS });
  return async (key) => {
    try {
      await limiter.consume(key);
    } catch (reason) {
      if (!(reason instanceof RateLimiterRes)) throw reason;
      const retryAfterSeconds = Math.max(1, Math.ceil(reason.msBeforeNext / 1000));
      const detail = `${uploadsPerMinute} uploads a minute are allowed. The next may start in ${retryAfterSeconds} seconds.`;
      throw new Failure('rate-limited', detail, { retryAfterSeconds });
    }
  };
}
