/** The connection to Redis: two sockets, which come back by themselves, and never make anybody wait for long. */
import { createClient } from 'redis';

/** Of one command. A Redis that hangs must not hold up an upload. */
const COMMAND_TIMEOUT_MS = 1000;
const CONNECT_TIMEOUT_MS = 5000;
const MAX_RECONNECT_DELAY_MS = 2000;
/** Silence after which the connection is asked whether it still is one. */
const PING_EVERY_MS = 10_000;

export type RedisClient = ReturnType<typeof createRedisClient>;
export type RedisConnection = {
  /** For commands; a command fails at once while the connection is away. */
  client: RedisClient;
  /** For subscriptions; they are renewed with the connection. */
  subscriber: RedisClient;
  isReady(): boolean;
  close(): Promise<void>;
};

/** Does not wait for Redis: what needs it works without, or is degraded, until it answers. `onFault`: once for each outage. */
export function connectRedis(url: string, onFault: (error: unknown) => void): RedisConnection {
  const client = createRedisClient(url);
  const subscriber = createRedisClient(url);
  let reported = false;
  for (const each of [client, subscriber]) {
    each.on('error', (error: unknown) => {
      if (!reported) onFault(error);
      reported = true;
    });
    each.on('ready', () => {
      reported = false;
    });
    // It goes on trying; what it says of each failure came by 'error'.
    each.connect().catch(() => {});
  }
  return {
    client,
    subscriber,
    isReady: () => client.isReady && subscriber.isReady,
    async close() {
      for (const each of [client, subscriber]) each.destroy();
    },
  };
}

function createRedisClient(url: string) {
  return createClient({
    url,
    name: 'chatdrop',
    disableOfflineQueue: true,
    pingInterval: PING_EVERY_MS,
    commandOptions: { timeout: COMMAND_TIMEOUT_MS },
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** Math.min(retries, 10), MAX_RECONNECT_DELAY_MS),
    },
  });
}
