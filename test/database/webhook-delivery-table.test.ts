/** `webhook_deliveries`: what triggers owe, in whichever way it is written; and that two nodes never have the same one. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { createWebhookDeliveryTable } from '../../server/database/webhook-delivery-table.ts';
import { createWebhookTable } from '../../server/database/webhook-table.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const NOW = 1_000_000;
let open: TestDatabase;
beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());

test('a change and what is owed of it are one: neither is without the other, and only who wants it is owed', async () => {
  const [one, two] = [
    await addWebhook('acme', ['file.removed']),
    await addWebhook('acme', ['file.shared', 'file.removed']),
  ];
  const other = await addWebhook('other', ['file.shared', 'file.removed']);
  const ledger = createEventLedger(open.database);
  const remove = (fails: boolean) =>
    open.database.transaction(async (transaction) => {
      await ledger.hold(transaction, 'acme');
      await ledger.appendRemoved(transaction, 'acme', filesOf(3), 'retention', NOW);
      if (fails) throw new Error('no');
    });
  await expect(remove(true)).rejects.toThrow('no');
  expect(await owed(one)).toEqual([]);
  await remove(false);
  const expected = [3, 2, 1].map((seq) => ({
    type: 'file.removed',
    subjectId: String(seq + 100),
    seq,
    reason: 'retention',
  }));
  expect(await owed(one)).toMatchObject(expected);
  expect(await owed(two)).toMatchObject(expected);
  expect(await owed(other)).toEqual([]);
  const ids = [...(await owed(one)), ...(await owed(two))].map(({ messageId }) => messageId);
  expect(new Set(ids).size).toBe(6);
  await open.database.transaction(async (transaction) => {
    const seq = await ledger.nextSeq(transaction, 'acme');
    await ledger.append(transaction, seq, { company: 'acme', session: 's', type: 'file_shared', fileId: 9 }, NOW);
    const next = await ledger.nextSeq(transaction, 'acme');
    await ledger.append(transaction, next, { company: 'acme', session: 's', type: 'file_updated', fileId: 9 }, NOW);
  });
  expect([(await owed(one)).length, (await owed(two)).length]).toEqual([3, 4]);
});

test('of forty that are due each is taken once, whoever else takes some; a lease that is over is free', async () => {
  const id = await addWebhook('many', ['file.removed']);
  await open.database.transaction(async (transaction) => {
    const ledger = createEventLedger(open.database);
    await ledger.hold(transaction, 'many');
    await ledger.appendRemoved(transaction, 'many', filesOf(40), 'deleted', NOW);
  });
  const table = createWebhookDeliveryTable(open.database);
  const webhooks = createWebhookTable(open.database);
  expect(await table.isAnyDue(NOW)).toBe(true);
  expect((await webhooks.listDue(NOW, 0, [], 10)).map((webhook) => webhook.id)).toContain(id);
  const take = async (node: string) => {
    const taken: number[] = [];
    for (let at = 0; ; at += 1) {
      const delivery = await table.takeDue(id, { token: `${node}.${at}`, untilMs: NOW + 60_000 }, NOW);
      if (delivery === null) return taken;
      taken.push(delivery.id);
    }
  };
  const taken = (await Promise.all(['a', 'b', 'c', 'd'].map(take))).flat();
  expect([taken.length, new Set(taken).size]).toEqual([40, 40]);
  expect((await webhooks.listDue(NOW, 0, [], 10)).map((webhook) => webhook.id)).not.toContain(id);
  const late = { token: 'late.1', untilMs: NOW + 200_000 };
  const again = await table.takeDue(id, late, NOW + 60_001);
  expect(again).toMatchObject({ attempts: 2 });
  const result = {
    outcome: 'delivered',
    nextAttemptAt: 0,
    error: null,
    status: 200,
    response: '',
    durationMs: 1,
  } as const;
  const first = { token: 'a.0', untilMs: NOW };
  expect(await table.noteTry(open.database, again?.id ?? 0, first, result, NOW)).toBe(false);
  expect(await table.noteTry(open.database, again?.id ?? 0, late, result, NOW)).toBe(true);
  await Promise.all(['a', 'b', 'c', 'd'].map(table.free));
  expect((await take('e')).length).toBe(39);
});

test('endpoints are listed in turn, from behind the one that was served last', async () => {
  const webhooks = createWebhookTable(open.database);
  const ids: number[] = [];
  for (const name of ['x', 'y', 'z']) {
    const id = await addWebhook(name, ['file.shared']);
    await createWebhookDeliveryTable(open.database).addTest(open.database as never, name, id, NOW);
    ids.push(id);
  }
  const [x = 0, y = 0, z = 0] = ids;
  const others = await webhooks.listDue(NOW, z, [x, y, z], 100);
  const except = others.map(({ id }) => id);
  const listed = async (after: number, max: number) =>
    (await webhooks.listDue(NOW, after, except, max)).map(({ id }) => id);
  expect(await listed(0, 10)).toEqual([x, y, z]);
  expect(await listed(x, 10)).toEqual([y, z, x]);
  expect(await listed(z, 2)).toEqual([x, y]);
  expect(await webhooks.disable(open.database, y, 'gone', NOW)).toBe(true);
  expect(await webhooks.disable(open.database, y, 'failing', NOW)).toBe(false);
  await webhooks.noteFailure(open.database, z, NOW, NOW + 1);
  expect(await listed(0, 10)).toEqual([x]);
  await webhooks.noteWorks(open.database, z);
  expect(await listed(0, 10)).toEqual([x, z]);
});

function filesOf(count: number): { id: number; session: string }[] {
  return Array.from({ length: count }, (_, at) => ({ id: 101 + at, session: 's' }));
}

async function owed(id: number) {
  return createWebhookDeliveryTable(open.database).list(id, 100);
}

async function addWebhook(company: string, events: ('file.shared' | 'file.removed')[]): Promise<number> {
  const secrets = [{ secret: 'whsec_', untilMs: null }];
  const webhook = { company, url: 'https://example.com/', description: '', events, secrets, createdAt: NOW };
  return open.database.transaction((transaction) => createWebhookTable(open.database).insert(transaction, webhook));
}
