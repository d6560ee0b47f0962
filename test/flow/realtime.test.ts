/** Socket.IO: who may connect, what each side hears, and that nothing is missed or told twice. */
import { afterEach, describe, expect, test } from 'vitest';
import { bearer, listFiles, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { type RecorderOptions, recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';
import { agentToken, brokenTokens, nowSeconds, visitorToken } from '../services/tokens.ts';
import { create, fileIdOf, patch, terminate } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ALLOWED = 'https://shop.example';
const server = chatdropForSuite({ env: { ALLOWED_ORIGINS: ALLOWED } });
const opened: SocketRecorder[] = [];
const LEDGER_EVENTS = ['file_shared', 'file_updated', 'file_removed'];

afterEach(() => {
  for (const recorder of opened.splice(0)) recorder.close();
});

describe('connecting', () => {
  test('the first event says where one is', async () => {
    const room = newChatRoom();
    const visitor = await join(room, room.visitor);
    expect(visitor.events.map(({ name }) => name)).toEqual(['connect', 'connection_established']);
    expect(visitor.payloads('connection_established')).toMatchObject([
      {
        type: 'connection_established',
        company_id: room.company,
        session_id: room.session,
        seq: (await listFiles(server().baseUrl, room)).seq,
        message: expect.any(String),
      },
    ]);
  });

  test('company and session default to the token’s', async () => {
    const room = newChatRoom();
    const visitor = open({ auth: { token: room.visitor } });
    const { payload } = await visitor.waitForEvent('connection_established');
    expect(payload).toMatchObject({ company_id: room.company, session_id: room.session });
  });

  test('by long polling too', async () => {
    const room = newChatRoom();
    const visitor = open({ auth: authOf(room, room.visitor), transports: ['polling'] });
    await visitor.waitForEvent('connection_established');
    const shared = await share(room, room.agent);
    expect((await visitor.waitForEvent('file_shared')).payload.id).toBe(shared.id);
  });

  test.each(Object.keys(brokenTokens('c', 's')))('a token with a fault is refused: %s', async (fault) => {
    const room = newChatRoom();
    const token = brokenTokens(room.company, room.session)[fault];
    await expectRefused({ auth: { ...authOf(room, ''), token } });
  });

  test('what the token may not use is refused: company, session, role', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const foreign = newChatRoom();
    await expectRefused({ auth: { ...authOf(other, room.visitor) } });
    await expectRefused({ auth: { ...authOf(foreign, room.visitor) } });
    await expectRefused({ auth: { ...authOf(foreign, room.agent) } });
    await expectRefused({ auth: authOf(room, agentToken(room.company, 'agent-1', other.session)) });
    await expectRefused({ auth: { token: room.agent, company_id: room.company, session_id: 'a/../b' } });
  });

  test.each(['websocket', 'polling'] as const)(
    'a foreign Origin is refused by %s, an allowed one is not',
    async (how) => {
      const room = newChatRoom();
      const auth = authOf(room, room.visitor);
      await expectRefused({ auth, transports: [how], extraHeaders: { origin: 'https://evil.example' } });
      await expectRefused({ auth, transports: [how], extraHeaders: { origin: 'null' } });
      await expectRefused({ auth, transports: [how], extraHeaders: { origin: `${ALLOWED}.evil.example` } });
      const allowed = open({ auth, transports: [how], extraHeaders: { origin: ALLOWED } });
      await allowed.waitForEvent('connection_established');
    },
  );

  test('the cookie alone needs an allowed Origin', async () => {
    const room = newChatRoom();
    const cookie = `chatdrop=${room.visitor}`;
    const auth = { company_id: room.company, session_id: room.session };
    await expectRefused({ auth, extraHeaders: { cookie } });
    await expectRefused({ auth, extraHeaders: { cookie, origin: 'https://evil.example' } });
    const page = open({ auth, extraHeaders: { cookie, origin: ALLOWED } });
    await page.waitForEvent('connection_established');
  });

  test('a socket ends when its token does', async () => {
    const room = newChatRoom();
    const token = visitorToken(room.company, room.session, { exp: nowSeconds() + 3 });
    const visitor = await join(room, token);
    // A few seconds more are granted for clocks that differ.
    const { payload } = await visitor.waitForEvent('disconnect');
    expect(payload).toBe('io server disconnect');
    await share(room, room.agent);
    expect(visitor.payloads('file_shared')).toEqual([]);
  });
});

describe('what the chat hears', () => {
  test('a shared file reaches every socket of the session, the sender’s too, and no other', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const visitor = await join(room, room.visitor);
    const secondDevice = await join(room, room.visitor);
    const agent = await join(room, room.agent);
    const neighbour = await join(other, other.visitor);
    const file = await share(room, room.visitor, 'a.png');
    for (const recorder of [visitor, secondDevice, agent]) {
      const { payload } = await recorder.waitForEvent('file_shared');
      const { url, ...rest } = file;
      expect(payload).toMatchObject({ type: 'file_shared', ...rest });
      // The link is fresh: it need not be the list's, and it opens.
      expect(new URL(payload.url).pathname).toBe(new URL(url).pathname);
      expect((await send({ method: 'GET', url: payload.url })).status).toBe(200);
    }
    const fence = await share(other, other.visitor);
    await neighbour.waitForEvent('file_shared');
    expect(neighbour.payloads('file_shared').map(({ id }) => id)).toEqual([fence.id]);
    for (const recorder of [visitor, secondDevice, agent]) expect(recorder.payloads('file_shared')).toHaveLength(1);
  });

  test('a removed file is named to all', async () => {
    const room = newChatRoom();
    const visitor = await join(room, room.visitor);
    const agent = await join(room, room.agent);
    const file = await share(room, room.visitor);
    await remove(file.id, room.agent);
    for (const recorder of [visitor, agent]) {
      const { payload } = await recorder.waitForEvent('file_removed');
      expect(payload).toMatchObject({
        type: 'file_removed',
        id: file.id,
        company_id: room.company,
        session_id: room.session,
        reason: 'deleted',
      });
      expect(payload.seq).toBeGreaterThan(file.seq);
    }
  });

  test('an upload on its way is shown to the others, not to its sender', async () => {
    const room = newChatRoom();
    const visitor = await join(room, room.visitor);
    const agent = await join(room, room.agent);
    const body = mp4File(300_000);
    const created = await begin(room, body.length, 'film.mp4');
    await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, 100_000) });
    const { payload } = await agent.waitForEvent('upload_progress');
    expect(payload).toMatchObject({
      type: 'upload_progress',
      company_id: room.company,
      session_id: room.session,
      uploader: 'user',
      name: 'film.mp4',
      size: 300_000,
      state: 'uploading',
    });
    expect(JSON.stringify(payload)).not.toContain(created.url.split('/').pop());
    await patch({ url: created.url, token: room.visitor, offset: 100_000, body: body.subarray(100_000) });
    await agent.waitFor(({ name, payload: seen }) => name === 'upload_progress' && seen.state === 'done');
    await agent.waitForEvent('file_shared');
    await visitor.waitForEvent('file_shared');
    expect(visitor.payloads('upload_progress')).toEqual([]);
  });

  test('an upload that pauses is shown where it stands, not where it was a moment before', async () => {
    const room = newChatRoom();
    const agent = await join(room, room.agent);
    const body = mp4File(300_000);
    const created = await begin(room, body.length, 'film.mp4');
    for (const offset of [0, 50_000, 100_000]) {
      await patch({ url: created.url, token: room.visitor, offset, body: body.subarray(offset, offset + 50_000) });
    }
    await agent.waitFor(({ name, payload }) => name === 'upload_progress' && payload.offset === 150_000);
  });

  test('an upload that is given up ends as cancelled, a refused one shows nothing or ends as failed', async () => {
    const room = newChatRoom();
    const agent = await join(room, room.agent);
    const body = mp4File(300_000);
    const created = await begin(room, body.length, 'film.mp4');
    await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, 100_000) });
    await agent.waitForEvent('upload_progress');
    await terminate(created.url, room.visitor);
    await agent.waitFor(({ name, payload }) => name === 'upload_progress' && payload.state === 'cancelled');
    expect(agent.payloads('file_shared')).toEqual([]);
  });

  test('many small PATCHes give at most one progress event a second', async () => {
    const room = newChatRoom();
    const agent = await join(room, room.agent);
    const body = mp4File(40_000);
    const created = await begin(room, body.length, 'film.mp4');
    const startedAt = performance.now();
    for (let offset = 0; offset < body.length; offset += 1000) {
      await patch({ url: created.url, token: room.visitor, offset, body: body.subarray(offset, offset + 1000) });
    }
    await agent.waitFor(({ name, payload }) => name === 'upload_progress' && payload.state === 'done');
    const seconds = (performance.now() - startedAt) / 1000;
    const uploading = agent.payloads('upload_progress').filter(({ state }) => state === 'uploading');
    expect(uploading.length).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
  });

  test('request_file_list is answered as an event and as the acknowledgement', async () => {
    const room = newChatRoom();
    const file = await share(room, room.visitor);
    const agent = await join(room, room.agent);
    const request = { type: 'request_file_list', company_id: room.company, session_id: room.session };
    const acknowledged = await agent.socket.timeout(60_000).emitWithAck('request_file_list', request);
    const expected = { files: [{ id: file.id }], count: 1, company_id: room.company, session_id: room.session };
    expect(acknowledged).toMatchObject(expected);
    agent.socket.emit('request_file_list', request);
    const { payload } = await agent.waitForEvent('file_list');
    expect(payload).toMatchObject({ type: 'file_list', ...expected });
    expect(payload.seq).toBe((await listFiles(server().baseUrl, room)).seq);
  });

  test.each([
    [undefined],
    ['text'],
    [{ session_id: 7 }],
    [{ session_id: '../x', company_id: {} }],
    [[[]]],
    [{ session_id: 'not-mine' }],
  ])('a strange request %j gives no list of another chat and does no harm', async (request) => {
    const room = newChatRoom();
    await share(room, room.visitor);
    const visitor = await join(room, room.visitor);
    visitor.socket.emit('request_file_list', request);
    visitor.socket.emit('join', request);
    visitor.socket.emit('leave', request);
    visitor.socket.emit('no_such_event', request);
    const answer = await visitor.socket.timeout(60_000).emitWithAck('request_file_list', {});
    expect(answer.session_id).toBe(room.session);
    for (const list of visitor.payloads('file_list')) expect(list.session_id).toBe(room.session);
  });
});

