/** When `doctor` takes the clock for wrong. */
import { expect, test } from 'vitest';
import { judgeClock } from '../../server/commands/doctor/check-clock.ts';

const NOW = Date.UTC(2026, 10, 22);
const RIGHT = { nowMs: NOW, installedAtMs: NOW - 1000, newestEntryAtMs: NOW - 500, driftMs: 3 };

test.each([
  ['right', {}, true, '2026-11-22'],
  ['in an empty ledger', { newestEntryAtMs: null }, true, ''],
  ['a little behind the newest entry', { newestEntryAtMs: NOW + 4000 }, true, ''],
  ['behind the newest entry', { newestEntryAtMs: NOW + 60_000 }, false, 'newest entry'],
  ['before the installation', { installedAtMs: NOW + 60_000 }, false, 'installed'],
  ['set forward meanwhile', { driftMs: 900 }, false, 'jumped by 900 ms'],
  ['set back meanwhile', { driftMs: -900 }, false, 'jumped by -900 ms'],
])('%s', (_what, over, ok, detail) => {
  const check = judgeClock({ ...RIGHT, ...over });
  expect([check.ok, check.detail]).toEqual([ok, expect.stringContaining(detail)]);
  expect(check.remedy === undefined).toBe(ok);
});
