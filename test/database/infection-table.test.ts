/** Bytes that are known to be bad, and who brought them: each find once, however often it is noted. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createInfectionTable, type Infection, type InfectionTable } from '../../server/database/infection-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const BAD = 'ab'.repeat(32);
let open: TestDatabase;
let infections: InfectionTable;
beforeAll(async () => {
  open = await openTestDatabase();
  infections = createInfectionTable(open.database);
});
beforeEach(async () => {
  await open.database('infections').delete();
  await open.database('known_bad_files').delete();
});
afterAll(() => open.remove());

test('a find is noted once, also by two finishes at the same time; the first name of the virus stays', async () => {
  const find = infection({ uploadId: 'u1', subject: 'anna', uploader: 'agent' });
  expect((await Promise.all([add(find), add(find)])).sort()).toEqual([false, true]);
  await add(infection({ uploadId: 'u2', company: 'other', signature: 'Another.Name', foundAt: 2 }));
  expect(await infections.list(10)).toMatchObject([
    infection({ uploadId: 'u2', company: 'other', signature: 'Another.Name', foundAt: 2 }),
    find,
  ]);
  expect(await infections.list(10, { company: 'company' })).toMatchObject([find]);
  const newest = await infections.list(1);
  expect(newest).toMatchObject([{ uploadId: 'u2' }]);
  expect(await infections.list(10, { beforeId: newest[0]?.id })).toMatchObject([find]);
  expect(await infections.list(10, { company: 'other', beforeId: newest[0]?.id })).toEqual([]);
  expect(await infections.findBad(BAD)).toEqual({ sha256: BAD, sizeBytes: 3_000_000_000, signature: 'Test.Virus' });
});

test('only a file of that size is worth a look', async () => {
  await add(infection());
  expect(await Promise.all([3_000_000_000, 3_000_000_001, 0].map((size) => infections.knowsBadOfSize(size)))).toEqual([
    true,
    false,
    false,
  ]);
  expect(await infections.findBad('cd'.repeat(32))).toBeNull();
});

test('bytes that are bad no more are forgotten, and the finds stay; old finds go, and the bytes stay known', async () => {
  await add(infection({ uploadId: 'old', foundAt: 1000 }));
  await add(infection({ uploadId: 'new', foundAt: 2000 }));
  expect(await infections.purge(2000)).toBe(1);
  expect((await infections.list(10)).map(({ uploadId }) => uploadId)).toEqual(['new']);
  expect(await infections.findBad(BAD)).not.toBeNull();
  const forget = () => open.database.transaction((transaction) => infections.forget(transaction, BAD));
  expect([await forget(), await forget()]).toEqual([true, false]);
  expect([await infections.findBad(BAD), await infections.knowsBadOfSize(3_000_000_000)]).toEqual([null, false]);
  expect(await infections.list(10)).toHaveLength(1);
});

function add(find: Infection): Promise<boolean> {
  return open.database.transaction((transaction) => infections.add(transaction, find));
}

function infection(over: Partial<Infection> = {}): Infection {
  return {
    uploadId: 'upload',
    fileId: null,
    company: 'company',
    session: 'session',
    uploader: 'user',
    subject: null,
    name: 'a.pdf',
    sha256: BAD,
    sizeBytes: 3_000_000_000,
    signature: 'Test.Virus',
    foundAt: 1,
    ...over,
  };
}
