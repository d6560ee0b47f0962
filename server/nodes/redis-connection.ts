/** The connection to Redis: two sockets, which come back by themselves, and never make anybody wait for long. */
import { createClient } from '@redis/client';

const CONNECT_TIMEOUT_MS = 5000;
const MAX_RECONNECT_DELAY_MS = 2000;
/** Of a command. A Redis that hangs must not hold up an upload. */
const ANSWER_TIMEOUT_MS = 1000;
/** How often the sockets are asked whether Redis still answers. One that hangs is not asked a second time. */
const PROBE_EVERY_MS = 3000;
/** A socket on which nothing moves for so long is closed and made anew: Redis' machine may be gone without a word. */
const SILENT_SOCKET_MS = 15_000;

export type RedisClient = ReturnType<typeof createRedisClient>;
export type RedisConnection = {
  /** For commands; a command fails at once while the connection is away. */
  client: RedisClient;
  /** For subscriptions; they are renewed with the connection. */
  subscriber: RedisClient;
  /** False too while Redis takes what it is sent, and says nothing. */
  isReady(): boolean;
  /** @throws when there is no connection, or no answer in time */
  inTime<T>(command: (client: RedisClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Does not wait for Redis: what needs it works without, or is degraded, until it answers. `onFault`: once for each outage. */
export function connectRedis(url: string, onFault: (error: unknown) => void): RedisConnection {
  const client = createRedisClient(url);
  const subscriber = createRedisClient(url);
  const silent = new Set<RedisClient>();
  let reported = false;
  const report = (error: unknown) => {
    if (!reported) onFault(error);
    reported = true;
  };
  const probe = async (each: RedisClient) => {
    if (!each.isReady || silent.has(each)) return;
    const answered = each.ping().then(
      () => silent.delete(each),
      // It ended: its reconnection says when it is back.
      () => silent.delete(each),
    );
    await within(answered, ANSWER_TIMEOUT_MS).catch((error) => {
      silent.add(each);
      report(error);
    });
  };
  for (const each of [client, subscriber]) {
    each.on('error', report);
    each.on('ready', () => {
      silent.delete(each);
      reported = false;
    });
    // It goes on trying; what it says of each failure came by 'error'.
    each.connect().catch(() => {});
  }
  const probes = setInterval(() => {
    for (const each of [client, subscriber]) void probe(each);
  }, PROBE_EVERY_MS);
  probes.unref();
  const isReady = () => client.isReady && subscriber.isReady && silent.size === 0;
  return {
    client,
    subscriber,
    isReady,
    async inTime(command) {
      if (!isReady()) throw new Error('Redis is away');
      return within(command(client), ANSWER_TIMEOUT_MS);
    },
    async close() {
      clearInterval(probes);
      for (const each of [client, subscriber]) each.destroy();
    },
  };
}

function createRedisClient(url: string) {
  return createClient({
    url,
    name: 'chatdrop',
    disableOfflineQueue: true,
    socket: {
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SILENT_SOCKET_MS,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** Math.min(retries, 10), MAX_RECONNECT_DELAY_MS),
    },
  });
}

/** The client's own limit ends when a command is written, and Redis may never answer. */
async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(reject, timeoutMs, new Error('Redis does not answer'));
  });
  try {
    return await Promise.race([work, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}
