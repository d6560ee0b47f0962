/** A node whose PostgreSQL restarts, dies or hangs in the middle of everything: it waits, says so, and goes on by itself. */
import { afterEach, expect, test } from 'vitest';
import { bearer } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { clusterForSuite } from '../services/cluster.ts';
import { eventually } from '../services/eventually.ts';
import { startTraffic, type Traffic } from '../services/traffic.ts';
import { create, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const KIB = 1024;
const LONG_TEST_MS = 600_000;
const cluster = clusterForSuite({ nodes: 1 });
let traffic: Traffic | undefined;

afterEach(() => traffic?.abandon());

test.each(['fast', 'immediate', 'SIGKILL'] as const)(
  'it is stopped (%s) and started again during uploads, lists, sockets and finishes: nothing is lost',
  async (how) => {
    const { baseUrl, postgres } = cluster();
    const room = newChatRoom();
    const { url } = await create({ baseUrl, token: room.visitor, length: 1000 });
    traffic = await startTraffic({ baseUrl, visitors: 8, fileBytes: 400 * KIB, chunkBytes: 64 * KIB });
    await traffic.more(30);
    for (let times = 0; times < 2; times += 1) {
      await postgres.stop(how);
      await eventually('it is not ready', async () => (await ready(baseUrl)) === 503, 60_000);
      // Whatever the traffic happens to ask meanwhile.
      const ask = { url, headers: { 'tus-resumable': '1.0.0', ...bearer(room.visitor) }, timeoutMs: 120_000 };
      const [head, list, part] = await Promise.all([
        send({ ...ask, method: 'HEAD' }),
        send({ ...ask, method: 'GET', url: `${baseUrl}/api/chat/files/` }),
        patch({ url, token: room.visitor, offset: 0, body: Buffer.from('text\n') }),
      ]);
      expect([head.status, list.status, part.status]).toEqual([423, 503, 503]);
      await postgres.start();
      await traffic.more(30);
    }
    await eventually('it is ready', async () => (await ready(baseUrl)) === 200, 60_000);
    expect(await traffic.finish()).toBeGreaterThan(8);
  },
  LONG_TEST_MS,
);

test(
  'it hangs: everybody gets an answer, not a good one, and when it goes on all goes on',
  async () => {
    const { baseUrl, postgres } = cluster();
    const room = newChatRoom();
    const { url } = await create({ baseUrl, token: room.visitor, length: 1000 });
    traffic = await startTraffic({ baseUrl, visitors: 4, fileBytes: 400 * KIB, chunkBytes: 64 * KIB });
    await traffic.more(30);
    await postgres.pause();
    const ask = { url, headers: { 'tus-resumable': '1.0.0', ...bearer(room.visitor) }, timeoutMs: 120_000 };
    const [head, list, isReady] = await Promise.all([
      send({ ...ask, method: 'HEAD' }),
      send({ ...ask, method: 'GET', url: `${baseUrl}/api/chat/files/` }),
      ready(baseUrl),
    ]);
    expect([head.status, list.status, isReady]).toEqual([423, 503, 503]);
    postgres.resume();
    await traffic.more(30);
    await eventually('it is ready', async () => (await ready(baseUrl)) === 200, 60_000);
    await traffic.finish();
  },
  LONG_TEST_MS,
);

async function ready(baseUrl: string): Promise<number> {
  return (await send({ method: 'GET', url: `${baseUrl}/readyz`, timeoutMs: 60_000 })).status;
}
