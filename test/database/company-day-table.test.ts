/** `company_days`: what uploads of a day reserve and have become; what ended without a file is given back to its day. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createCompanyDayTable } from '../../server/database/company-day-table.ts';
import { runnerOf } from '../../server/database/run-statements.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const DAY_MS = 86_400_000;
const TODAY = 20_000 * DAY_MS + 12 * 3_600_000;
let open: TestDatabase;
let made = 0;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

const bytesOn = (company: string, atMs = TODAY) =>
  runnerOf(open.database).read(() => createCompanyDayTable(open.database).steps.bytesOn(company, atMs));

/** @returns changes the row */
async function upload(company: string, reservedBytes: number, over: Record<string, unknown> = {}) {
  made += 1;
  const id = `upload-${made}`;
  await open.database('uploads').insert({
    ...{ id, company_id: company, session_id: 's', uploader: 'user', name: 'a', size: reservedBytes },
    ...{ reserved_bytes: reservedBytes, created_at: TODAY, expires_at: TODAY + 1, state: 'open' },
    ...over,
  });
  return (change: Record<string, unknown>) => open.database('uploads').where({ id }).update(change);
}

test('counts what is reserved, then what it has become; nothing of what ends otherwise', async () => {
  const shared = await upload('a', 100);
  const growing = await upload('a', 10, { size: null });
  expect(await bytesOn('a')).toBe(110);
  await growing({ reserved_bytes: 1000 });
  await shared({ state: 'finishing' });
  expect(await bytesOn('a')).toBe(1100);
  await shared({ state: 'finished' });
  // It had reserved more than has come.
  await growing({ size: 900 });
  await growing({ state: 'finishing' });
  await growing({ state: 'finished' });
  expect(await bytesOn('a')).toBe(1000);
  for (const state of ['rejected', 'aborted', 'expired']) await (await upload('a', 50))({ state });
  expect([await bytesOn('a'), await bytesOn('b')]).toEqual([1000, 0]);
  // A day later the rows are forgotten, and the day is what it was.
  await open.database('uploads').where({ company_id: 'a' }).delete();
  expect(await bytesOn('a')).toBe(1000);
});

test('a parallel upload counts by its parts, once', async () => {
  const parts = [
    await upload('p', 60, { upload_concat: 'partial' }),
    await upload('p', 40, { upload_concat: 'partial' }),
  ];
  const final = await upload('p', 0, { size: 100, upload_concat: 'final;/a /b' });
  expect(await bytesOn('p')).toBe(100);
  await final({ state: 'finishing' });
  await final({ state: 'finished' });
  for (const part of parts) await part({ state: 'joined' });
  expect(await bytesOn('p')).toBe(100);
});

test('each upload counts on the day on which it began, and old days are forgotten', async () => {
  const lateMs = TODAY - DAY_MS;
  const yesterdays = await upload('d', 70, { created_at: lateMs });
  await upload('d', 5);
  expect([await bytesOn('d', lateMs), await bytesOn('d')]).toEqual([70, 5]);
  await yesterdays({ state: 'aborted' });
  expect([await bytesOn('d', lateMs), await bytesOn('d')]).toEqual([0, 5]);
  await createCompanyDayTable(open.database).forget(TODAY);
  expect(await open.database('company_days').where('day', '<', 20_000)).toEqual([]);
  expect(await bytesOn('d')).toBe(5);
});
