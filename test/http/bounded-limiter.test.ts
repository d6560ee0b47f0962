/** The counter in memory: exact for each key, and never more keys than it may have. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createBoundedLimiter } from '../../server/http/bounded-limiter.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const POINTS = 2;
const create = (maxKeys = 100) => createBoundedLimiter({ windowSeconds: 60, maxKeys });

describe('a key', () => {
  test('is counted by itself, up to the limit, and again when its minute is over', async () => {
    const limiter = create();
    expect(await limiter.look('a', POINTS)).toEqual({ allowed: true, remaining: 2, resetSeconds: 60 });
    expect(await limiter.consume('a', POINTS)).toEqual({ allowed: true, remaining: 1, resetSeconds: 60 });
    vi.advanceTimersByTime(20_500);
    expect(await limiter.consume('a', POINTS)).toEqual({ allowed: true, remaining: 0, resetSeconds: 40 });
    expect(await limiter.look('a', POINTS)).toEqual({ allowed: false, remaining: 0, resetSeconds: 40 });
    expect(await limiter.consume('a', POINTS)).toEqual({ allowed: false, remaining: 0, resetSeconds: 40 });
    expect((await limiter.consume('b', POINTS)).allowed).toBe(true);
    vi.advanceTimersByTime(39_500);
    expect(await limiter.consume('a', POINTS)).toEqual({ allowed: true, remaining: 1, resetSeconds: 60 });
  });

  test('gets back what was taken for nothing', async () => {
    const limiter = create();
    await limiter.consume('a', POINTS);
    await limiter.consume('a', POINTS);
    await limiter.giveBack('a');
    expect((await limiter.consume('a', POINTS)).allowed).toBe(true);
    expect((await limiter.consume('a', POINTS)).allowed).toBe(false);
  });

  test('is held against the limit of the call: one that was raised lets it go on, one that was lowered does not', async () => {
    const limiter = create();
    for (let n = 0; n < 3; n += 1) await limiter.consume('a', 3);
    expect((await limiter.consume('a', 3)).allowed).toBe(false);
    expect(await limiter.consume('a', 10)).toMatchObject({ allowed: true, remaining: 5 });
    expect(await limiter.look('a', 4)).toMatchObject({ allowed: false, remaining: 0 });
  });

  test('of any name is a key like others', async () => {
    const limiter = create();
    for (const key of ['__proto__', 'constructor', ''])
      expect((await limiter.consume(key, POINTS)).allowed, key).toBe(true);
  });
});

describe('with all places taken', () => {
  test('whoever began first is forgotten, and nobody else', async () => {
    const limiter = create(3);
    for (const key of ['a', 'b', 'c']) for (let n = 0; n < 2; n += 1) await limiter.consume(key, POINTS);
    await limiter.consume('d', POINTS);
    const left = async (key: string) => (await limiter.look(key, POINTS)).remaining;
    expect([await left('a'), await left('b'), await left('c'), await left('d')]).toEqual([2, 0, 0, 1]);
  });

  test('a key whose new minute has begun is no longer the first', async () => {
    const limiter = create(2);
    await limiter.consume('a', POINTS);
    vi.advanceTimersByTime(30_000);
    await limiter.consume('b', POINTS);
    vi.advanceTimersByTime(30_000);
    await limiter.consume('a', POINTS);
    await limiter.consume('c', POINTS);
    expect((await limiter.look('a', POINTS)).remaining).toBe(1);
    expect((await limiter.look('b', POINTS)).remaining).toBe(2);
  });

  test('a flood of keys leaves as many as there are places, and no timer', async () => {
    const limiter = create(50);
    for (let n = 0; n < 5000; n += 1) await limiter.consume(`key-${n}`, POINTS);
    expect(vi.getTimerCount()).toBe(0);
    expect((await limiter.look('key-4949', POINTS)).remaining).toBe(2);
    expect((await limiter.look('key-4950', POINTS)).remaining).toBe(1);
    vi.advanceTimersByTime(60_000);
    expect((await limiter.look('key-4999', POINTS)).remaining).toBe(2);
  });
});
