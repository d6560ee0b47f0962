/** Texts from node to node by Redis' PUBLISH. */
import type { Carrier } from './node-bus.ts';
import type { RedisConnection } from './redis-connection.ts';

/** Several installations may share one Redis: each has a channel of its own. */
export function createRedisCarrier(
  { inTime, subscriber }: Pick<RedisConnection, 'inTime' | 'subscriber'>,
  channel: string,
): Carrier {
  return {
    maxBytes: 256 * 1024,
    async send(text) {
      await inTime((client) => client.publish(channel, text));
    },
    async onText(listener) {
      const subscribe = () => subscriber.subscribe(channel, listener).catch(() => {});
      // The client renews its subscriptions, but forgets one that was never accepted; one more of the same changes nothing.
      subscriber.on('ready', () => void subscribe());
      if (subscriber.isReady) await subscribe();
    },
    // The connection is its maker's.
    close: async () => {},
  };
}
