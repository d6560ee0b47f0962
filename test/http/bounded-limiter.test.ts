/** The counter in memory: exact for each key, and never more keys than it may have. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createBoundedLimiter } from '../../server/http/bounded-limiter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const create = (maxKeys = 100) => createBoundedLimiter({ points: 2, windowSeconds: 60, maxKeys });

describe('a key', () => {
  test('is counted by itself, up to the limit, and again when its minute is over', async () => {
    const limiter = create();
    expect(await limiter.look('a')).toEqual({ allowed: true, remaining: 2, resetSeconds: 60 });
    expect(await limiter.consume('a')).toEqual({ allowed: true, remaining: 1, resetSeconds: 60 });
    vi.advanceTimersByTime(20_500);
    expect(await limiter.consume('a')).toEqual({ allowed: true, remaining: 0, resetSeconds: 40 });
    expect(await limiter.look('a')).toEqual({ allowed: false, remaining: 0, resetSeconds: 40 });
    expect(await limiter.consume('a')).toEqual({ allowed: false, remaining: 0, resetSeconds: 40 });
    expect((await limiter.consume('b')).allowed).toBe(true);
    vi.advanceTimersByTime(39_500);
    expect(await limiter.consume('a')).toEqual({ allowed: true, remaining: 1, resetSeconds: 60 });
  });

  test('gets back what was taken for nothing', async () => {
    const limiter = create();
    await limiter.consume('a');
    await limiter.consume('a');
    await limiter.giveBack('a');
    expect((await limiter.consume('a')).allowed).toBe(true);
    expect((await limiter.consume('a')).allowed).toBe(false);
  });

  test('of any name is a key like others', async () => {
    const limiter = create();
    for (const key of ['__proto__', 'constructor', '']) expect((await limiter.consume(key)).allowed, key).toBe(true);
  });
});

describe('with all places taken', () => {
  test('whoever began first is forgotten, and nobody else', async () => {
    const limiter = create(3);
    for (const key of ['a', 'b', 'c']) for (let n = 0; n < 2; n += 1) await limiter.consume(key);
    await limiter.consume('d');
    const left = async (key: string) => (await limiter.look(key)).remaining;
    expect([await left('a'), await left('b'), await left('c'), await left('d')]).toEqual([2, 0, 0, 1]);
  });

  test('a key whose new minute has begun is no longer the first', async () => {
    const limiter = create(2);
    await limiter.consume('a');
    vi.advanceTimersByTime(30_000);
    await limiter.consume('b');
    vi.advanceTimersByTime(30_000);
    await limiter.consume('a');
    await limiter.consume('c');
    expect((await limiter.look('a')).remaining).toBe(1);
    expect((await limiter.look('b')).remaining).toBe(2);
  });

  test('a flood of keys leaves as many as there are places, and no timer for the others', async () => {
    const limiter = create(50);
    for (let n = 0; n < 5000; n += 1) await limiter.consume(`key-${n}`);
    expect(vi.getTimerCount()).toBe(50);
    expect((await limiter.look('key-4949')).remaining).toBe(2);
    expect((await limiter.look('key-4950')).remaining).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect(vi.getTimerCount()).toBe(0);
  });
});
