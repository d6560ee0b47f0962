/** What nodes tell each other: bundled, bounded, to all others; over a real Redis, also one that stops and comes back. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { UploadProgress } from '../../server/contract/events.ts';
import { type Carrier, createNodeBus } from '../../server/nodes/node-bus.ts';
import type { NodeMessage } from '../../server/nodes/node-message.ts';
import { createRedisCarrier } from '../../server/nodes/redis-carrier.ts';
import { connectRedis } from '../../server/nodes/redis-connection.ts';
import { eventually } from '../services/eventually.ts';
import { startRedis, type TestRedis } from '../services/redis.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

describe('what waits for the carrier', () => {
  test('goes out in bundles that fit; a company is woken once, an upload says its newest only', async () => {
    const { carrier, told, texts, letGo } = testCarrier(2000);
    const bus = await createNodeBus({ node: 'a', carrier, onMessage: () => {} });
    bus.tell(wake('first'));
    await eventually('the first is on its way', () => texts.length === 1);
    for (let times = 0; times < 50; times += 1) {
      bus.tell(wake('acme'));
      bus.tell(progress('one', times));
      bus.tell(progress(`other-${times}`, 1));
    }
    letGo();
    await bus.close();
    expect(Math.max(...texts.map((text) => Buffer.byteLength(text)))).toBeLessThanOrEqual(2000);
    expect(told().filter(({ type }) => type === 'wake')).toEqual([wake('first'), wake('acme')]);
    expect(told()).toHaveLength(2 + 1 + 50);
    expect(told()).toContainEqual(progress('one', 49));
  });

  test('is bounded', async () => {
    const { carrier, told, texts, letGo } = testCarrier(1_000_000);
    const bus = await createNodeBus({ node: 'a', carrier, onMessage: () => {} });
    bus.tell(wake('first'));
    await eventually('the first is on its way', () => texts.length === 1);
    for (let upload = 0; upload < 3000; upload += 1) bus.tell(progress(`${upload}`, 1));
    for (let company = 0; company < 20_000; company += 1) bus.tell(wake(`${company}`));
    letGo();
    await bus.close();
    expect(told().filter(({ type }) => type === 'progress')).toHaveLength(1000);
    expect(told().filter(({ type }) => type === 'wake')).toHaveLength(1 + 10_000);
    expect(told()).toContainEqual(progress('2999', 1));
  });

  test('is dropped when the carrier fails, and what comes after it goes out', async () => {
    const { carrier, told, texts, letGo } = testCarrier(1000, new Error('away'));
    const bus = await createNodeBus({ node: 'a', carrier, onMessage: () => {} });
    bus.tell(wake('lost'));
    await eventually('it is on its way', () => texts.length === 1);
    letGo();
    bus.tell(wake('acme'));
    await bus.close();
    expect(told()).toEqual([wake('lost'), wake('acme')]);
  });
});

test('what is of another kind is dropped, and so is what the node said itself', async () => {
  const heard: NodeMessage[] = [];
  const { carrier, say } = testCarrier(1000);
  await createNodeBus({ node: 'a', carrier, onMessage: (message) => heard.push(message) });
  for (const text of ['', '{', 'null', '[]', '{"node":"b"}', '{"node":"b","messages":[{"type":"reboot"}]}']) say(text);
  say(JSON.stringify({ node: 'a', messages: [wake('own')] }));
  expect(heard).toEqual([]);
  say(JSON.stringify({ node: 'b', messages: [wake('acme'), progress('one', 5)] }));
  expect(heard).toEqual([wake('acme'), progress('one', 5)]);
});

describe('over Redis', () => {
  let redis: TestRedis;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis?.close());

  test('all others hear it, in order; the node itself and other installations do not', async () => {
    const [a, b, c, stranger] = await Promise.all([node('a'), node('b'), node('c'), node('b', 'another')]);
    const last = progress('two', 900, '\u{1F600} “film”\u2028.mp4');
    a.bus.tell(wake('acme'));
    a.bus.tell(progress('one', 100));
    a.bus.tell(last);
    await eventually('both hear all', () => [b, c].every(({ heard }) => heard.length >= 3));
    for (const { heard } of [b, c]) expect(heard).toEqual([wake('acme'), progress('one', 100), last]);
    expect(a.heard).toEqual([]);
    expect(stranger.heard).toEqual([]);
  });

  test('a Redis that dies and comes back is found again, told of once, and nobody waits for it', async () => {
    const [a, b] = await Promise.all([node('a'), node('b')]);
    await redis.stop();
    await eventually('it is missed', () => !a.connection.isReady() && !b.connection.isReady());
    for (let times = 0; times < 100; times += 1) a.bus.tell(progress(`${times}`, times));
    await sleep(100);
    await redis.start();
    await eventually('both are back', () => a.connection.isReady() && b.connection.isReady());
    await eventually('b hears again', () => {
      a.bus.tell(wake('acme'));
      return b.heard.some(({ type }) => type === 'wake');
    });
    expect(a.faults).toHaveLength(1);
  });

  test('a node that starts while Redis is away works without, and hears when it is there', async () => {
    await redis.stop();
    const [a, b] = await Promise.all([node('a'), node('b')]);
    expect([a, b].some(({ connection }) => connection.isReady())).toBe(false);
    await redis.start();
    await eventually('b hears', () => {
      a.bus.tell(wake('acme'));
      return b.heard.length > 0;
    });
  });

  test('a Redis that hangs is told of once, holds up nobody, and is heard again when it goes on', async () => {
    const [a, b] = await Promise.all([node('a'), node('b')]);
    redis.pause();
    for (let times = 0; times < 50; times += 1) a.bus.tell(progress(`${times}`, times));
    await eventually('it is missed', () => !a.connection.isReady() && !b.connection.isReady());
    await expect(a.connection.inTime((client) => client.ping())).rejects.toThrow('away');
    // Ends although what was sent has no answer.
    await a.bus.close();
    redis.resume();
    await eventually('both are back', () => a.connection.isReady() && b.connection.isReady());
    const c = await node('c');
    await eventually(
      'b hears again',
      () => {
        c.bus.tell(wake('acme'));
        return b.heard.some(({ type }) => type === 'wake');
      },
      30_000,
    );
    expect(a.faults).toHaveLength(1);
  });

  test('a Redis that hangs for good is left, and another in its place is found', async () => {
    const [a, b] = await Promise.all([node('a'), node('b')]);
    redis.pause();
    await eventually('it is missed', () => !a.connection.isReady(), 30_000);
    await redis.stop();
    await redis.start();
    await eventually(
      'b hears again',
      () => {
        a.bus.tell(wake('acme'));
        return b.heard.some(({ type }) => type === 'wake');
      },
      30_000,
    );
  });

  async function node(name: string, installation = 'one') {
    const heard: NodeMessage[] = [];
    const faults: unknown[] = [];
    const connection = connectRedis(redis.url, (fault) => faults.push(fault));
    closing.push(() => connection.close());
    if (redis.isRunning()) await eventually('connected', () => connection.isReady());
    const carrier = createRedisCarrier(connection, `chatdrop:${installation}`);
    const bus = await createNodeBus({ node: name, carrier, onMessage: (message) => heard.push(message) });
    closing.push(() => bus.close());
    return { bus, heard, faults, connection };
  }
});

function wake(company: string): NodeMessage {
  return { type: 'wake', company };
}

function progress(upload: string, offset: number, name = 'film.mp4'): NodeMessage {
  const event: UploadProgress = {
    type: 'upload_progress',
    upload_id: upload,
    company_id: 'acme',
    session_id: '1',
    uploader: 'user',
    name,
    size: 1000,
    offset,
    state: 'uploading',
  };
  return { type: 'progress', event, exceptParticipant: 'user:acme:1' };
}

/** Keeps what it is to send. Its first text takes until `letGo`, and fails then if it is to. */
function testCarrier(maxBytes: number, fault?: Error) {
  const texts: string[] = [];
  const listeners: ((text: string) => void)[] = [];
  let letGo = () => {};
  const held = new Promise<void>((resolve, reject) => {
    letGo = () => (fault === undefined ? resolve() : reject(fault));
  });
  const carrier: Carrier = {
    maxBytes,
    send: async (text) => {
      texts.push(text);
      if (texts.length === 1) await held;
    },
    onText: async (listener) => void listeners.push(listener),
    close: async () => {},
  };
  return {
    carrier,
    texts,
    told: () => texts.flatMap((text) => JSON.parse(text).messages as NodeMessage[]),
    letGo: () => letGo(),
    say: (text: string) => {
      for (const listener of listeners) listener(text);
    },
  };
}
