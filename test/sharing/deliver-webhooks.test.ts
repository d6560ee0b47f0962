/** What is owed to webhooks, over days of a clock of the test's own: tries, endpoints that fail, and those that must not wait for them. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { WebhookMessage } from '../../server/contract/webhook.ts';
import { createAuditTable } from '../../server/database/audit-table.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { createWebhookDeliveryTable } from '../../server/database/webhook-delivery-table.ts';
import { createWebhookTable } from '../../server/database/webhook-table.ts';
import { OPERATOR } from '../../server/rules/actor.ts';
import { privateTargets } from '../../server/rules/webhook-target.ts';
import { createDeliverWebhooks, type WebhookTry } from '../../server/sharing/deliver-webhooks.ts';
import { createManageWebhooks } from '../../server/sharing/manage-webhooks.ts';
import type { WebhookAnswer } from '../../server/webhooks/post-webhook.ts';
import { eventually } from '../services/eventually.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const SECOND_MS = 1000;
const HOUR_MS = 3600 * SECOND_MS;
let open: TestDatabase;
let now = Date.parse('2026-11-28T08:00:00Z');
/** What each address answers; those that are not here never do. */
let answers: Map<string, (id: string) => WebhookAnswer | Error>;
let posted: { url: string; id: string; at: number }[];
let pending: (() => void)[];
let tried: WebhookTry[];
let disabled: string[];
let companies = 0;

beforeAll(async () => {
  open = await openTestDatabase();
});
afterAll(() => open.remove());
beforeEach(async () => {
  answers = new Map();
  [posted, pending, tried, disabled] = [[], [], [], []];
  await open.database('webhooks').delete();
  await open.database('webhook_deliveries').delete();
});

const answer = (status: number, retryAfter?: string): WebhookAnswer => ({ status, body: `said ${status}`, retryAfter });

function node(holder = 'node') {
  const { database } = open;
  const deliver = createDeliverWebhooks({
    database,
    webhooks: createWebhookTable(database),
    deliveries: createWebhookDeliveryTable(database),
    audit: createAuditTable(database),
    makeMessage: async (delivery) => ({ type: delivery.type }) as WebhookMessage,
    post: (url, headers, _body, stopping) => {
      const id = String(headers['webhook-id']);
      posted.push({ url, id, at: now });
      const said = answers.get(url)?.(id);
      if (said instanceof Error) return Promise.reject(said);
      return said === undefined
        ? new Promise((_resolve, reject) => {
            pending.push(() => reject(new Error('it did not answer')));
            stopping.addEventListener('abort', () => reject(new Error('stopped')));
          })
        : Promise.resolve(said);
    },
    onTried: (one) => tried.push(one),
    onDisabled: ({ id }, reason) => disabled.push(`${id} ${reason}`),
    onFault: (error) => {
      throw error;
    },
    holder,
    version: '1',
    now: () => now,
  });
  deliver.start();
  return deliver;
}

const manage = () =>
  createManageWebhooks({
    database: open.database,
    webhooks: createWebhookTable(open.database),
    deliveries: createWebhookDeliveryTable(open.database),
    ledger: createEventLedger(open.database),
    audit: createAuditTable(open.database),
    allowed: privateTargets([]),
    wake: () => {},
    now: () => now,
  });

/** An endpoint of a company of its own, that so many messages are owed to. */
async function endpoint(owed = 1) {
  companies += 1;
  const company = `company-${companies}`;
  const url = `https://${company}.example/`;
  const { webhook } = await manage().add(company, { url }, OPERATOR);
  await owe(company, owed);
  return { company, url, id: webhook.id, log: () => createWebhookDeliveryTable(open.database).list(webhook.id, 1000) };
}

async function owe(company: string, count: number): Promise<void> {
  const ledger = createEventLedger(open.database);
  await open.database.transaction(async (transaction) => {
    for (let fileId = 1; fileId <= count; fileId += 1) {
      const seq = await ledger.nextSeq(transaction, company);
      await ledger.append(transaction, seq, { company, session: 'session', type: 'file_shared', fileId }, now);
    }
  });
}

/** Runs what is due, until all of it that is answered at all is noted. */
async function run(deliver: ReturnType<typeof node>): Promise<void> {
  for (;;) {
    const before = tried.length;
    await deliver.run();
    await eventually('what was begun is noted', () => tried.length + pending.length >= posted.length);
    if (tried.length === before && (await deliver.run()) === 0) return;
  }
}

