/** Nodes of one installation with all that they share, each part of which a test may kill, restart or replace. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Chatdrop, startChatdrop } from './chatdrop-process.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { type ProxyName, startWebProxy, type WebProxy } from './web-proxy.ts';

export type ClusterOptions = {
  nodes: number;
  /** Before the nodes; without one `baseUrl` is the first node's. */
  proxy?: ProxyName;
  redis?: boolean;
  env?: Record<string, string>;
};

export type Cluster = {
  baseUrl: string;
  postgres: TestPostgres;
  /** Null where there is none. */
  redis: TestRedis | null;
  nodes: Chatdrop[];
};

const LOG_CHARACTERS_SHOWN = 4000;
const LONG_HOOK_MS = 180_000;

/** For all tests of a file: started before them, ended after them, the nodes' logs printed when one fails. */
export function clusterForSuite(options: ClusterOptions): () => Cluster {
  let running: RunningCluster | undefined;
  beforeAll(async () => {
    running = await startCluster(options);
  }, LONG_HOOK_MS);
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const [at, node] of (running?.nodes ?? []).entries())
      console.error(`--- node ${at} until "${task.name}" failed ---\n${node.logs().slice(-LOG_CHARACTERS_SHOWN)}`);
  });
  afterAll(() => running?.close(), LONG_HOOK_MS);
  return () => {
    if (running === undefined) throw new Error('The cluster runs only inside tests.');
    return running;
  };
}

type RunningCluster = Cluster & { close(): Promise<void> };

async function startCluster({ nodes: count, proxy: proxyName, redis: withRedis = false, env = {} }: ClusterOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-cluster-'));
  const closing: (() => Promise<unknown>)[] = [() => rm(folder, { recursive: true, force: true })];
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end();
  };
  try {
    const postgres = await startPostgres();
    closing.push(postgres.close);
    const redis = withRedis ? await startRedis() : null;
    if (redis !== null) closing.push(redis.close);
    const settings = {
      DATABASE_URL: await postgres.newDatabase(),
      ...(redis !== null && { REDIS_URL: redis.url }),
      ...(proxyName !== undefined && { TRUST_PROXY: '1' }),
      ...env,
    };
    // At once, as a deployment does it: they share an empty database, and one of them migrates it.
    const started = await Promise.allSettled(
      Array.from({ length: count }, (_, at) => startChatdrop({ dataDir: join(folder, `node-${at}`), env: settings })),
    );
    const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    closing.push(() => Promise.all(nodes.map((node) => node.stop())));
    for (const each of started) if (each.status === 'rejected') throw each.reason;
    let proxy: WebProxy | null = null;
    if (proxyName !== undefined) {
      proxy = await startWebProxy(
        proxyName,
        nodes.map(({ port }) => port),
      );
      closing.push(proxy.close);
    }
    const baseUrl = proxy?.baseUrl ?? nodes[0]?.baseUrl ?? '';
    return { baseUrl, postgres, redis, nodes, close } satisfies RunningCluster;
  } catch (error) {
    await close();
    throw error;
  }
}
