/** The hashes of a thread are those of this one, whatever is asked for at once. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { afterEach, expect, test, vi } from 'vitest';
import { createMd5Thread } from '../../server/storage/md5-thread.ts';
import { createBodyGuard } from '../../server/storage/s3-body-guard.ts';

const MIB = 1024 * 1024;

afterEach(() => void vi.useRealTimers());

test('blocks of all sizes, many at once: each gets its own hash, and what was read stays as it is', async () => {
  const thread = createMd5Thread();
  const sizes = [1, MIB - 1, MIB, MIB + 1, 3 * MIB, 4 * MIB + 7, 9 * MIB];
  const blocks = [...sizes, ...sizes].map((bytes) => randomBytes(bytes));
  const before = blocks.map((block) => createHash('md5').update(block).digest('base64'));
  expect(await Promise.all(blocks.map(thread.digest))).toEqual(before);
  expect(blocks.map((block) => createHash('md5').update(block).digest('base64'))).toEqual(before);
});

test('a thread that ends in the middle: the hash is made here, and the next body has a new thread', async () => {
  const body = randomBytes(9 * MIB);
  const md5 = createHash('md5').update(body).digest('base64');
  const threads: Worker[] = [];
  const onThread = (thread: Worker) => {
    threads.push(thread);
    if (threads.length === 1) void thread.terminate();
  };
  process.on('worker', onThread);
  const guard = createBodyGuard();
  for (const count of [1, 2, 2]) {
    expect(await guard('http:', body)).toMatchObject({ 'content-md5': md5 });
    expect(threads.length).toBe(count);
  }
  process.off('worker', onThread);
});

test('a thread that nobody needs ends, and not while it is needed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const started = once(process, 'worker') as Promise<[Worker]>;
  const thread = createMd5Thread();
  await thread.digest(randomBytes(2 * MIB));
  const [worker] = await started;
  vi.advanceTimersByTime(9_000);
  await thread.digest(randomBytes(2 * MIB));
  vi.advanceTimersByTime(9_000);
  expect(worker.threadId).toBeGreaterThan(0);
  const ended = once(worker, 'exit');
  vi.advanceTimersByTime(1_000);
  await ended;
});
