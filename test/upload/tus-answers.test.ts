/** How long an answer waits for a finish: what takes longer goes on, and is asked for again. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import { finishedInTime, finishedSoon } from '../../server/upload/tus-answers.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('in time: the file’s id, or what went wrong; no timer is left', async () => {
  expect(await finishedInTime(Promise.resolve(7))).toBe(7);
  expect(await finishedSoon(Promise.resolve(7))).toBe(7);
  for (const code of ['infected', 'scanner-unavailable', 'try-again'] as const)
    await expect(finishedInTime(Promise.reject(new Failure(code)))).rejects.toMatchObject({ code });
  expect(vi.getTimerCount()).toBe(0);
});

test('a finish that takes long is answered with 423, and what becomes of it later disturbs nobody', async () => {
  const finish = Promise.withResolvers<number>();
  const answer = expect(finishedInTime(finish.promise)).rejects.toMatchObject({ code: 'try-again', status: 423 });
  const soon = finishedSoon(finish.promise);
  await vi.advanceTimersByTimeAsync(10_000);
  await answer;
  expect(await soon).toBeNull();
  finish.reject(new Failure('infected'));
  await vi.advanceTimersByTimeAsync(1);
});
