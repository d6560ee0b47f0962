/** Policies and keys: each change has the next number, whoever has seen one has seen all before it, and what fails leaves none. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCompanyPolicyTable, type StoredKey } from '../../server/database/company-policy-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

const table = () => createCompanyPolicyTable(open.database);
const key = (id: string, fingerprint = id): StoredKey => ({
  ...{ id, kind: 'secret', material: `material of ${fingerprint}`, fingerprint },
  createdAt: 5,
});
const lastVersion = async () => (await table().changedAfter(0, 1000)).at(-1)?.version ?? 0;

describe('a change', () => {
  test('is decided by what is there, and has the next number', async () => {
    expect(await table().find('a')).toEqual({ policy: '{}', version: 0, updatedAt: null });
    const first = await table().change('a', 7, () => '{"quota":1}');
    const second = await table().change('a', 8, ({ policy, version }) => {
      expect([policy, version]).toEqual(['{"quota":1}', first.version]);
      return '{"quota":2}';
    });
    expect(second.version).toBe(first.version + 1);
    expect(await table().find('a')).toEqual({ policy: '{"quota":2}', version: second.version, updatedAt: 8 });
  });

  test('that is refused changes nothing, and uses no number', async () => {
    const version = await lastVersion();
    const refused = table().change('b', 7, () => {
      throw new Error('no');
    });
    await expect(refused).rejects.toThrow('no');
    expect(await table().find('b')).toMatchObject({ version: 0 });
    expect((await table().change('c', 7, () => '{}')).version).toBe(version + 1);
  });

  test('fifty at once, while somebody reads: nobody who goes on from the last number misses one', async () => {
    const seen = new Set<string>();
    let last = await lastVersion();
    let isOver = false;
    const reading = (async () => {
      for (let isLast = false; !isLast; ) {
        isLast = isOver;
        for (const { company, version } of await table().changedAfter(last, 3)) {
          seen.add(company);
          last = version;
        }
        if (isLast) isLast = (await table().changedAfter(last, 1)).length === 0;
      }
    })();
    const names = Array.from({ length: 50 }, (_, at) => `crowd-${at}`);
    const versions = await Promise.all(names.map(async (name) => (await table().change(name, 1, () => '{}')).version));
    isOver = true;
    await reading;
    expect([new Set(versions).size, [...seen].sort()]).toEqual([50, names.toSorted()]);
  });
});

describe('keys', () => {
  test('are added and removed, each a change of their company; the same one, by id or by itself, is not added twice', async () => {
    await table().change('k', 1, () => '{"quota":9}');
    const before = await lastVersion();
    expect(await table().addKey('k', key('one'))).toBeNull();
    expect(await table().addKey('k', key('two'))).toBeNull();
    expect(await table().changedAfter(before, 10)).toMatchObject([
      { company: 'k', policy: '{"quota":9}', version: before + 2 },
    ]);
    expect(await table().addKey('k', key('one', 'other'))).toBe('same-id');
    expect(await table().addKey('k', key('three', 'one'))).toBe('same-key');
    expect(await table().addKey('l', key('one'))).toBeNull();
    expect((await table().keysOf('k')).map(({ id }) => id)).toEqual(['one', 'two']);
    expect(await table().removeKey('k', 'three', 6)).toBe(false);
    expect(await table().removeKey('k', 'one', 6)).toBe(true);
    expect(await table().keysOf('k')).toEqual([key('two')]);
    expect(await table().keysOf('l')).toEqual([key('one')]);
    expect(await table().find('k')).toMatchObject({ policy: '{"quota":9}', updatedAt: 6 });
  });

  test('are ten at most, however many come at once', async () => {
    const added = await Promise.all(Array.from({ length: 15 }, (_, at) => table().addKey('m', key(`key-${at}`))));
    expect(added.filter((refusal) => refusal === null)).toHaveLength(10);
    expect(added.filter((refusal) => refusal === 'too-many')).toHaveLength(5);
  });
});

test('the list has who holds bytes and who has something of their own, by name', async () => {
  await open.database('company_usage').insert([
    { company_id: 'list-a', bytes: 5 },
    { company_id: 'list-c', bytes: 7 },
  ]);
  await table().addKey('list-b', key('one'));
  const { version } = await table().change('list-c', 1, () => '{}');
  expect(
    await table()
      .list('list-', 10)
      .then((rows) => rows.filter(({ company }) => company.startsWith('list-'))),
  ).toEqual([
    { company: 'list-a', bytes: 5, version: 0, keys: 0 },
    { company: 'list-b', bytes: 0, version: version - 1, keys: 1 },
    { company: 'list-c', bytes: 7, version, keys: 0 },
  ]);
  expect((await table().list('list-a', 1)).map(({ company }) => company)).toEqual(['list-b']);
});