describe('nothing is missed', () => {
  test('`after` replays what came since, once and in order, then the live events follow', async () => {
    const room = newChatRoom();
    const seen = await share(room, room.visitor, '0.png');
    const first = await share(room, room.visitor, '1.png');
    const gone = await share(room, room.visitor, '2.png');
    const third = await share(room, room.agent, '3.png');
    await remove(gone.id, room.visitor);
    const agent = await join(room, room.agent, seen.seq);
    const live = await share(room, room.visitor, '4.png');
    await agent.waitFor(({ name, payload }) => name === 'file_shared' && payload.id === live.id);
    expect(ledgerOf(agent)).toEqual([
      ['file_shared', first.id],
      ['file_shared', third.id],
      ['file_removed', gone.id],
      ['file_shared', live.id],
    ]);
    expectAscending(agent);
    expect(agent.events.findIndex(({ name }) => name === 'connection_established')).toBeLessThan(
      agent.events.findIndex(({ name }) => name === 'file_shared'),
    );
  });

  test('while files keep coming in, the change from replay to live loses and doubles none', async () => {
    const room = newChatRoom();
    const { seq } = await listFiles(server().baseUrl, room);
    const ids: number[] = [];
    const sharing = (async () => {
      for (let at = 0; at < 30; at += 1) {
        const created = await create({ baseUrl: server().baseUrl, token: room.visitor, body: pngFile({ seed: at }) });
        ids.push(fileIdOf(created));
      }
    })();
    const joined: SocketRecorder[] = [];
    while (ids.length < 28) {
      // Each an agent of their own: one has places for a few hundred sockets.
      joined.push(await join(room, agentToken(room.company, `agent-${joined.length}`), seq));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await sharing;
    for (const recorder of joined) {
      await recorder.waitFor(({ name, payload }) => name === 'file_shared' && payload.id === ids.at(-1));
      expect(recorder.payloads('file_shared').map(({ id }) => id)).toEqual(ids);
    }
  });

  test('across a restart of the server, by the client’s own reconnecting', async () => {
    const room = newChatRoom();
    const auth: Record<string, unknown> = authOf(room, room.agent);
    const agent = open({ auth, reconnection: true });
    await agent.waitForEvent('connection_established');
    // As a client does: it comes back with the last number that it has seen.
    agent.socket.onAny((_name, payload) => {
      if (typeof payload?.seq === 'number') auth.after = Math.max(Number(auth.after ?? 0), payload.seq);
    });
    const before = await share(room, room.visitor, '1.png');
    await agent.waitForEvent('file_shared');
    agent.socket.io.engine.close();
    await agent.waitForEvent('disconnect');
    await server().kill('SIGKILL');
    await server().restart();
    const missed = await share(room, room.visitor, '2.png');
    await agent.waitFor(({ name, payload }) => name === 'file_shared' && payload.id === missed.id);
    const live = await share(room, room.visitor, '3.png');
    await agent.waitFor(({ name, payload }) => name === 'file_shared' && payload.id === live.id);
    expect(agent.payloads('file_shared').map(({ id }) => id)).toEqual([before.id, missed.id, live.id]);
    expectAscending(agent);
  });

  test('without `after` only what comes next is told', async () => {
    const room = newChatRoom();
    await share(room, room.visitor, '1.png');
    const agent = await join(room, room.agent);
    const live = await share(room, room.visitor, '2.png');
    await agent.waitForEvent('file_shared');
    expect(ledgerOf(agent)).toEqual([['file_shared', live.id]]);
  });

  test.each([-1, 1.5, 'abc', null, {}, Number.MAX_SAFE_INTEGER])(
    'a strange `after` (%j) does no harm',
    async (after) => {
      const room = newChatRoom();
      const visitor = open({ auth: { ...authOf(room, room.visitor), after } });
      const first = await visitor.waitFor(({ name }) => ['connection_established', 'connect_error'].includes(name));
      if (first.name === 'connect_error') return;
      const live = await share(room, room.agent);
      const heard = await visitor.waitFor(({ name }) => name === 'file_shared' || name === 'error');
      if (heard.name === 'file_shared') expect(heard.payload.id).toBe(live.id);
    },
  );
});

describe('an agent without a session', () => {
  test('joins and leaves sessions, each with its own catch-up', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const seen = await share(room, room.visitor, '0.png');
    const missed = await share(room, room.visitor, '1.png');
    const agent = open({ auth: { token: room.agent } });
    expect((await agent.waitForEvent('connection_established')).payload.session_id).toBeNull();

    agent.socket.emit('join', { type: 'join', session_id: room.session, after: seen.seq });
    await agent.waitFor(
      ({ name, payload }) => name === 'connection_established' && payload.session_id === room.session,
    );
    const replayed = await agent.waitForEvent('file_shared');
    expect(replayed.payload.id).toBe(missed.id);
    const live = await share(room, room.visitor, '2.png');
    await agent.waitFor(({ name, payload }) => name === 'file_shared' && payload.id === live.id);

    await agent.socket.timeout(60_000).emitWithAck('leave', { type: 'leave', session_id: room.session });
    await share(room, room.visitor, '3.png');
    agent.socket.emit('join', { type: 'join', session_id: other.session });
    await agent.waitFor(
      ({ name, payload }) => name === 'connection_established' && payload.session_id === other.session,
    );
    const elsewhere = await share(other, other.visitor, '4.png');
    await agent.waitFor(({ name, payload }) => name === 'file_shared' && payload.id === elsewhere.id);
    const inRoom = agent.payloads('file_shared').filter(({ session_id }) => session_id === room.session);
    expect(inRoom.map(({ id }) => id)).toEqual([missed.id, live.id]);
  });

  test('cannot join another company’s session of the same name', async () => {
    const room = newChatRoom();
    const stranger = open({ auth: { token: newChatRoom().agent } });
    await stranger.waitForEvent('connection_established');
    stranger.socket.emit('join', { type: 'join', session_id: room.session, company_id: room.company });
    const answer = await stranger.socket
      .timeout(60_000)
      .emitWithAck('request_file_list', { company_id: room.company, session_id: room.session });
    expect(JSON.stringify(answer)).not.toContain(room.company);
    const witness = await join(room, room.agent);
    await share(room, room.visitor);
    await witness.waitForEvent('file_shared');
    expect(stranger.payloads('file_shared')).toEqual([]);
  });

  test('a visitor cannot join another session', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const visitor = await join(room, room.visitor);
    visitor.socket.emit('join', { type: 'join', session_id: other.session, after: 0 });
    await share(other, other.visitor);
    const mine = await share(room, room.agent);
    await visitor.waitForEvent('file_shared');
    expect(visitor.payloads('file_shared').map(({ id }) => id)).toEqual([mine.id]);
  });
});

