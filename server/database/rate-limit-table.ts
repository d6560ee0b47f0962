/** `rate_limits`: counters that rate-limiter-flexible keeps where there is no Redis. Only their end is ours. */
import type { Database } from './open-database.ts';

export type RateLimitTable = ReturnType<typeof createRateLimitTable>;

export function createRateLimitTable(database: Database) {
  return {
    /** Counters whose window is over. @returns how many */
    forget: (nowMs: number): Promise<number> => database('rate_limits').where('expire', '<', nowMs).delete(),
  };
}