test('a message is tried ten times within four days, by one id, then it has failed; a resend begins anew', async () => {
  const deliver = node();
  const { company, url, id, log } = await endpoint();
  answers.set(url, () => answer(500));
  const startedAt = now;
  while ((await log())[0]?.outcome === null && now - startedAt < 5 * 24 * HOUR_MS) {
    await run(deliver);
    now = Math.max(now + SECOND_MS, (await log())[0]?.nextAttemptAt ?? now);
    // Held back as a whole for a while, too.
    now = Math.max(now, (await manage().show(company, id)).notBefore);
  }
  expect(posted).toHaveLength(10);
  expect(new Set(posted.map((one) => one.id)).size).toBe(1);
  expect(posted[0]?.id).toMatch(/^msg_[0-9a-f]{32}$/);
  expect(await log()).toMatchObject([
    { outcome: 'failed', attempts: 10, status: 500, response: 'said 500', lastError: 'it answered 500' },
  ]);
  expect(tried.map(({ outcome }) => outcome)).toEqual([...Array(9).fill('again'), 'failed']);
  expect(await manage().show(company, id)).toMatchObject({ failures: 10, disabledAt: null });
  expect(await deliver.run()).toBe(0);
  answers.set(url, () => answer(204));
  expect(await manage().resendFailed(company, id, startedAt + 1, OPERATOR)).toBe(0);
  expect(await manage().resendFailed(company, id, startedAt, OPERATOR)).toBe(1);
  now += HOUR_MS;
  await run(deliver);
  expect(await log()).toMatchObject([{ outcome: 'delivered', attempts: 1, status: 204, lastError: null }]);
  expect(new Set(posted.map((one) => one.id)).size).toBe(1);
  expect(await manage().show(company, id)).toMatchObject({ failures: 0, failingSince: null });
});

test('410 disables the endpoint: nothing more is sent there, what happens waits, and comes when it is enabled', async () => {
  const deliver = node();
  const { company, url, id, log } = await endpoint();
  answers.set(url, () => answer(410));
  await run(deliver);
  expect(disabled).toEqual([`${id} gone`]);
  expect(await manage().show(company, id)).toMatchObject({ disabledReason: 'gone' });
  expect(await log()).toMatchObject([{ outcome: 'failed', attempts: 1, status: 410 }]);
  const entries = await open.database('audit_entries').where({ company_id: company }).orderBy('id');
  expect(entries.map(({ action, role }) => [action, role])).toEqual([
    ['webhook_added', 'operator'],
    ['webhook_changed', 'server'],
  ]);
  await owe(company, 2);
  await run(deliver);
  expect(posted).toHaveLength(1);
  answers.set(url, () => answer(200));
  await manage().change(company, id, { enabled: true }, OPERATOR);
  await run(deliver);
  expect((await log()).map(({ outcome }) => outcome)).toEqual(['delivered', 'delivered', 'failed']);
});

test('an endpoint that takes nothing for five days is disabled, and one that takes something now and then is not', async () => {
  const deliver = node();
  const [dead, flaky] = [await endpoint(), await endpoint()];
  answers.set(dead.url, () => new Error('nobody listens there'));
  answers.set(flaky.url, () => (posted.length % 3 === 0 ? answer(200) : answer(503)));
  for (let hours = 0; hours < 150 && disabled.length === 0; hours += 5) {
    if (hours % 10 === 0) for (const { company } of [dead, flaky]) await owe(company, 1);
    await run(deliver);
    now += 5 * HOUR_MS;
  }
  expect(disabled).toEqual([`${dead.id} failing`]);
  expect(await manage().show(flaky.company, flaky.id)).toMatchObject({ disabledAt: null });
  expect((await dead.log())[0]).toMatchObject({ status: null, response: null, lastError: 'nobody listens there' });
});

test('Retry-After of 429 and 503 is kept to, for the whole endpoint; of another status it says nothing', async () => {
  const deliver = node();
  const { company, url, log } = await endpoint();
  const other = await endpoint();
  answers.set(url, () => answer(429, '600'));
  answers.set(other.url, () => answer(500, '600'));
  await run(deliver);
  await owe(company, 3);
  now += 599 * SECOND_MS;
  await run(deliver);
  expect(posted.filter((one) => one.url === url)).toHaveLength(1);
  expect(posted.filter((one) => one.url === other.url).length).toBeGreaterThan(1);
  now += SECOND_MS;
  answers.set(url, () => answer(200));
  await run(deliver);
  expect((await log()).map(({ outcome }) => outcome)).toEqual(Array(4).fill('delivered'));
});

