/** What a node knows of policies: as of its last look, from few reads, and the newest when it is told. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { ChangedPolicy, StoredKey } from '../../server/database/company-policy-table.ts';
import { createCompanyPolicies } from '../../server/sharing/company-policies.ts';
import { testPolicy } from '../services/test-policy.ts';

/** The table as far as it is asked, with what it was asked. */
const rows = new Map<string, ChangedPolicy>();
const keys = new Map<string, StoredKey[]>();
let asked: string[] = [];
let fault: Error | null = null;
const table = {
  async find(company: string) {
    asked.push(company);
    if (fault !== null) throw fault;
    return { policy: '{}', version: 0, ...rows.get(company), updatedAt: null };
  },
  keysOf: async (company: string) => keys.get(company) ?? [],
  changedAfter: async (version: number, limit: number) =>
    [...rows.values()]
      .filter((row) => row.version > version)
      .sort((one, other) => one.version - other.version)
      .slice(0, limit),
};
let version = 0;
const write = (company: string, policy: object | string) => {
  version += 1;
  rows.set(company, { company, version, policy: typeof policy === 'string' ? policy : JSON.stringify(policy) });
};
const faults: string[] = [];
const create = () =>
  createCompanyPolicies({
    table,
    defaults: testPolicy({ maxFileSizeBytes: 1000, companyQuotaBytes: 5000 }),
    claims: { issuer: undefined, audience: undefined },
    jwksAt: () => {
      throw new Error('not asked here');
    },
    onFault: (company) => void faults.push(company),
  });

beforeEach(() => {
  rows.clear();
  keys.clear();
  asked = [];
  fault = null;
});

describe('a company without a policy', () => {
  test('is answered from the settings, and the database is not asked, whatever its name', async () => {
    write('a', { max_file_size: 7 });
    const policies = create();
    await policies.look();
    for (const name of ['b', '__proto__', 'constructor', '']) {
      expect(await policies.of(name)).toBe(policies.defaults);
      expect([policies.keysOf(name), policies.originsOf(name)]).toEqual([null, undefined]);
    }
    expect(asked).toEqual([]);
  });
});

describe('a company with one', () => {
  test('is read once, until it changes; a null is no bound, and what is left out is as in the settings', async () => {
    write('a', { max_file_size: 7000, quota: null });
    const policies = create();
    await policies.look();
    const all = await Promise.all([policies.of('a'), policies.of('a'), policies.keysOf('a')]);
    expect(all[0]).toMatchObject({ maxFileSizeBytes: 7000, companyQuotaBytes: undefined, uploadsPerMinute: 10 });
    await policies.look();
    await policies.of('a');
    expect(asked).toEqual(['a']);
    write('a', {});
    expect((await policies.of('a')).maxFileSizeBytes).toBe(7000);
    await policies.look();
    expect(await policies.of('a')).toEqual(policies.defaults);
    expect(asked).toEqual(['a', 'a']);
  });

  test('whose file size is raised has room for one such file on its way', async () => {
    write('a', { max_file_size: 2e9 });
    write('b', { max_file_size: 2e9, max_pending_size: 5 });
    const policies = create();
    await policies.look();
    expect([(await policies.of('a')).maxPendingBytes, (await policies.of('b')).maxPendingBytes]).toEqual([2e9, 5]);
  });

  test('that cannot be read for the moment is read by the next who asks', async () => {
    write('a', { max_file_size: 7 });
    const policies = create();
    await policies.look();
    fault = new Error('away');
    await expect(policies.of('a')).rejects.toThrow('away');
    fault = null;
    expect((await policies.of('a')).maxFileSizeBytes).toBe(7);
  });

  test('that nobody can read opens nothing, and keeps no other from being known', async () => {
    write('a', { max_file_size: 'large' });
    write('b', 'no JSON');
    write('c', { max_file_size: 7, a_field_of_a_newer_version: 1 });
    const policies = create();
    await policies.look();
    await expect(policies.of('a')).rejects.toThrow();
    await expect(policies.of('b')).rejects.toThrow();
    expect((await policies.of('c')).maxFileSizeBytes).toBe(7);
    expect([faults, policies.originsOf('a')]).toEqual([['a', 'b'], []]);
  });
});

test('of all together: the largest file and every origin, as of the last look; who listens hears of each change', async () => {
  const heard: string[] = [];
  const policies = create();
  policies.onChange((company) => heard.push(company));
  // More than a page.
  for (let at = 0; at < 1200; at += 1) write(`c${at}`, { allowed_origins: [`https://c${at}.example`] });
  write('large', { max_file_size: 9000 });
  await Promise.all([policies.look(), policies.look()]);
  expect([heard.length, new Set(heard).size]).toEqual([1201, 1201]);
  expect([policies.largestFileBytes(), policies.isAnyOrigin('https://c1199.example')]).toEqual([9000, true]);
  expect([policies.isAnyOrigin('https://x.example'), policies.originsOf('c7')]).toEqual([
    false,
    ['https://c7.example'],
  ]);
  write('large', {});
  write('c7', { allowed_origins: [] });
  await policies.look();
  expect([policies.largestFileBytes(), policies.isAnyOrigin('https://c7.example')]).toEqual([1000, false]);
  expect(heard.slice(1201)).toEqual(['large', 'c7']);
});
