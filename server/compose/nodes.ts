/** What one node shares with the others: the lock of an upload, the limits, and words in passing. */
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { Database } from '../database/open-database.ts';
import { sharedSecret } from '../database/server-value-table.ts';
import { inMemory } from '../http/rate-limit.ts';
import { createRedisLimiters } from '../http/shared-limiter.ts';
import { NO_BUS } from '../nodes/node-bus.ts';
import { connectRedis } from '../nodes/redis-connection.ts';
import { createLocker } from '../upload/locker.ts';

/** Characters of the name that keeps this installation apart from others that share its Redis. */
const INSTALLATION_CHARACTERS = 16;

export async function composeNodes(config: Config, log: Logger, database: Database) {
  const installation = (await sharedSecret(database, 'installation')).slice(0, INSTALLATION_CHARACTERS);
  const onFault = (err: unknown) => log.error({ err }, 'Redis does not answer; limits are counted by each node alone');
  const redis = config.redisUrl === undefined ? null : connectRedis(config.redisUrl, onFault);
  const createLimiter =
    redis === null ? inMemory() : createRedisLimiters(redis.client, `chatdrop:${installation}`, inMemory());
  const bus = NO_BUS;
  return {
    bus,
    createLimiter,
    locker: createLocker(),
    /** What works without, but not as well. */
    degraded: () => (redis === null || redis.isReady() ? [] : ['redis']),
    async close() {
      await bus.close();
      await redis?.close();
    },
  };
}
