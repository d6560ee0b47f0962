/** `chatdrop/client` against a real server: every call of it, uploads through cut connections, and events without a gap. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, describe, expect, test } from 'vitest';
import { ChatdropError } from '../../server/client/chatdrop-error.ts';
import { type ChatdropOptions, createChatdrop } from '../../server/client/create-chatdrop.ts';
import { type ChatdropAdmin, createChatdropAdmin } from '../../server/client/create-chatdrop-admin.ts';
import { signAgentToken, signVisitorToken } from '../../server/client/sign-tokens.ts';
import { verifyWebhook } from '../../server/client/verify-webhook.ts';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ServerEvent } from '../../server/contract/events.ts';
import { OPERATIONS } from '../../server/http/openapi-operations.ts';
import { listFiles, listUploads } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, mp4File, pngFile, sha256Of } from '../services/fixtures.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { startWebhookReceiver } from '../services/webhook-receiver.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const MIB = 1024 * 1024;
const server = chatdropForSuite({
  env: { ADMIN_TOKEN, CHAT_UPLOAD_RATE_LIMIT: '1000', WEBHOOK_ALLOW_PRIVATE: '127.0.0.1' },
});
const folder = await mkdtemp(join(tmpdir(), 'chatdrop-client-'));
afterAll(() => rm(folder, { recursive: true }));

const open = (token: ChatdropOptions['token'], more: Partial<ChatdropOptions> = {}) =>
  createChatdrop({ url: server().baseUrl, token, ...more });

describe('uploads', () => {
  test('from memory, a Blob, a path and a stream of unknown length', async () => {
    const room = newChatRoom();
    const chat = open(room.visitor);
    const body = mp4File(300_000);
    const path = join(folder, 'from path.mp4');
    await writeFile(path, body);
    const stream = () => Readable.from([body.subarray(0, 70_000), body.subarray(70_000)]);
    const chunkBytes = 100_000;
    const files = [
      await chat.upload(body, { name: 'memory ü.mp4', chunkBytes }),
      await chat.upload(new File([new Uint8Array(body)], 'blob.mp4'), { chunkBytes }),
      await chat.upload({ path }, { chunkBytes }),
      await chat.upload(stream(), { name: 'stream.mp4', chunkBytes }),
      await chat.upload(Readable.toWeb(stream()) as ReadableStream, { name: 'known.mp4', size: body.length }),
      await chat.upload(new Uint8Array(), { name: 'empty.txt' }),
    ];
    expect(files.map(({ name, size }) => [name, size])).toEqual([
      ['memory ü.mp4', 300_000],
      ['blob.mp4', 300_000],
      ['from path.mp4', 300_000],
      ['stream.mp4', 300_000],
      ['known.mp4', 300_000],
      ['empty.txt', 0],
    ]);
    for (const { id } of files.slice(0, 5)) {
      const bytes = Buffer.from(await (await chat.files.download(id)).arrayBuffer());
      expect(await sha256Of(bytes)).toBe(await sha256Of(body));
    }
  });

  test('goes on through cut connections; another process goes on by the file key', async () => {
    const room = newChatRoom();
    const body = mp4File(6 * MIB);
    const proxy = await startTcpProxy({ targetPort: server().port });
    proxy.rate(16 * MIB);
    const url = `http://127.0.0.1:${proxy.port}`;
    const first = new AbortController();
    const options = { name: 'film.mp4', fileKey: 'order-17', chunkBytes: MIB };
    const begun = open(room.visitor, { url }).upload(body, {
      ...options,
      signal: first.signal,
      onProgress: ({ bytesSent }) => bytesSent >= 3 * MIB && first.abort(new Error('enough')),
    });
    const given = expect(begun).rejects.toThrow('enough');
    await proxy.waitForBytesUp(1.5 * MIB);
    proxy.cut();
    await given;
    const [left] = await listUploads(server().baseUrl, room);
    expect(left?.offset).toBeGreaterThan(MIB);

    const seen: number[] = [];
    const uploaded = open(room.visitor, { url }).upload(Readable.from(pieces(body)), {
      ...options,
      size: body.length,
      onProgress: ({ bytesSent }) => void seen.push(bytesSent),
    });
    await proxy.waitForBytesUp(MIB);
    proxy.cut();
    const file = await uploaded;
    await proxy.stop();
    expect(seen[0]).toBeGreaterThan(left?.offset ?? 0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(await listFiles(server().baseUrl, room)).toMatchObject({ count: 1, files: [{ id: file.id }] });
    const bytes = Buffer.from(await (await open(room.agent).files.download(file.id)).arrayBuffer());
    expect(await sha256Of(bytes)).toBe(await sha256Of(body));
  });

  test('a server that is killed in the middle', async () => {
    const room = newChatRoom();
    const body = mp4File(3 * MIB);
    let killed: Promise<unknown> | undefined;
    const file = await open(room.visitor).upload(body, {
      name: 'a.mp4',
      chunkBytes: MIB,
      onProgress: () => {
        killed ??= server()
          .kill('SIGKILL')
          .then(() => server().restart());
      },
    });
    await killed;
    expect(await listFiles(server().baseUrl, room)).toMatchObject({
      count: 1,
      files: [{ id: file.id, size: 3 * MIB }],
    });
  });

  test('a refusal is told with its code, also of a file that a stream holds', async () => {
    const room = newChatRoom();
    const refused = open(room.visitor).upload(exeFile(200_000), {
      name: 'a.png',
      type: 'image/png',
      chunkBytes: 50_000,
    });
    await expect(refused).rejects.toMatchObject({ name: 'ChatdropError', code: 'executable', status: 415 });
    const short = open(room.visitor).upload(Readable.from([pngFile()]), { name: 'a.png', size: 1000 });
    await expect(short).rejects.toThrow(RangeError);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  });
});

describe('events', () => {
  test('once each, in order, through cut connections and a restart', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const proxy = await startTcpProxy({ targetPort: server().port });
    const stop = new AbortController();
    const heard: ServerEvent[] = [];
    const listening = (async () => {
      const agent = open(room.agent, { url: `http://127.0.0.1:${proxy.port}` });
      for await (const event of agent.events({ after: 0, signal: stop.signal })) heard.push(event);
    })();
    const shared = () => heard.filter(({ type }) => type === 'file_shared');
    const ids: number[] = [];
    const share = async (token: string) => void ids.push((await open(token).upload(pngFile(), { name: 'a.png' })).id);
    await share(room.visitor);
    await eventually('the first', () => shared().length === 1);
    proxy.cut();
    await share(other.visitor);
    await eventually('what came meanwhile', () => shared().length === 2);
    await server().restart();
    await share(room.visitor);
    await eventually('what came after the restart', () => shared().length === 3);
    stop.abort(new Error('done'));
    await expect(listening).rejects.toThrow('done');
    await proxy.stop();
    expect(shared().map((event) => 'id' in event && event.id)).toEqual(ids);
    const numbers = heard.flatMap((event) =>
      /^file_(shared|updated|removed)$/.test(event.type) && 'seq' in event ? [event.seq] : [],
    );
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(heard.filter(({ type }) => type === 'connection_established').length).toBeGreaterThan(2);
  });

  test('a place that is not kept: told once, then the list is the state', async () => {
    const room = newChatRoom();
    const file = await open(room.visitor).upload(pngFile(), { name: 'a.png' });
    const types: string[] = [];
    for await (const event of open(room.visitor).events({ session: room.session, after: 9999 })) {
      types.push(event.type);
      if (event.type === 'file_list') void open(room.visitor).files.delete(file.id);
      if (event.type === 'file_removed') break;
    }
    expect(types.filter((type) => type !== 'file_updated')).toEqual([
      'connection_established',
      'error',
      'file_list',
      'file_removed',
    ]);
  });

  test('whoever may not is told so, and a token that ends is renewed', async () => {
    const room = newChatRoom();
    const next = (chat: ReturnType<typeof open>, session?: string) =>
      chat.events(session === undefined ? {} : { session }).next();
    await expect(next(open(room.visitor), 'another')).rejects.toMatchObject({ code: 'forbidden', status: 403 });
    await expect(next(open('not.a.token'))).rejects.toMatchObject({ code: 'invalid-request' });
    const key = { secret: TEST_SECRET, company: room.company };
    const ended = await signVisitorToken({ ...key, session: room.session, expiresIn: -60 });
    await expect(next(open(ended))).rejects.toMatchObject({ code: 'token-expired', status: 401 });
    const wrong = () => signVisitorToken({ ...key, secret: 'x'.repeat(32), session: room.session });
    await expect(next(open(wrong))).rejects.toMatchObject({ code: 'unauthenticated', status: 401 });
    let given = 0;
    const renewing = () => signVisitorToken({ ...key, session: room.session, expiresIn: given++ === 0 ? -60 : 600 });
    expect((await next(open(renewing))).value).toMatchObject({
      type: 'connection_established',
      session_id: room.session,
    });
    expect(given).toBe(2);
  });
});

describe('calls', () => {
  /** Not for a backend, or done by another call. */
  const LEFT_OUT: Record<string, string> = {
    'POST /api/auth/session/': 'the cookie is for pages',
    'DELETE /api/auth/session/': 'the cookie is for pages',
    'OPTIONS /api/chat/tus/': 'for preflights',
    'OPTIONS /api/chat/tus/{id}': 'for preflights',
    'POST /api/chat/upload/': 'upload goes on where this cannot',
    'GET /media/archive/{company}/{session}': 'a link is followed as it is',
    'GET /media/{key}': 'a link is followed as it is',
    'GET /healthz': 'for the operator',
    'GET /readyz': 'for the operator',
    'GET /openapi.json': 'the document itself',
    'GET /metrics': 'for Prometheus, with a token of its own',
    'GET /problems/': 'a page',
    'GET /problems/{code}': 'a page',
    'GET /admin/': 'a page',
    'GET /asyncapi.json': 'the document itself',
    'GET /': 'a page',
    'GET /widget/{name}': 'a page',
    'GET /widget.js': 'a page',
    'GET /embed/': 'a page',
    'GET /demo/': 'a page',
    'GET /dashboard/': 'a page',
    'POST /api/csp-reports/': 'from browsers',
    'POST /demo/tokens': 'for the demo',
  };

  test('every operation of the document is reached, or left out for a reason', async () => {
    const reached = new Set<string>();
    const rows = Object.keys(OPERATIONS).map((row) => ({ row, matches: matcherOf(row) }));
    const recording: typeof fetch = async (input, init) => {
      const asked = `${init?.method} ${new URL(String(input)).pathname}`;
      for (const { row, matches } of rows) if (matches.test(asked)) reached.add(row);
      return fetch(input, init);
    };
    const room = newChatRoom();
    const agent = open(() => signAgentToken({ secret: TEST_SECRET, company: room.company, sub: 'anna' }), {
      fetch: recording,
    });
    const admin = createChatdropAdmin({ url: `${server().baseUrl}/`, adminToken: ADMIN_TOKEN, fetch: recording });
    const inSession = { session: room.session };
    const names = ['c.png', 'a.png', 'b.png'];
    for (const name of names) await agent.upload(pngFile(), { name, ...inSession, fileKey: name });
    const listed = await all(agent.files.list({ ...inSession, pageSize: 2, kind: 'image' }));
    expect(listed.map(({ name }) => name)).toEqual(names);
    expect(await agent.files.page({ q: 'A.', limit: 5 })).toMatchObject({ count: 1, next_cursor: null });
    const [first, second] = listed.map(({ id }) => id);
    if (first === undefined || second === undefined) throw new Error('Nothing is listed.');
    expect(await agent.files.get(first)).toMatchObject({ uploader: 'agent', session_id: room.session });
    const part = await agent.files.download(first, { range: [1, 3] });
    expect([part.status, await part.text()]).toEqual([206, 'PNG']);
    await agent.files.revokeLinks(first);
    await agent.files.delete(first);
    await expect(agent.files.get(first)).rejects.toMatchObject({ code: 'not-found', status: 404 });
    expect((await all(agent.sessions.list({ pageSize: 1 }))).map(({ files_count }) => files_count)).toEqual([2]);
    await agent.sessions.revokeLinks(room.session);
    expect((await (await agent.sessions.archive(room.session)).arrayBuffer()).byteLength).toBeGreaterThan(100);
    expect((await agent.sessions.archiveLink(room.session)).url).toContain('/media/archive/');
    expect((await agent.config()).caller).toEqual({ role: 'agent', company_id: room.company, session_id: null });

    const stop = new AbortController();
    const unfinished = agent.upload(mp4File(MIB), {
      ...inSession,
      chunkBytes: 100_000,
      fileKey: 'half',
      signal: stop.signal,
      onProgress: () => stop.abort(new Error('half is enough')),
    });
    await expect(unfinished).rejects.toThrow('half is enough');
    const [left] = await agent.uploads.list(inSession);
    await agent.uploads.cancel(left?.upload_url ?? '');
    expect(await agent.uploads.list(inSession)).toEqual([]);
    await expect(agent.upload({ path: join(folder, 'none') }, inSession)).rejects.toThrow('ENOENT');
    // HEAD is asked where an upload goes on: see above.
    reached.add('HEAD /api/chat/tus/{id}');

    const { company } = room;
    await tryWebhooks(admin, company, () => agent.upload(pngFile(), { ...inSession, name: 'd.png' }));
    expect((await admin.health()).parts.map(({ name }) => name)).toContain('database');
    expect((await admin.overview()).live.uploading.count).toBeTypeOf('number');
    expect(await admin.analytics({ company })).toMatchObject({ company_id: company });
    expect(await (await admin.analyticsCsv({ company })).text()).toContain('day');
    const shown = await admin.companies.setPolicy(company, { quota: null, max_files: 10 });
    expect([shown.policy, (await admin.companies.policy(company)).version]).toEqual([
      { quota: null, max_files: 10 },
      shown.version,
    ]);
    await expect(admin.companies.setPolicy(company, {}, { ifVersion: shown.version - 1 })).rejects.toMatchObject({
      code: 'precondition-failed',
      status: 412,
    });
    await admin.companies.clearPolicy(company, { ifVersion: shown.version });
    const key = await admin.companies.addKey(company, { id: 'k1', key: randomBytes(32).toString('hex') });
    expect(await admin.companies.keys(company)).toEqual([key]);
    await admin.companies.removeKey(company, key.id);
    const held = await all(admin.companies.list());
    expect(held.find(({ company_id }) => company_id === company)).toMatchObject({ keys: 0 });
    for (const zip of [
      await admin.companies.exportSession(company, room.session),
      await admin.companies.exportVisitor(company, room.session),
    ])
      expect((await zip.arrayBuffer()).byteLength).toBeGreaterThan(20);
    await open(room.visitor).upload(pngFile(), { name: 'v.png' });
    expect(await admin.companies.deleteVisitor(company, room.session)).toMatchObject({ kind: 'visitor' });
    await agent.sessions.delete(room.session);
    await agent.upload(pngFile(), inSession);
    const receipt = await admin.companies.deleteSession(company, room.session);
    expect(await admin.deletions.get(receipt.id)).toMatchObject({ kind: 'session', company_id: company });
    await agent.upload(pngFile(), inSession);
    expect(await admin.companies.delete(company)).toMatchObject({ kind: 'company' });
    expect((await all(admin.deletions.list({ company }))).length).toBeGreaterThan(3);
    expect((await admin.jobs({ limit: 1 })).counts).toBeTypeOf('object');
    const done = await all(admin.audit({ company, action: 'company_deleted' }));
    expect(done).toMatchObject([{ role: 'operator', company_id: company }]);
    expect(await all(admin.infections({ company }))).toEqual([]);

    expect([...reached, ...Object.keys(LEFT_OUT)].sort()).toEqual(Object.keys(OPERATIONS).sort());
  });

  test('an error says what the server said', async () => {
    const error = await open('not.a.token')
      .files.get(1)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ChatdropError);
    expect(error).toMatchObject({ code: 'unauthenticated', status: 401, detail: expect.stringMatching(/\.$/) });
    const nobody = createChatdrop({ url: 'http://127.0.0.1:9', token: 'x', maxWaitMs: 0 });
    await expect(nobody.config()).rejects.toMatchObject({ code: 'unreachable', status: 0 });
  });

  test('an id that is none leads nowhere else', async () => {
    const asked: string[] = [];
    const counting: typeof fetch = async (input) => {
      asked.push(String(input));
      return new Response('{}', { status: 200 });
    };
    const agent = open('x', { fetch: counting });
    const admin = createChatdropAdmin({ url: server().baseUrl, adminToken: 'x', fetch: counting });
    const events = open('x.e30.x').events({ company: 'acme', session: '.' });
    const calls = [
      ...['.', '..', ''].map((id) => () => admin.companies.deleteSession('acme', id)),
      () => admin.companies.removeKey('acme', '..'),
      () => agent.sessions.delete('..'),
      () => events.next(),
      () => agent.uploads.cancel('https://elsewhere.example/api/chat/sessions/s1/'),
    ];
    for (const call of calls) await expect((async () => call())()).rejects.toMatchObject({ code: 'invalid-request' });
    expect(asked).toEqual([]);
  });

  test('what is sent is for this server, wherever it points to', async () => {
    const told: string[] = [];
    const elsewhere = createServer((request, response) => {
      told.push(request.url ?? '');
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const other = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
    const leading = createServer((_request, response) => response.writeHead(307, { Location: other }).end());
    leading.listen(0, '127.0.0.1');
    await once(leading, 'listening');
    const url = `http://127.0.0.1:${(leading.address() as AddressInfo).port}`;
    const admin = createChatdropAdmin({ url, adminToken: 'x', maxWaitMs: 0 });
    await expect(admin.companies.addKey('acme', { key: 'a'.repeat(32) })).rejects.toBeInstanceOf(ChatdropError);
    expect(told).toEqual([]);
    leading.close();
    elsewhere.close();
  });

  test('no token goes to another server', async () => {
    const call = open('secret').request({ method: 'GET', path: 'http://127.0.0.2:1/steal' });
    await expect(call).rejects.toMatchObject({ code: 'unexpected-answer' });
  });
});

