/** What one node shares with the others: the lock of an upload, the limits, and words in passing. */
import type { Logger } from 'pino';
import type { Config } from '../config.ts';
import type { NodeSession } from '../database/node-session.ts';
import type { Database } from '../database/open-database.ts';
import { inMemory } from '../http/rate-limit.ts';
import { createDatabaseLimiters, createRedisLimiters } from '../http/shared-limiter.ts';
import { createDatabaseCarrier } from '../nodes/database-carrier.ts';
import { type Carrier, createNodeBus, NO_BUS } from '../nodes/node-bus.ts';
import { createNodeClaim } from '../nodes/node-claim.ts';
import type { NodeMessage } from '../nodes/node-message.ts';
import { createNodePresence } from '../nodes/node-presence.ts';
import { createRedisCarrier } from '../nodes/redis-carrier.ts';
import type { RedisConnection } from '../nodes/redis-connection.ts';
import type { SessionFeed } from '../realtime/session-feed.ts';
import type { CompanyPolicies } from '../sharing/company-policies.ts';
import { createLocker } from '../upload/locker.ts';
import { createNodeLocker } from '../upload/node-locker.ts';
import { createSharedLocks } from '../upload/shared-locks.ts';
import { HOLDER } from './holder.ts';

type Needs = {
  config: Config;
  log: Logger;
  database: Database;
  feed: Pick<SessionFeed, 'wake' | 'publish'>;
  policies: Pick<CompanyPolicies, 'look'>;
  installation: string;
};

/** One node on SQLite, or one of several on PostgreSQL. @throws when PostgreSQL does not answer */
export async function composeNodes({ config, log, database, feed, policies, installation }: Needs) {
  const prefix = `chatdrop:${installation}`;
  const session = await openSession(config.postgresUrl);
  session?.onLost(() =>
    log.warn('The connection to PostgreSQL is lost: what is being uploaded stops, and goes on later'),
  );
  session?.onBack(() => log.info('The connection to PostgreSQL is back'));
  const presence = session === null ? null : await createNodePresence(session, HOLDER);
  const onFault = (err: unknown) => log.error({ err }, 'Redis does not answer; the database does its work meanwhile');
  const redis = await openRedis(config.redisUrl, onFault);
  const carrier = session === null ? null : carrierOf(session, redis, prefix);
  const onMessage = (message: NodeMessage) => {
    // What it cannot read now it reads in a second.
    if (message.type === 'policies') void policies.look().catch(() => {});
    else if (message.type === 'wake') feed.wake(message.company);
    else feed.publish(message.event, message.exceptParticipant);
  };
  let isTaken = false;
  const onTaken = (key: string) => {
    isTaken = true;
    log.error(
      `Another node has taken ${key} while PostgreSQL was away. This one is not ready any more: stop one of the two.`,
    );
  };
  const bus = carrier === null ? NO_BUS : await createNodeBus({ node: HOLDER, carrier, onMessage });
  const ofDatabase = session === null ? inMemory() : createDatabaseLimiters(database, inMemory());
  const local = createLocker();
  return {
    bus,
    createLimiter: redis === null ? ofDatabase : createRedisLimiters(redis, prefix, ofDatabase),
    locker: session === null ? local : createNodeLocker(local, await createSharedLocks(session)),
    /** Whether a process of this name runs on any node; null where there is only this one. */
    isAlive: presence?.isAlive ?? null,
    claim: session === null ? async () => true : createNodeClaim(session, onTaken),
    /** Nobody can know who writes to an upload while it is not; nor where the files are, when another node has their disk. */
    isConnected: () => (session?.isConnected() ?? true) && !isTaken,
    /** What works without, but not as well. */
    degraded: () => (redis === null || redis.isReady() ? [] : ['redis']),
    async close() {
      await bus.close();
      presence?.close();
      await Promise.all([redis?.close(), session?.close()]);
    },
  };
}

async function openSession(postgresUrl: string | undefined): Promise<NodeSession | null> {
  if (postgresUrl === undefined) return null;
  // Who has SQLite does not wait for the driver to load.
  const { openNodeSession } = await import('../database/node-session.ts');
  return openNodeSession(postgresUrl);
}

async function openRedis(url: string | undefined, onFault: (error: unknown) => void): Promise<RedisConnection | null> {
  if (url === undefined) return null;
  const { connectRedis } = await import('../nodes/redis-connection.ts');
  return connectRedis(url, onFault);
}

function carrierOf(session: NodeSession, redis: RedisConnection | null, prefix: string): Carrier {
  return redis === null ? createDatabaseCarrier(session) : createRedisCarrier(redis, `${prefix}:nodes`);
}
