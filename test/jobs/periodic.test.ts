/** The chores' pace, and what is noted of their faults. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createChoreTable } from '../../server/database/chore-table.ts';
import { startPeriodic } from '../../server/jobs/periodic.ts';
import { createReportChores } from '../../server/jobs/report-chores.ts';
import { openTestDatabase } from '../services/test-database.ts';

describe('a chore', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('runs at its pace; one that fails waits longer, at most five minutes, and then has its pace again', async () => {
    const told: unknown[] = [];
    let failing = 8;
    let runs = 0;
    const run = async () => {
      runs += 1;
      if (runs > 2 && failing > 0) {
        failing -= 1;
        throw new Error('no');
      }
    };
    const periodic = startPeriodic([{ name: 'sweep', everyMs: 5000, run }], {
      failed: async (name, _error, nextInMs) => void told.push([name, nextInMs / 1000]),
      works: async (name) => void told.push(name),
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect([runs, told]).toEqual([2, ['sweep']]);
    await vi.advanceTimersByTimeAsync(60 * 60_000);
    const waits = [10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => ['sweep', seconds]);
    expect(told).toEqual(['sweep', ...waits, 'sweep']);
    const before = runs;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(runs - before).toBe(2);
    const stopped = periodic.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    await stopped;
    expect(runs - before).toBe(2);
  });

  test('that is slower than five minutes keeps its own pace', async () => {
    const waits: number[] = [];
    const run = () => Promise.reject(new Error('no'));
    const report = { failed: async (_: string, __: unknown, ms: number) => void waits.push(ms), works: async () => {} };
    const periodic = startPeriodic([{ name: 'hourly', everyMs: 3_600_000, run }], report);
    await vi.advanceTimersByTimeAsync(3 * 3_600_000);
    expect(waits).toEqual([3_600_000, 3_600_000, 3_600_000]);
    await periodic.stop();
  });
});

test('faults are counted in the database, in a row and in all; a database that is away ends nothing', async () => {
  const open = await openTestDatabase();
  const chores = createChoreTable(open.database);
  const logged: unknown[] = [];
  const log = { error: (...args: unknown[]) => void logged.push(args) };
  const report = createReportChores({ chores, log, now: () => 1000 });
  await report.works('sweep');
  expect(await chores.list()).toEqual([]);
  await report.failed('sweep', new Error('one'), 10);
  await report.failed('sweep', new Error('two'), 20);
  const faults = { name: 'sweep', failuresTotal: 2, lastError: 'Error: two', lastFailedAt: 1000, nextAttemptAt: 1020 };
  expect(await chores.list()).toEqual([{ ...faults, failures: 2 }]);
  await report.works('sweep');
  expect(await chores.list()).toEqual([{ ...faults, failures: 0 }]);
  await open.remove();
  await report.failed('sweep', new Error('three'), 20);
  await report.works('sweep');
  expect(logged).toHaveLength(5);
});
