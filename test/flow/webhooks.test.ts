/** Webhooks of companies, from the change to a receiver that verifies them: what is told, how often, and where never. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createInfectionTable } from '../../server/database/infection-table.ts';
import type { Database } from '../../server/database/open-database.ts';
import { createWebhookDeliveryTable } from '../../server/database/webhook-delivery-table.ts';
import { WEBHOOK_SCHEMAS } from '../../server/http/webhook-schemas.ts';
import { bearer, get, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented, type ExpectDocumented } from '../services/documented.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { create, terminate } from '../services/tus-wire.ts';
import { type Message, startWebhookReceiver, verified, type WebhookReceiver } from '../services/webhook-receiver.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const DAY_MS = 24 * 60 * 60 * 1000;
const server = chatdropForSuite({ env: { ADMIN_TOKEN, WEBHOOK_ALLOW_PRIVATE: '127.0.0.1', LOG_LEVEL: 'debug' } });
let receiver: WebhookReceiver;
let expectDocumented: ExpectDocumented;
beforeAll(async () => {
  receiver = await startWebhookReceiver();
  expectDocumented = createExpectDocumented(jsonOf(await get(server().baseUrl, '/openapi.json')));
});
afterAll(() => receiver?.close());

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
type Answer = any;
type Endpoint = { id: number; secret: string; path: string };

describe('a file that is shared', () => {
  test('is told to the endpoint of its company, signed, with links that work', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/shared');
    const other = await addEndpoint(newChatRoom(), '/another-company');
    const file = await share(room, 'photo.png');
    const [received] = await receiver.waitFor(endpoint.path, 1);
    if (received === undefined) throw new Error('It has not come.');
    const { url, thumbnail, ...facts } = file;
    const message = verified(received, endpoint.secret);
    expect(message).toMatchObject({ type: 'file.shared', timestamp: file.created_at, data: facts });
    expect(() => verified(received, other.secret)).toThrow();
    expect(() => verified({ ...received, body: received.body.replace('photo', 'photp') }, endpoint.secret)).toThrow();
    expect((await send({ method: 'GET', url: message.data.url })).body.equals(pngFile())).toBe(true);
    await taken(room, endpoint, 1);
    expect(receiver.received(endpoint.path)).toHaveLength(1);
    expect(receiver.received(other.path)).toEqual([]);
  });

  test('is told again until it is taken, by the same id and with a new time, and waits for the server', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/again');
    // The first is never answered: the server is killed over it.
    receiver.answer(endpoint.path, (response, socket, count) => {
      if (count === 2) response.writeHead(500).end('not now');
      else if (count === 3) socket.destroy();
      else if (count > 3) response.writeHead(204).end();
    });
    await share(room, 'photo.png');
    await receiver.waitFor(endpoint.path, 1);
    await server().kill('SIGKILL');
    await server().restart();
    await receiver.waitFor(endpoint.path, 2);
    const [failed] = await eventually('the failure is noted', async () => {
      const log = await logOf(room, endpoint);
      return log[0]?.status === 500 && log;
    });
    expect(failed).toMatchObject({ state: 'waiting', attempts: 2, response: 'not now', last_error: 'it answered 500' });
    expect(Date.parse(failed.next_attempt_at)).toBeGreaterThan(Date.now());
    const { stdout } = await runCommandHere(['jobs', '--limit', '100000'], server().env);
    expect(stdout).toMatch(new RegExp(`send webhook +${failed.id} `));
    await hurry(endpoint);
    await receiver.waitFor(endpoint.path, 3);
    await eventually('that is noted too', async () => /broke/.test((await logOf(room, endpoint))[0]?.last_error));
    await hurry(endpoint);
    const [delivery] = await taken(room, endpoint, 1);
    expect(delivery).toMatchObject({ state: 'delivered', attempts: 4, status: 204, last_error: null });
    const all = receiver.received(endpoint.path);
    expect(all.map(({ id }) => id)).toEqual(Array(4).fill(delivery.message_id));
    for (const one of all) expect(verified(one, endpoint.secret)).toMatchObject({ data: { name: 'photo.png' } });
  });
});

describe('a file that goes', () => {
  test('is told in every way in which it goes, once each', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/removed', { events: ['file.removed'] });
    const agents = newChatRoom(room.company);
    const operators = newChatRoom(room.company);
    const visitors = newChatRoom(room.company);
    const ids: Record<string, number> = {};
    const { baseUrl } = server();
    ids.visitor = (await share(room, 'a.png')).id;
    await call('DELETE', `/api/chat/files/${ids.visitor}/`, room.visitor);
    ids.agent = (await share(room, 'b.png')).id;
    await call('DELETE', `/api/chat/files/${ids.agent}/`, room.agent);
    ids.session = (await share(agents, 'c.png')).id;
    await call('DELETE', `/api/chat/sessions/${agents.session}/`, room.agent);
    ids.admin = (await share(operators, 'd.png')).id;
    const companies = `/api/admin/companies/${room.company}`;
    await call('DELETE', `${companies}/sessions/${operators.session}/`, ADMIN_TOKEN);
    ids.adminVisitor = (await share(visitors, 'e.png')).id;
    await call('DELETE', `${companies}/sessions/${visitors.session}/visitor/`, ADMIN_TOKEN);
    ids.command = (await share(room, 'f.png')).id;
    expect((await runCommandHere(['files', 'remove', String(ids.command)], server().env)).code).toBe(0);
    ids.old = (await share(room, 'g.png')).id;
    await inDatabase((database) => database('chat_files').where({ id: ids.old }).update({ created_at: 1 }));
    const policy = Buffer.from(JSON.stringify({ retention_user_seconds: 30 * 86_400 }));
    const headers = bearer(ADMIN_TOKEN);
    expect((await send({ method: 'PUT', url: `${baseUrl}${companies}/policy/`, headers, body: policy })).status).toBe(
      200,
    );
    expect((await runCommandHere(['retention'], server().env)).code).toBe(0);
    const log = await taken(room, endpoint, 7);
    const messages = receiver.received(endpoint.path).map((one) => verified(one, endpoint.secret));
    const reasons = Object.fromEntries(messages.map(({ data }) => [data.id, data.reason]));
    expect(reasons).toEqual({
      [ids.visitor]: 'deleted',
      [ids.agent]: 'deleted',
      [ids.session]: 'session_deleted',
      [ids.admin]: 'session_deleted',
      [ids.adminVisitor]: 'deleted',
      [ids.command]: 'deleted',
      [ids.old]: 'retention',
    });
    expect([messages.length, log.length, new Set(messages.map(({ data }) => data.seq)).size]).toEqual([7, 7, 7]);
    expectSchemas(messages);
  });

  test('with hundreds of others of its session is told of with each of them, and a name is in none', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/many', { events: ['file.shared', 'file.removed'] });
    await change(room, endpoint, { enabled: false });
    const file = await share(room, 'very-secret-name.png');
    await inDatabase(async (database) => {
      const { id, ...row } = await database('chat_files').where({ id: file.id }).first();
      const copies = Array.from({ length: 300 }, (_, at) => ({
        ...row,
        upload_id: `${room.session}-${at}`,
        storage_key: `${row.storage_key}-${at}`,
      }));
      await database.batchInsert('chat_files', copies, 100);
    });
    await call('DELETE', `/api/admin/companies/${room.company}/sessions/${room.session}/`, ADMIN_TOKEN);
    const rows = await eventually('all of them are owed', () =>
      inDatabase(async (database) => {
        const owed = await database('webhook_deliveries').where({ webhook_id: endpoint.id });
        return owed.length === 302 && owed;
      }),
    );
    expect(new Set(rows.map((row: Answer) => row.message_id)).size).toBe(302);
    expect(JSON.stringify(rows)).not.toContain('very-secret-name');
    // What was shared and is gone before it is told has no name any more either.
    await change(room, endpoint, { enabled: true });
    const all = await eventually('what was owed has come', () => {
      const come = receiver.received(endpoint.path);
      return come.length >= 302 && come;
    });
    const messages = all.map((one) => verified(one, endpoint.secret));
    expect(messages.filter(({ type }) => type === 'file.removed')).toHaveLength(301);
    const { session_id, company_id, seq } = file;
    const shared = messages.filter(({ type }) => type === 'file.shared');
    expect(shared.map(({ data }) => data)).toEqual([{ id: file.id, session_id, company_id, seq, gone: true }]);
    expectSchemas(messages.slice(0, 50));
  });
});

describe('what becomes no file', () => {
  test('is told with its code and in words: refused by its bytes, expired; not what was cancelled', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/failed');
    const { baseUrl } = server();
    const token = room.visitor;
    const metadata = { filename: 'photo.png', filetype: 'image/png' };
    const refused = await create({ baseUrl, token, body: mp4File(2000), metadata });
    expect(refused.status).toBe(415);
    const cancelled = await create({ baseUrl, token, length: 1000, metadata });
    expect((await terminate(cancelled.url, token)).status).toBe(204);
    const late = await create({ baseUrl, token, length: 2000, metadata });
    const id = late.url.split('/').at(-1) ?? '';
    await inDatabase((database) => database('uploads').where({ id }).update({ expires_at: 1 }));
    // As the chore does, which comes round once a minute.
    await server().restart();
    await taken(room, endpoint, 2);
    const messages = receiver.received(endpoint.path).map((one) => verified(one, endpoint.secret));
    expect(messages.find(({ data }) => data.code === 'expired')).toMatchObject({
      type: 'upload.failed',
      data: { id, name: 'photo.png', size: 2000, uploader: 'user', session_id: room.session },
    });
    const mismatch = messages.find(({ data }) => data.code === 'type-mismatch');
    expect(mismatch).toMatchObject({ type: 'upload.failed', data: { name: 'photo.png', size: 2000 } });
    expect(mismatch?.data.reason).toMatch(/^“photo\.png” .+\.$/);
    expect(messages).toHaveLength(2);
    expectSchemas(messages);
  });

  test('and what is infected is told as the operator sees it', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/infected');
    const find = {
      uploadId: `upload-${room.session}`,
      fileId: null,
      company: room.company,
      session: room.session,
      uploader: 'user' as const,
      subject: null,
      name: 'invoice.pdf',
      sha256: 'a'.repeat(64),
      sizeBytes: 68,
      signature: 'Eicar-Test-Signature',
      foundAt: Date.now(),
    };
    await inDatabase((database) =>
      database.transaction((transaction) => createInfectionTable(database).add(transaction, find)),
    );
    await taken(room, endpoint, 1);
    const messages = receiver.received(endpoint.path).map((one) => verified(one, endpoint.secret));
    const listed = await get(server().baseUrl, `/api/admin/infections/?company_id=${room.company}`, ADMIN_TOKEN);
    expect(messages).toMatchObject([{ type: 'file.infected', data: jsonOf<Answer>(listed).infections[0] }]);
    expectSchemas(messages);
  });
});

describe('an endpoint', () => {
  test('is listed without its secret, changed, disabled and removed, each with an entry in the audit', async () => {
    const room = newChatRoom();
    const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const endpoint = await addEndpoint(room, '/changed', { secret, description: 'ours', events: ['file.removed'] });
    expect(endpoint.secret).toBe(secret);
    const shown = jsonOf<Answer>(await admin('GET', room, `${endpoint.id}/`));
    expect(shown).toMatchObject({ events: ['file.removed'], enabled: true, description: 'ours', failures: 0 });
    expect(jsonOf<Answer>(await admin('GET', room, '')).webhooks).toEqual([shown]);
    await change(room, endpoint, {
      events: ['file.shared'],
      url: receiver.url(`${endpoint.path}-moved?key=s3cret-path`),
    });
    await change(room, endpoint, { enabled: false });
    expect((await admin('POST', room, `${endpoint.id}/test/`)).status).toBe(400);
    await share(room, 'waits.png');
    await change(room, endpoint, { enabled: true });
    await taken(room, endpoint, 1);
    expect(receiver.received(`${endpoint.path}-moved`)).toHaveLength(1);
    expect(receiver.received(endpoint.path)).toHaveLength(0);
    expect((await admin('DELETE', room, `${endpoint.id}/`)).status).toBe(204);
    await inDatabase(async (database) => {
      expect(await database('webhook_deliveries').where({ webhook_id: endpoint.id })).toEqual([]);
    });
    const audit = await get(server().baseUrl, `/api/admin/audit/?company_id=${room.company}`, ADMIN_TOKEN);
    const actions = jsonOf<Answer>(audit).entries.map(({ action }: Answer) => action);
    expect(actions.filter((action: string) => action.startsWith('webhook')).toReversed()).toEqual([
      'webhook_added',
      'webhook_changed',
      'webhook_changed',
      'webhook_changed',
      'webhook_removed',
    ]);
    const everywhere = audit.body.toString() + JSON.stringify(shown) + server().logs();
    for (const hidden of [secret, secret.slice(6), 's3cret-path']) expect(everywhere).not.toContain(hidden);
  });

  test('is of its company: another company’s operator paths do not find it', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    const { id } = await addEndpoint(room, '/own');
    for (const [method, path, body] of [
      ['GET', `${id}/`],
      ['PATCH', `${id}/`, { description: 'mine' }],
      ['DELETE', `${id}/`],
      ['POST', `${id}/secret/`, {}],
      ['POST', `${id}/test/`],
      ['POST', `${id}/resend/`, { since: '2026-01-01T00:00:00Z' }],
      ['GET', `${id}/deliveries/`],
      ['POST', `${id}/deliveries/1/resend/`],
    ] as const)
      expect([path, (await admin(method, other, path, body)).status]).toEqual([path, 404]);
    expect((await admin('GET', room, `${id}/`)).status).toBe(200);
  });

  test.each([
    ['a private address', { url: 'https://10.0.0.1/' }],
    ['plain http', { url: 'http://example.com/' }],
    ['a scheme of another kind', { url: 'file:///etc/passwd' }],
    ['an event that there is not', { url: 'https://example.com/', events: ['file.opened'] }],
    ['no event', { url: 'https://example.com/', events: [] }],
    ['a secret that is too short', { url: 'https://example.com/', secret: 'whsec_c2hvcnQ=' }],
    ['a field that there is not', { url: 'https://example.com/', headers: {} }],
    ['no url', {}],
  ])('with %s is refused', async (_, body) => {
    const room = newChatRoom();
    expect((await admin('POST', room, '', body)).status).toBe(400);
    expect(jsonOf<Answer>(await admin('GET', room, '')).webhooks).toEqual([]);
  });

  test('is one of ten', async () => {
    const room = newChatRoom();
    const added = await Promise.all(
      Array.from({ length: 12 }, () => admin('POST', room, '', { url: 'https://example.com/' })),
    );
    expect(added.map(({ status }) => status).sort()).toEqual([...Array(10).fill(201), 400, 400]);
  });

  test('that gets a new secret signs by both for a while, and not by the old one after that', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/rotated');
    const answer = await admin('POST', room, `${endpoint.id}/secret/`, { overlap_seconds: 3600 });
    const { secret: second } = jsonOf<Answer>(answer);
    expect((await admin('POST', room, `${endpoint.id}/test/`)).status).toBe(202);
    const [both] = await receiver.waitFor(endpoint.path, 1);
    if (both === undefined) throw new Error('It has not come.');
    expect(String(both.headers['webhook-signature']).split(' ')).toHaveLength(2);
    for (const secret of [endpoint.secret, second])
      expect(verified(both, secret)).toMatchObject({ type: 'webhook.test', data: { webhook_id: endpoint.id } });
    const at = await admin('POST', room, `${endpoint.id}/secret/`, { overlap_seconds: 0 });
    const { secret: third } = jsonOf<Answer>(at);
    await admin('POST', room, `${endpoint.id}/test/`);
    const [, one] = await receiver.waitFor(endpoint.path, 2);
    if (one === undefined) throw new Error('It has not come.');
    expectSchemas([verified(one, third)]);
    for (const secret of [endpoint.secret, second]) expect(() => verified(one, secret)).toThrow();
  });

  test('is sent again what failed, or what it has had', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/resent');
    const since = new Date(Date.now() - 1000).toISOString();
    await share(room, 'a.png');
    const [first] = await taken(room, endpoint, 1);
    await inDatabase((database) =>
      database('webhook_deliveries').where({ id: first.id }).update({ outcome: 'failed', attempts: 10 }),
    );
    const failed = jsonOf<Answer>(await admin('GET', room, `${endpoint.id}/deliveries/?state=failed`));
    expect(failed.deliveries).toMatchObject([{ id: first.id }]);
    const resent = await admin('POST', room, `${endpoint.id}/resend/`, { since });
    expect([resent.status, jsonOf<Answer>(resent).deliveries]).toEqual([202, 1]);
    await taken(room, endpoint, 1);
    await receiver.waitFor(endpoint.path, 2);
    expect((await admin('POST', room, `${endpoint.id}/deliveries/${first.id}/resend/`)).status).toBe(202);
    await receiver.waitFor(endpoint.path, 3);
    const ids = receiver.received(endpoint.path).map(({ id }) => id);
    expect(ids).toEqual(Array(3).fill(first.message_id));
  });

  test('goes with its company, and what it answered goes with the session', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/deleted');
    receiver.answer(endpoint.path, (response) => response.end('about somebody'));
    await share(room, 'a.png');
    await taken(room, endpoint, 1);
    await call('DELETE', `/api/admin/companies/${room.company}/sessions/${room.session}/`, ADMIN_TOKEN);
    await taken(room, endpoint, 2);
    const rowsOf = () =>
      inDatabase((database) => database('webhook_deliveries').where({ company_id: room.company }).orderBy('id'));
    await eventually('it is forgotten', async () => {
      const [shared] = await rowsOf();
      return shared.type === 'file.shared' && shared.outcome === 'delivered' && shared.response === null;
    });
    await share(newChatRoom(room.company), 'b.png');
    await taken(room, endpoint, 3);
    await call('DELETE', `/api/admin/companies/${room.company}/`, ADMIN_TOKEN);
    await eventually('all of it is gone', async () => (await rowsOf()).length === 0);
    expect(jsonOf<Answer>(await admin('GET', room, '')).webhooks).toEqual([]);
    expect(receiver.received(endpoint.path)).toHaveLength(3);
  });

  test('goes with a company that has nothing else', async () => {
    const room = newChatRoom();
    await addEndpoint(room, '/alone');
    await call('DELETE', `/api/admin/companies/${room.company}/`, ADMIN_TOKEN);
    await eventually('it is gone', async () => jsonOf<Answer>(await admin('GET', room, '')).webhooks.length === 0);
  });

  test('what is older than 30 days is forgotten, owed or not', async () => {
    const room = newChatRoom();
    const endpoint = await addEndpoint(room, '/old');
    await change(room, endpoint, { enabled: false });
    await share(room, 'a.png');
    await share(room, 'b.png');
    const old = { occurred_at: Date.now() - 31 * DAY_MS };
    const [, first] = await logOf(room, endpoint);
    await inDatabase((database) => database('webhook_deliveries').where({ id: first.id }).update(old));
    await inDatabase(async (database) => {
      expect(await createWebhookDeliveryTable(database).forget(Date.now() - 30 * DAY_MS)).toBeGreaterThan(0);
    });
    expect((await logOf(room, endpoint)).map(({ id }: Answer) => id)).not.toContain(first.id);
    expect(await logOf(room, endpoint)).toHaveLength(1);
  });
});

test('the command line does the same', async () => {
  const room = newChatRoom();
  const run = async (...args: string[]) => runCommandHere(['webhooks', ...args], server().env);
  const path = `/command-${room.company}`;
  const added = await run('add', room.company, receiver.url(path), '--events', 'file.shared', '--description', 'ours');
  const [, id = '', secret = ''] = /^webhook (\d+)\nsecret (whsec_\S+)\n$/.exec(added.stdout) ?? [];
  expect([added.code, id]).not.toContain('');
  expect((await run('list', room.company)).stdout).toContain(receiver.url(path));
  expect((await run('test', room.company, id)).code).toBe(0);
  const [received] = await receiver.waitFor(path, 1);
  if (received === undefined) throw new Error('It has not come.');
  expect(verified(received, secret)).toMatchObject({ type: 'webhook.test' });
  await taken(room, { id: Number(id), secret, path }, 1);
  expect((await run('log', room.company, id)).stdout).toMatch(/webhook\.test +delivered +1 +200/);
  const [delivery] = await logOf(room, { id: Number(id), secret, path });
  expect((await run('resend', room.company, id, String(delivery.id))).stdout).toBe('owed again: 1\n');
  expect((await run('resend', room.company, id, '--since', '2026-01-01')).stdout).toBe('owed again: 0\n');
  expect((await run('rotate', room.company, id, '--overlap', '0')).stdout).toMatch(/^secret whsec_\S+\n$/);
  expect((await run('set', room.company, id, '--disable')).stdout).toContain('disabled: operator');
  expect((await run('list', room.company, '--json')).stdout).not.toContain('whsec_');
  expect((await run('remove', room.company, id)).code).toBe(0);
  expect((await run('list', room.company)).stdout).toBe('It has none.\n');
  for (const wrong of [
    ['add', room.company],
    ['add', room.company, 'https://example.com/', '--events', 'file.opened'],
    ['set', room.company, 'x', '--enable'],
    ['log', room.company, id, '--state', 'lost'],
    ['rotate', room.company, id, '--overlap', '9999'],
  ])
    await expect(run(...wrong).then(({ code }) => code)).resolves.toBe(2);
});

function share(room: ChatRoom, name: string) {
  return shareFile({ baseUrl: server().baseUrl, room, body: pngFile(), name });
}

async function addEndpoint(room: ChatRoom, name: string, more: object = {}): Promise<Endpoint> {
  const path = `${name}-${room.company}`;
  const answer = await admin('POST', room, '', { url: receiver.url(path), ...more });
  expect(answer.status).toBe(201);
  const { id, secret } = jsonOf<Answer>(answer);
  return { id, secret, path };
}

async function change(room: ChatRoom, { id }: Endpoint, body: object): Promise<void> {
  expect((await admin('PATCH', room, `${id}/`, body)).status).toBe(200);
}

/** Newest first. */
async function logOf(room: ChatRoom, { id }: Endpoint): Promise<Answer[]> {
  return jsonOf<Answer>(await admin('GET', room, `${id}/deliveries/`)).deliveries;
}