test('endpoints that say nothing, of many companies, leave the others their room', async () => {
  const deliver = node();
  const silent = await Promise.all(Array.from({ length: 20 }, () => endpoint(6)));
  const begunFor = ({ url }: { url: string }) => posted.filter((one) => one.url === url).length;
  // Nothing is known of them yet: four each at most, and 32 in all.
  await deliver.run();
  expect([posted.length, Math.max(...silent.map(begunFor))]).toEqual([32, 2]);
  // A node that knows that they fail tries one each, in half of its room.
  await open.database('webhooks').update({ failures: 1 });
  posted = [];
  const other = node('other');
  await other.run();
  expect([posted.length, Math.max(...silent.map(begunFor))]).toEqual([16, 1]);
  const good = await endpoint(50);
  answers.set(good.url, () => answer(200));
  await eventually('the good one has all of its', async () => {
    await other.run();
    return (await good.log()).every(({ outcome }) => outcome === 'delivered');
  });
  expect(begunFor(good)).toBe(50);
  for (const give of pending) give();
});

test('a message that an endpoint cannot take keeps none of the others from it', async () => {
  const deliver = node();
  const { url, log } = await endpoint(5);
  const bad = (await log()).at(-1)?.messageId;
  answers.set(url, (id) => answer(id === bad ? 500 : 200));
  await run(deliver);
  expect((await log()).map(({ outcome }) => outcome)).toEqual([...Array(4).fill('delivered'), null]);
});

test('what is owed to a dead endpoint waits, mostly untried, and comes when it is back', async () => {
  const deliver = node();
  const { url, log } = await endpoint(200);
  answers.set(url, () => new Error('nobody listens there'));
  for (let minutes = 0; minutes < 60; minutes += 5) {
    await run(deliver);
    now += 5 * 60 * SECOND_MS;
  }
  expect(posted.length).toBeLessThan(20);
  answers.set(url, () => answer(200));
  now += HOUR_MS;
  await run(deliver);
  expect((await log()).filter(({ outcome }) => outcome === 'delivered')).toHaveLength(200);
});

test('two nodes send each once; what a dead one had is sent by another, by the same id', async () => {
  const { url, id, log } = await endpoint(60);
  answers.set(url, () => answer(200));
  const nodes = [node('one'), node('two')];
  await Promise.all(nodes.map((deliver) => run(deliver)));
  await eventually('all are delivered', async () => {
    await Promise.all(nodes.map((deliver) => deliver.run()));
    return (await log()).every(({ outcome }) => outcome === 'delivered');
  });
  expect(new Set(posted.map((one) => one.id)).size).toBe(60);
  expect(posted).toHaveLength(60);
  const table = createWebhookDeliveryTable(open.database);
  await table.resend(open.database, id, (await log())[0]?.id ?? 0);
  const lost = await table.takeDue(id, { token: 'dead.1', untilMs: now + HOUR_MS }, now);
  await run(nodes[0] as ReturnType<typeof node>);
  expect(posted).toHaveLength(60);
  expect(await table.holders()).toEqual(['dead']);
  await table.free('dead');
  await run(nodes[0] as ReturnType<typeof node>);
  expect(posted.at(-1)?.id).toBe(lost?.messageId);
  expect((await log())[0]).toMatchObject({ outcome: 'delivered', attempts: 2 });
});

test('a server that stops begins nothing more; what is not answered in time was no try, and goes again', async () => {
  const deliver = node();
  const [slow, silent] = [await endpoint(), await endpoint()];
  await deliver.run();
  const settled = deliver.settled();
  pending[posted.findIndex(({ url }) => url === slow.url)]?.();
  await settled;
  expect(await deliver.run()).toBe(0);
  expect((await slow.log())[0]).toMatchObject({ outcome: null, attempts: 1, lastError: 'it did not answer' });
  expect((await silent.log())[0]).toMatchObject({ outcome: null, attempts: 0, lastError: null });
  const next = node('next');
  answers.set(silent.url, () => answer(200));
  await run(next);
  expect((await silent.log())[0]).toMatchObject({ outcome: 'delivered', attempts: 1 });
  const [first, again] = posted.filter(({ url }) => url === silent.url);
  expect(again?.id).toBe(first?.id);
});
