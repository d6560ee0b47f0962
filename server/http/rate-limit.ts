/** Counts a user's creations; the counting is rate-limiter-flexible's. */
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Failure } from '../rules/failure.ts';

const WINDOW_SECONDS = 60;
/** Partial uploads that may be created for each upload that is allowed: more than any client takes a file apart into. */
const MAX_PARTS_AN_UPLOAD = 16;

export type CountCreations = {
  /** Counts one creation of a user. @throws {Failure} `rate-limited` with the seconds to wait */
  countCreation(key: string): Promise<void>;
  /**
   * Counts one partial upload. A parallel upload counts once, at its final one; that its time has not come is said here
   * already, before the bytes are sent. @throws {Failure} `rate-limited`
   */
  countPartial(key: string): Promise<void>;
};

export function createCountCreations(uploadsPerMinute: number): CountCreations {
  const creations = new RateLimiterMemory({ points: uploadsPerMinute, duration: WINDOW_SECONDS });
  const partials = new RateLimiterMemory({
    points: uploadsPerMinute * MAX_PARTS_AN_UPLOAD,
    duration: WINDOW_SECONDS,
    keyPrefix: 'partials',
  });
  const consume = async (limiter: RateLimiterMemory, key: string) => {
    await limiter.consume(key).catch((reason: unknown) => {
      throw reason instanceof RateLimiterRes ? limited(uploadsPerMinute, reason) : reason;
    });
  };
  return {
    countCreation: (key) => consume(creations, key),
    async countPartial(key) {
      const counted = await creations.get(key);
      if (counted !== null && counted.consumedPoints >= uploadsPerMinute) throw limited(uploadsPerMinute, counted);
      await consume(partials, key);
    },
  };
}

function limited(uploadsPerMinute: number, { msBeforeNext }: RateLimiterRes): Failure {
  const retryAfterSeconds = Math.max(1, Math.ceil(msBeforeNext / 1000));
  const detail = `${uploadsPerMinute} uploads a minute are allowed. The next may start in ${retryAfterSeconds} seconds.`;
  return new Failure('rate-limited', detail, { retryAfterSeconds });
}
