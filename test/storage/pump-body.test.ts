/** The reading of a body: what waits in memory has a limit, and a slow disk is not an idle client. */
import { PassThrough, Readable } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { pumpBody } from '../../server/storage/pump-body.ts';

const MIB = 1024 * 1024;
const IDLE_MS = 60_000;
const options = { maxBytes: 100 * MIB, idleTimeoutMs: IDLE_MS, signal: new AbortController().signal };

afterEach(() => {
  vi.useRealTimers();
});

test('a disk that is slower than the idle timeout does not make the client an idle one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const chunks = Array.from({ length: 80 }, () => Buffer.alloc(64 * 1024));
  let writtenBytes = 0;
  const end = await pumpBody(Readable.from(chunks), options, async (_batch, bytes) => {
    // The body goes on as far as it may, then the clock.
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    vi.advanceTimersByTime(2 * IDLE_MS);
    writtenBytes += bytes;
  });
  expect([end, writtenBytes]).toEqual(['complete', 80 * 64 * 1024]);
});

test('a client that sends nothing for the idle timeout is idle, also after a slow disk', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const body = new PassThrough();
  body.write('first');
  const ended = pumpBody(body, options, async () => {});
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  vi.advanceTimersByTime(IDLE_MS);
  expect(await ended).toBe('idle');
});

test('while the disk is slow, little more than 1 MiB waits in memory', async () => {
  const chunks = Array.from({ length: 400 }, () => Buffer.alloc(64 * 1024));
  let largestBatch = 0;
  const end = await pumpBody(Readable.from(chunks), options, async (_batch, bytes) => {
    for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate);
    largestBatch = Math.max(largestBatch, bytes);
  });
  expect(end).toBe('complete');
  expect(largestBatch).toBeLessThanOrEqual(MIB + 64 * 1024);
});

test('a write that fails ends the reading with its error; a later error of the body harms nobody', async () => {
  const body = new PassThrough();
  const failed = pumpBody(body, options, () => Promise.reject(new Error('no room')));
  body.write('abc');
  await expect(failed).rejects.toThrow('no room');
  body.destroy(new Error('the client is gone'));
  await new Promise((resolve) => body.once('close', resolve));
});