function open(options: Omit<RecorderOptions, 'baseUrl'>): SocketRecorder {
  const recorder = recordSocket({ baseUrl: server().baseUrl, ...options });
  opened.push(recorder);
  return recorder;
}

async function join(room: ChatRoom, token: string, after?: number): Promise<SocketRecorder> {
  const recorder = open({ auth: { ...authOf(room, token), ...(after === undefined ? {} : { after }) } });
  await recorder.waitForEvent('connection_established');
  return recorder;
}

async function expectRefused(options: Omit<RecorderOptions, 'baseUrl'>): Promise<void> {
  const recorder = open(options);
  const ended = await recorder.waitFor(({ name }) => ['connect_error', 'disconnect'].includes(name));
  expect(ended.name).toBe('connect_error');
  expect(recorder.events.filter(({ name }) => name !== 'connect_error')).toEqual([]);
}

function authOf(room: ChatRoom, token: string): Record<string, unknown> {
  return { token, company_id: room.company, session_id: room.session };
}

async function share(room: ChatRoom, token: string, name = 'a.png') {
  return await shareFile({ baseUrl: server().baseUrl, room, token, body: pngFile(), name });
}

async function begin(room: ChatRoom, length: number, filename: string) {
  return await create({ baseUrl: server().baseUrl, token: room.visitor, length, metadata: { filename } });
}

async function remove(id: number, token: string): Promise<void> {
  const url = `${server().baseUrl}/api/chat/files/${id}/`;
  const answer = await send({ method: 'DELETE', url, headers: bearer(token) });
  expect(answer.status).toBe(204);
}

/** Name and file id of the ledger's events, in the order in which they came. */
function ledgerOf(recorder: SocketRecorder): Array<[string, number]> {
  return recorder.events
    .filter(({ name }) => LEDGER_EVENTS.includes(name))
    .map(({ name, payload }) => [name, payload.id]);
}

function expectAscending(recorder: SocketRecorder): void {
  const numbers = recorder.events
    .filter(({ name }) => LEDGER_EVENTS.includes(name))
    .map(({ payload }) => Number(payload.seq));
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
}
