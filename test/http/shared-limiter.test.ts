/** Limits that several nodes count together, in a real Redis; without it each counts for itself. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Count } from '../../server/http/limiter.ts';
import { inMemory } from '../../server/http/rate-limit.ts';
import { createRedisLimiters } from '../../server/http/shared-limiter.ts';
import { connectRedis, type RedisConnection } from '../../server/nodes/redis-connection.ts';
import { eventually } from '../services/eventually.ts';
import { startRedis, type TestRedis } from '../services/redis.ts';

const LIMIT = { name: 'uploads-user', windowSeconds: 60 };
const POINTS = 10;

describe('in Redis', () => {
  let redis: TestRedis;
  const connections: RedisConnection[] = [];
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterEach(async () => {
    for (const connection of connections.splice(0)) await connection.close();
  });
  afterAll(() => redis?.close());

  test('fifty at once on two nodes: exactly ten pass', async () => {
    const [a, b] = [await node(), await node()];
    const counts = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 ? a : b).consume('someone', POINTS)),
    );
    expect(counts.filter(({ allowed }) => allowed)).toHaveLength(10);
    expect(await a.look('someone', POINTS)).toMatchObject({ allowed: false, remaining: 0 });
    expect(await b.look('another', POINTS)).toEqual({ allowed: true, remaining: 10, resetSeconds: 60 });
  });

  test('what is given back on one node may be taken on the other', async () => {
    const [a, b] = [await node('second'), await node('second')];
    for (let times = 0; times < 10; times += 1) await a.consume('someone', POINTS);
    await a.giveBack('someone');
    expect((await b.consume('someone', POINTS)).allowed).toBe(true);
    expect((await b.consume('someone', POINTS)).allowed).toBe(false);
  });

  test('a long name, a strange one and an empty one are names like others', async () => {
    const limiter = await node('third');
    for (const key of ['x'.repeat(5000), '__proto__', 'a\0b', '\ud800', ''])
      expect(await limiter.consume(key, POINTS), key).toMatchObject({ allowed: true, remaining: 9 });
  });

  test('while Redis hangs or is away, each node counts for itself, and still refuses', async () => {
    const limiter = await node('fourth');
    redis.pause();
    expect((await limiter.consume('someone', POINTS)).allowed).toBe(true);
    await redis.stop();
    const counts: Count[] = [];
    for (let times = 0; times < 12; times += 1) counts.push(await limiter.consume('someone', POINTS));
    expect(counts.filter(({ allowed }) => allowed)).toHaveLength(9);
    await redis.start();
    await eventually('Redis counts again', async () => (await limiter.look('someone', POINTS)).allowed);
  });

  async function node(prefix = 'first') {
    const connection = connectRedis(redis.url, () => {});
    connections.push(connection);
    await eventually('connected', () => connection.isReady());
    return createRedisLimiters(connection, prefix, inMemory())(LIMIT);
  }
});
