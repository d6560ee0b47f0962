/** The audit's rows: filters, order, pages, and their end. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { auditEntry, createAuditTable, type Deed } from '../../server/database/audit-table.ts';
import { actorOf, clientAt, linkHolder, SERVER } from '../../server/rules/actor.ts';
import { createAuditLog } from '../../server/sharing/audit-log.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

const agent = actorOf({ role: 'agent', subject: 'ann' }, clientAt('2001:db8::1', 'Browser/1'));
const deed = (company: string, more: Partial<Deed> = {}): Deed => ({
  action: 'opened',
  company,
  session: 's',
  ...more,
});

test('an entry comes back as it went in, and goes with its transaction', async () => {
  const audit = createAuditTable(open.database);
  const entry = auditEntry(
    agent,
    deed('a', { fileId: 2 ** 40, name: 'Ünï “x”', detail: { files: 3 } }),
    1_800_000_000_000,
  );
  await open.database.transaction((transaction) => audit.add(transaction, entry));
  const [kept] = await audit.list({ company: 'a' }, { order: 'newest', beyondId: null, limit: 10 });
  expect(kept).toEqual({ ...entry, id: kept?.id });
  expect(kept?.detail).toEqual({ user_agent: 'Browser/1', files: 3 });
  const undone = open.database.transaction(async (transaction) => {
    await audit.add(transaction, entry);
    throw new Error('undone');
  });
  await expect(undone).rejects.toThrow('undone');
  expect(await audit.list({ company: 'a' }, { order: 'newest', beyondId: null, limit: 10 })).toHaveLength(1);
});

test('an entry cannot be changed, by whichever statement; the other entries of it stay too', async () => {
  const audit = createAuditTable(open.database);
  await audit.addAll([auditEntry(agent, deed('fixed', { name: 'a.png' }), 1)]);
  const change = (to: object) => open.database('audit_entries').where({ company_id: 'fixed' }).update(to);
  for (const to of [{ name: 'b.png' }, { at: 2 }, { company_id: 'other' }, { subject: null }])
    await expect(change(to)).rejects.toThrow('entries of the audit do not change');
  const page = { order: 'newest', beyondId: null, limit: 10 } as const;
  expect(await audit.list({ company: 'fixed' }, page)).toMatchObject([{ name: 'a.png', at: 1, subject: 'ann' }]);
});

test('filters and pages, both ways', async () => {
  const audit = createAuditTable(open.database);
  const entries = Array.from({ length: 1200 }, (_, at) =>
    auditEntry(
      at % 2 === 0 ? SERVER : linkHolder(clientAt('', undefined)),
      deed('b', { session: at < 600 ? 's' : 't' }),
      at,
    ),
  );
  await audit.addAll(entries);
  const all = { order: 'oldest', beyondId: null, limit: 2000 } as const;
  expect((await audit.list({ company: 'b' }, all)).map(({ at }) => at)).toEqual(entries.map(({ at }) => at));
  const newest = await audit.list({ company: 'b', session: 't' }, { order: 'newest', beyondId: null, limit: 2 });
  expect(newest.map(({ at }) => at)).toEqual([1199, 1198]);
  const next = await audit.list({ company: 'b' }, { order: 'newest', beyondId: newest[1]?.id ?? 0, limit: 2 });
  expect(next.map(({ at }) => at)).toEqual([1197, 1196]);
  expect(await audit.list({ company: 'b', sinceMs: 10, untilMs: 15 }, all)).toHaveLength(5);
  expect(await audit.list({ company: 'b', action: 'deleted' }, all)).toEqual([]);
  expect(newest[0]).toMatchObject({ role: 'link', address: null, detail: {} });
});

test('what is older goes', async () => {
  const audit = createAuditTable(open.database);
  await audit.addAll([1, 2, 3].map((at) => auditEntry(SERVER, deed('c'), at)));
  expect(await audit.forget(3)).toBeGreaterThanOrEqual(2);
  const left = await audit.list({ company: 'c' }, { order: 'oldest', beyondId: null, limit: 10 });
  expect(left.map(({ at }) => at)).toEqual([3]);
});

test('what waits is written together, in order, once; while the database is away it waits, within a bound', async () => {
  const audit = createAuditTable(open.database);
  let isAway = true;
  let lost = 0;
  const log = createAuditLog({
    audit: { addAll: async (entries) => (isAway ? Promise.reject(new Error('away')) : audit.addAll(entries)) },
    onLost: (count) => {
      lost += count;
    },
    now: () => 5,
  });
  for (let number = 0; number < 10_500; number += 1) log.note(SERVER, deed('d', { fileId: number + 1 }));
  await expect(log.flush()).rejects.toThrow('away');
  expect(lost).toBe(500);
  isAway = false;
  await Promise.all([log.flush(), log.flush(), log.flush()]);
  const kept = await audit.list({ company: 'd' }, { order: 'oldest', beyondId: null, limit: 20_000 });
  expect([kept.length, kept[0]?.fileId, kept.at(-1)?.fileId]).toEqual([10_000, 501, 10_500]);
  await log.flush();
});

test('a user agent is shortened, and holds nothing that a database refuses', () => {
  expect(clientAt('::1', 'x'.repeat(5000)).userAgent).toHaveLength(160);
  expect(clientAt('::1', `${'x'.repeat(159)}😀`).userAgent?.isWellFormed()).toBe(true);
  expect(clientAt(undefined, 'a\0b')).toEqual({ address: null, userAgent: 'ab' });
});
