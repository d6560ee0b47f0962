/** A node whose PostgreSQL restarts, dies or hangs in the middle of everything: it waits, says so, and goes on by itself. */
import { afterEach, expect, test } from 'vitest';
import { clusterForSuite } from '../services/cluster.ts';
import { eventually } from '../services/eventually.ts';
import { startTraffic, type Traffic } from '../services/traffic.ts';
import { send } from '../services/wire.ts';

const KIB = 1024;
const LONG_TEST_MS = 180_000;
const cluster = clusterForSuite({ nodes: 1 });
let traffic: Traffic | undefined;

afterEach(() => traffic?.abandon());

test.each(['fast', 'immediate', 'SIGKILL'] as const)(
  'it is stopped (%s) and started again during uploads, lists, sockets and finishes: nothing is lost',
  async (how) => {
    const { baseUrl, postgres } = cluster();
    traffic = await startTraffic({ baseUrl, visitors: 8, fileBytes: 400 * KIB, chunkBytes: 64 * KIB });
    await traffic.more(60);
    for (let times = 0; times < 2; times += 1) {
      await postgres.stop(how);
      await eventually('it is not ready', async () => (await ready(baseUrl)) === 503, 60_000);
      await postgres.start();
      await traffic.more(60);
    }
    await eventually('it is ready', async () => (await ready(baseUrl)) === 200, 60_000);
    expect(await traffic.finish()).toBeGreaterThan(8);
    expect([...traffic.answers.keys()]).toEqual(expect.arrayContaining(['PATCH 503', 'HEAD 423', 'GET 503']));
  },
  LONG_TEST_MS,
);

async function ready(baseUrl: string): Promise<number> {
  return (await send({ method: 'GET', url: `${baseUrl}/readyz`, timeoutMs: 60_000 })).status;
}
