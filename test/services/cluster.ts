/** Nodes of one installation with all that they share, each part of which a test may kill, restart or replace. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type CephRgw, startCephRgw } from './ceph-rgw.ts';
import { type Chatdrop, startChatdrop } from './chatdrop-process.ts';
import { startPostgres, type TestPostgres } from './postgres.ts';
import { startRedis, type TestRedis } from './redis.ts';
import { type S3FaultProxy, startS3FaultProxy } from './s3-fault-proxy.ts';
import { makeBucket, s3Settings, type TestBucket } from './shared-s3.ts';
import { TEST_SECRET } from './tokens.ts';
import { type ProxyName, startWebProxy, type WebProxy } from './web-proxy.ts';

export type ClusterOptions = {
  nodes: number;
  /** Before the nodes; without one `baseUrl` is the first node's. */
  proxy?: ProxyName;
  redis?: boolean;
  /** Where the files are, as several nodes need it; without it on the disk of the one node. */
  rgw?: () => CephRgw;
  /** Settings of all nodes besides. */
  env?: Record<string, string>;
};

export type Cluster = {
  baseUrl: string;
  postgres: TestPostgres;
  /** Null where there is none. */
  redis: TestRedis | null;
  s3: TestStore | null;
  nodes: Chatdrop[];
  /** For a command beside the nodes, with a data folder of its own. */
  settings: Record<string, string>;
};

export type TestStore = {
  rgw: CephRgw;
  /** Between the nodes and the gateway. */
  faults: S3FaultProxy;
  bucket: TestBucket;
};

type RunningCluster = Cluster & { close(): Promise<void> };

const LOG_CHARACTERS_SHOWN = 4000;
const LONG_HOOK_MS = 300_000;

/** For all tests of a file or `describe`: started before, ended after, the nodes' logs printed when one fails. */
export function clusterForSuite(options: ClusterOptions): () => Cluster {
  const running = startedForSuite(() => startCluster(options));
  afterEach(({ task }) => {
    if (task.result?.state !== 'fail') return;
    for (const [at, node] of running().nodes.entries())
      console.error(`--- node ${at} until "${task.name}" failed ---\n${node.logs().slice(-LOG_CHARACTERS_SHOWN)}`);
  });
  return running;
}

/** An S3 that the tests may stop and start. */
export function rgwForSuite(): () => CephRgw {
  return startedForSuite(startCephRgw);
}

function startedForSuite<T extends { close(): Promise<void> }>(start: () => Promise<T>): () => T {
  let running: T | undefined;
  beforeAll(async () => {
    running = await start();
  }, LONG_HOOK_MS);
  afterAll(() => running?.close(), LONG_HOOK_MS);
  return () => {
    if (running === undefined) throw new Error('It runs only inside tests.');
    return running;
  };
}

async function startCluster({ nodes: count, proxy, redis: withRedis = false, rgw, env = {} }: ClusterOptions) {
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
    const s3 = rgw === undefined ? null : await startStore(rgw(), closing);
    const shared = {
      ...env,
      DATABASE_URL: await postgres.newDatabase(),
      ...(redis !== null && { REDIS_URL: redis.url }),
      ...(s3 !== null && { ...s3Settings(s3.bucket), AWS_S3_ENDPOINT_URL: s3.faults.endpoint }),
      ...(proxy !== undefined && { TRUST_PROXY: '1' }),
    };
    const nodes = await startNodes(count, folder, shared, closing);
    const front = proxy === undefined ? null : await startFront(proxy, nodes, closing);
    const settings = { ...shared, JWT_SECRET: TEST_SECRET, DATA_DIR: join(folder, 'command') };
    const baseUrl = front?.baseUrl ?? nodes[0]?.baseUrl ?? '';
    return { baseUrl, postgres, redis, s3, nodes, settings, close } satisfies RunningCluster;
  } catch (error) {
    await close();
    throw error;
  }
}

type Closing = (() => Promise<unknown>)[];

/** At once, as a deployment does it: they share an empty database, and one of them migrates it. */
async function startNodes(count: number, folder: string, env: Record<string, string>, closing: Closing) {
  const starting = Array.from({ length: count }, (_, at) =>
    startChatdrop({ dataDir: join(folder, `node-${at}`), env }),
  );
  const started = await Promise.allSettled(starting);
  const nodes = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  closing.push(() => Promise.all(nodes.map((node) => node.stop())));
  for (const each of started) if (each.status === 'rejected') throw each.reason;
  return nodes;
}

async function startFront(name: ProxyName, nodes: readonly Chatdrop[], closing: Closing): Promise<WebProxy> {
  const ports = nodes.map(({ port }) => port);
  const front = await startWebProxy(name, ports);
  closing.push(front.close);
  return front;
}

async function startStore(rgw: CephRgw, closing: Closing): Promise<TestStore> {
  const bucket = await makeBucket(rgw);
  const faults = await startS3FaultProxy(rgw.endpoint);
  closing.push(faults.stop);
  return { rgw, faults, bucket };
}