/** Once so many of its deliveries have been taken. @returns the log */
function taken(room: ChatRoom, endpoint: Endpoint, count: number): Promise<Answer[]> {
  return eventually(`${count} deliveries are noted`, async () => {
    const log = await logOf(room, endpoint);
    return log.filter(({ state }: Answer) => state === 'delivered').length >= count && log;
  });
}

/** What waits is due. */
async function hurry({ id }: Endpoint): Promise<void> {
  await inDatabase(async (database) => {
    await database('webhook_deliveries').where({ webhook_id: id }).update({ next_attempt_at: 0 });
    await database('webhooks').where({ id }).update({ not_before: 0 });
  });
}

function expectSchemas(messages: Message[]): void {
  expect(messages.length).toBeGreaterThan(0);
  for (const message of messages) WEBHOOK_SCHEMAS[message.type as keyof typeof WEBHOOK_SCHEMAS].parse(message);
}

async function inDatabase<T>(work: (database: Database) => Promise<T>): Promise<T> {
  const database = await server().openDatabase();
  try {
    return await work(database);
  } finally {
    await database.destroy();
  }
}

async function call(method: string, path: string, token: string): Promise<WireAnswer> {
  const answer = await send({ method, url: server().baseUrl + path, headers: bearer(token) });
  expect([path, answer.status < 300]).toEqual([path, true]);
  return answer;
}

async function admin(method: string, { company }: ChatRoom, path: string, body?: object): Promise<WireAnswer> {
  const all = '/api/admin/companies/{company}/webhooks/';
  const url = server().baseUrl + all.replace('{company}', company) + path;
  const headers = bearer(ADMIN_TOKEN);
  const sent = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
  const answer = await send({ method, url, headers, ...sent });
  const shape = path.replace(/\?.*/, '').replace(/^\d+/, '{webhook}').replace(/\d+/, '{delivery}');
  expectDocumented(`${method} ${all}${shape}`, answer);
  return answer;
}
