/** Counters that all nodes share, in Redis or in PostgreSQL; while the store is away, each node counts for itself. */
import { createHash } from 'node:crypto';
import { RateLimiterPostgres, RateLimiterRedis } from 'rate-limiter-flexible';
import type { Database } from '../database/open-database.ts';
import { type CreateLimiter, type Limiter, toLimiter, UNLIMITED_POINTS } from './limiter.ts';

/** Of a look at the store. A limit is not worth making an upload wait. */
const MAX_WAIT_MS = 1500;

/** `client` is one of @redis/client; it is not asked while it is not ready. */
type Redis = { client: unknown; isReady(): boolean };

/** `prefix` keeps installations apart that share one Redis. */
export function createRedisLimiters(
  { client, isReady }: Redis,
  prefix: string,
  fallback: CreateLimiter,
): CreateLimiter {
  return (options) => {
    const { name, windowSeconds: duration } = options;
    const keyPrefix = `${prefix}:limit:${name}`;
    const store = { storeClient: client, useRedisPackage: true, rejectIfRedisNotReady: true };
    return orElse(
      toLimiter(new RateLimiterRedis({ ...store, keyPrefix, points: UNLIMITED_POINTS, duration }), options),
      fallback(options),
      isReady,
    );
  };
}

/** In the table `rate_limits`. */
export function createDatabaseLimiters(database: Database, fallback: CreateLimiter): CreateLimiter {
  return (options) => {
    const { name: keyPrefix, windowSeconds: duration } = options;
    // The table is a migration's, and a chore forgets what is over.
    const store = { storeClient: database, storeType: 'knex', tableName: 'rate_limits', tableCreated: true };
    const limiter = new RateLimiterPostgres({
      ...store,
      clearExpiredByTimeout: false,
      keyPrefix,
      points: UNLIMITED_POINTS,
      duration,
    });
    return orElse(toLimiter(limiter, options), fallback(options));
  };
}

function orElse(shared: Limiter, own: Limiter, isReady: () => boolean = () => true): Limiter {
  const either = async <T>(key: string, call: (limiter: Limiter, key: string) => Promise<T>): Promise<T> =>
    isReady() ? inTime(call(shared, shortened(key))).catch(() => call(own, key)) : call(own, key);
  return {
    consume: (key, points) => either(key, (limiter, name) => limiter.consume(name, points)),
    giveBack: (key) => either(key, (limiter, name) => limiter.giveBack(name)),
    look: (key, points) => either(key, (limiter, name) => limiter.look(name, points)),
  };
}

/** Of one length, whatever a token's `sub` is, and nobody's name. */
function shortened(key: string): string {
  return createHash('sha256').update(key).digest('base64url');
}

async function inTime<T>(work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, MAX_WAIT_MS, new Error('the store of the limits does not answer'));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