/** Each call about webhooks; what the real server sends is verified as a backend does it. */
async function tryWebhooks(admin: ChatdropAdmin, company: string, share: () => Promise<ChatFile>): Promise<void> {
  const receiver = await startWebhookReceiver();
  const { secret, id } = await admin.webhooks.add(company, { url: receiver.url('/hook'), events: ['file.shared'] });
  const file = await share();
  const [told] = await receiver.waitFor('/hook', 1);
  const message = await verifyWebhook(told?.headers ?? {}, told?.body ?? '', secret);
  expect(message).toMatchObject({ type: 'file.shared', data: { id: file.id, name: 'd.png' } });
  await expect(verifyWebhook(told?.headers ?? {}, `${told?.body} `, secret)).rejects.toThrow();
  const renewed = await admin.webhooks.rotateSecret(company, id, { overlapSeconds: 0 });
  expect(renewed.secret).not.toBe(secret);
  await admin.webhooks.test(company, id);
  const [, tried] = await receiver.waitFor('/hook', 2);
  expect(await verifyWebhook(tried?.headers ?? {}, tried?.body ?? '', renewed.secret)).toMatchObject({
    type: 'webhook.test',
  });
  const [first] = await eventually('both are taken', async () => {
    const taken = await all(admin.webhooks.deliveries(company, id, { state: 'delivered' }));
    return taken.length === 2 && taken;
  });
  await admin.webhooks.resend(company, id, first?.id ?? 0);
  await receiver.waitFor('/hook', 3);
  expect(await admin.webhooks.resendFailed(company, id, new Date(0).toISOString())).toBe(0);
  expect(await admin.webhooks.change(company, id, { enabled: false })).toMatchObject({ enabled: false });
  expect(await admin.webhooks.get(company, id)).toMatchObject({ disabled_reason: 'operator' });
  await admin.webhooks.remove(company, id);
  expect(await admin.webhooks.list(company)).toEqual([]);
  await receiver.close();
}

function* pieces(body: Buffer): Generator<Buffer> {
  for (let at = 0; at < body.length; at += 70_000) yield body.subarray(at, at + 70_000);
}

/** `{id}` is one part of a path; of two rows that match, both would count, so no row's path holds another's. */
function matcherOf(row: string): RegExp {
  return new RegExp(`^${row.replaceAll('/', '\\/').replaceAll(/\{[a-z]+\}/g, '[^/]+')}$`);
}

async function all<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}
