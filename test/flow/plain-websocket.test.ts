/** `/ws/chat/{company_id}/{session_id}/`: the original API's WebSocket, with the same events as Socket.IO. */
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { bearer, get, listFiles, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type PlainOptions, type PlainSocket, plainSocket } from '../services/plain-socket.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { agentToken, brokenTokens, nowSeconds, visitorToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ALLOWED = 'https://shop.example';
const server = chatdropForSuite({ env: { ALLOWED_ORIGINS: ALLOWED, LOG_LEVEL: 'trace' } });
const opened: PlainSocket[] = [];

afterEach(() => {
  for (const client of opened.splice(0)) client.socket.terminate();
});

function open(path: string, options?: PlainOptions): PlainSocket {
  const client = plainSocket(server().baseUrl + path, options);
  opened.push(client);
  return client;
}

const pathOf = (room: ChatRoom, query = '') => `/ws/chat/${room.company}/${room.session}/${query}`;
const share = (room: ChatRoom, name = 'a.png') => shareFile({ baseUrl: server().baseUrl, room, body: pngFile(), name });

async function join(room: ChatRoom, token = room.visitor, more = ''): Promise<PlainSocket> {
  const client = open(pathOf(room, `?token=${token}${more}`));
  await client.waitFor('connection_established');
  return client;
}

describe('connecting', () => {
  test('the first event is the original’s, with its place in the ledger', async () => {
    const room = newChatRoom();
    const { events } = await join(room);
    expect(events).toEqual([
      {
        type: 'connection_established',
        message: 'WebSocket connected successfully',
        company_id: room.company,
        session_id: room.session,
        seq: (await listFiles(server().baseUrl, room)).seq,
      },
    ]);
  });

  test('the token may come by query, subprotocol, header, or cookie with an allowed Origin', async () => {
    const room = newChatRoom();
    const withSubprotocol = open(pathOf(room), { protocols: ['chatdrop', room.visitor] });
    await withSubprotocol.waitFor('connection_established');
    expect(withSubprotocol.socket.protocol).toBe('chatdrop');
    const cookie = `chatdrop=${room.visitor}`;
    const ways: Record<string, string>[] = [
      { authorization: `Bearer ${room.visitor}` },
      { cookie, origin: ALLOWED },
      { cookie, origin: server().baseUrl },
    ];
    for (const headers of ways) await open(pathOf(room), { headers }).waitFor('connection_established');
    await open(`${pathOf(room).slice(0, -1)}?token=${room.visitor}`).waitFor('connection_established');
  });

  test.each<[string, (room: ChatRoom) => PlainOptions]>([
    ['the cookie without an Origin', (room) => ({ headers: { cookie: `chatdrop=${room.visitor}` } })],
    ['two cookies', (room) => ({ headers: { cookie: `chatdrop=${room.visitor}; chatdrop=x`, origin: ALLOWED } })],
    ['a token without our subprotocol', (room) => ({ protocols: [room.visitor] })],
    ['our subprotocol without a token', () => ({ protocols: ['chatdrop'] })],
  ])('%s is 401', async (_what, options) => {
    const room = newChatRoom();
    expect(await open(pathOf(room), options(room)).refused).toMatchObject({ status: 401, code: 'unauthenticated' });
  });

  test.each(Object.keys(brokenTokens('c', 's')))('a token with a fault is 401: %s', async (fault) => {
    const room = newChatRoom();
    const token = brokenTokens(room.company, room.session)[fault];
    const refused = await open(pathOf(room, token === undefined ? '' : `?token=${token}`)).refused;
    expect(refused).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
  });

  test('a company or session that is not the token’s is 403, a foreign Origin too', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const foreign = newChatRoom();
    const attempts: [ChatRoom, string, PlainOptions?][] = [
      [other, room.visitor],
      [foreign, room.visitor],
      [foreign, room.agent],
      [room, agentToken(room.company, 'agent-1', other.session)],
      [room, room.visitor, { headers: { origin: 'https://evil.example' } }],
      [room, room.visitor, { headers: { origin: 'null' } }],
    ];
    for (const [place, token, options] of attempts) {
      const refused = await open(pathOf(place, `?token=${token}`), options).refused;
      expect(refused).toMatchObject({ status: 403, code: 'forbidden' });
    }
  });

  test.each([
    '/',
    '/ws/',
    '/ws/chat/',
    '/ws/chat/a/b/c/',
    '/ws/chat/a/..%2fb/',
    '/ws/chat/a/%00/',
    '/ws/chat//b/',
    `/ws/chat/a/${'b'.repeat(65)}/`,
    '/socket.io',
    '/api/chat/files/',
  ])('there is none at %s: 404', async (path) => {
    expect(await open(path).refused).toMatchObject({ status: 404, code: 'not-found' });
  });

  test.each(['after=-1', 'after=x', 'after=9007199254740992', 'after=1e3', 'after=1&after=2'])(
    '%s is 400',
    async (query) => {
      const room = newChatRoom();
      const refused = await open(pathOf(room, `?token=${room.visitor}&${query}`)).refused;
      expect(refused).toMatchObject({ status: 400, code: 'invalid-request' });
    },
  );

  test('what is no handshake is 400, and no request at all is 404', async () => {
    const room = newChatRoom();
    const headers = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-version': '13' };
    const url = server().baseUrl + pathOf(room, `?token=${room.visitor}`);
    expect((await send({ method: 'GET', url, headers })).status).toBe(400);
    expect((await get(server().baseUrl, pathOf(room, `?token=${room.visitor}`))).status).toBe(404);
  });

  test('the token is in no log', async () => {
    const room = newChatRoom();
    await join(room);
    await get(server().baseUrl, pathOf(room, `?token=${room.visitor}`));
    await open(pathOf(newChatRoom(), `?token=${room.visitor}`)).refused;
    expect(server().logs()).not.toContain(room.visitor.slice(0, 40));
  });
});

describe('what the chat hears', () => {
  test('the same as over Socket.IO: shared, on its way, removed', async () => {
    const room = newChatRoom();
    const plain = await join(room);
    const socketIo = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.visitor } });
    await socketIo.waitForEvent('connection_established');
    const body = mp4File(300_000);
    const { url } = await create({
      baseUrl: server().baseUrl,
      token: room.agent,
      length: body.length,
      metadata: { session_id: room.session, filename: 'f.mp4' },
    });
    await patch({ url, token: room.agent, offset: 0, body: body.subarray(0, 100_000) });
    await patch({ url, token: room.agent, offset: 100_000, body: body.subarray(100_000) });
    const { id } = await plain.waitFor('file_shared');
    await send({ method: 'DELETE', url: `${server().baseUrl}/api/chat/files/${id}/`, headers: bearer(room.agent) });
    await plain.waitFor('file_removed');
    await socketIo.waitForEvent('file_removed');
    const withoutLink = ({ url: _link, ...event }: Record<string, unknown>) => event;
    const heard = socketIo.events.filter(({ name }) => name !== 'connect').map(({ payload }) => withoutLink(payload));
    expect(plain.events.map(withoutLink)).toEqual(heard);
    expect(plain.events.map(({ type }) => type)).toContain('upload_progress');
    socketIo.close();
  });

  test('with `after` first what was missed, in order, once', async () => {
    const room = newChatRoom();
    const first = await share(room);
    const missed = [await share(room, 'b.png'), await share(room, 'c.png')];
    const client = await join(room, room.visitor, `&after=${first.seq}`);
    const live = await share(room, 'd.png');
    await eventually('all three', async () => client.events.length >= 4);
    expect(client.events.slice(1).map(({ id }) => id)).toEqual([...missed, live].map(({ id }) => id));
  });

  test('with an `after` that is not kept: resync, then the list', async () => {
    const room = newChatRoom();
    await share(room);
    const client = await join(room, room.visitor, '&after=9007199254740991');
    await client.waitFor('file_list');
    expect(client.events.map(({ type, code }) => code ?? type)).toEqual([
      'connection_established',
      'resync',
      'file_list',
    ]);
  });

  test('request_file_list is answered as the original does', async () => {
    const room = newChatRoom();
    const { id } = await share(room);
    const client = await join(room);
    client.socket.send(
      JSON.stringify({ type: 'request_file_list', session_id: room.session, company_id: room.company }),
    );
    const list = await client.waitFor('file_list');
    expect(list).toMatchObject({
      type: 'file_list',
      files: [{ id }],
      count: 1,
      session_id: room.session,
      company_id: room.company,
    });
  });

  test('an agent asks without naming the session: the connection’s is meant', async () => {
    const room = newChatRoom();
    const client = await join(room, room.agent);
    client.socket.send('{"type":"request_file_list"}');
    expect(await client.waitFor('file_list')).toMatchObject({ session_id: room.session });
  });
});

describe('bad messages', () => {
  test.each([
    '',
    '{',
    'null',
    '[]',
    '"x"',
    '{"type":1}',
    '{"type":"file_shared","id":1}',
    '{"type":"join","session_id":"s"}',
    '{"type":"request_file_list","session_id":"a/b"}',
    '{"type":"request_file_list","cursor":7}',
    '{"type":"request_file_list","cursor":"never-given"}',
  ])('%s is answered with an error, and nothing else happens', async (message) => {
    const room = newChatRoom();
    const client = await join(room);
    client.socket.send(message);
    expect(await client.waitFor('error')).toMatchObject({ type: 'error', code: 'invalid-request' });
    client.socket.send('{"type":"request_file_list"}');
    await client.waitFor('file_list');
    expect(client.events).toHaveLength(3);
  });

  test('another session’s list is forbidden', async () => {
    const room = newChatRoom();
    const client = await join(room);
    client.socket.send(JSON.stringify({ type: 'request_file_list', session_id: newChatRoom(room.company).session }));
    expect(await client.waitFor('error')).toMatchObject({ code: 'forbidden' });
  });

  test.each<[string, number, (client: PlainSocket) => void]>([
    ['a binary frame', 1003, ({ socket }) => socket.send(randomBytes(10))],
    ['a message of 1 MB', 1009, ({ socket }) => socket.send('x'.repeat(1024 * 1024))],
    [
      '10,000 messages',
      1008,
      ({ socket }) => {
        for (let n = 0; n < 10_000; n += 1) socket.send('{}');
      },
    ],
    [
      '10,000 pings',
      1008,
      ({ socket }) => {
        for (let n = 0; n < 10_000; n += 1) socket.ping();
      },
    ],
    [
      '1,000 fragments',
      1008,
      ({ socket }) => {
        for (let n = 0; n < 1000; n += 1) socket.send('x', { fin: false });
      },
    ],
    ['no UTF-8', 1007, ({ socket }) => socket.send(Buffer.from([0xff, 0xfe]), { binary: false })],
  ])('%s ends the connection with %i, and no other', async (_what, code, attack) => {
    const room = newChatRoom();
    const [attacker, neighbour] = [await join(room), await join(room)];
    attack(attacker);
    // After a flood the system may send a reset, since not all of it was read: that can overtake the goodbye.
    expect([code, ...(code === 1008 ? [1006] : [])]).toContain(await attacker.closed);
    await share(room);
    await neighbour.waitFor('file_shared');
    expect(server().logs()).not.toMatch(/"level":(?:50|60)/);
  });

  test('a frame that is none, and a reset in the handshake, hurt nobody', async () => {
    const room = newChatRoom();
    const { socket } = await join(room);
    (socket as unknown as { _socket: { write(bytes: Buffer): void } })._socket.write(
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]),
    );
    for (let n = 0; n < 20; n += 1) {
      const raw = connect(server().port, '127.0.0.1');
      raw.on('error', () => {});
      raw.write(
        `GET ${pathOf(room, `?token=${room.visitor}`)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
        () => raw.resetAndDestroy(),
      );
    }
    // Not the visitor, whose places a busy server may not have got back yet.
    await join(room, room.agent);
  });
});

describe('the end', () => {
  test('a socket ends with its token: an error, then 4401', async () => {
    const room = newChatRoom();
    const client = await join(room, visitorToken(room.company, room.session, { exp: nowSeconds() + 3 }));
    expect(await client.closed).toBe(4401);
    expect(client.events.at(-1)).toMatchObject({ type: 'error', code: 'token-expired' });
  });

  test('a restart says 1012, and no handshake is let in any more', async () => {
    const other = await startChatdrop();
    try {
      const room = newChatRoom();
      const client = plainSocket(other.baseUrl + pathOf(room, `?token=${room.visitor}`));
      await client.waitFor('connection_established');
      const [code, ended] = await Promise.all([client.closed, other.kill('SIGTERM')]);
      expect([code, ended.code]).toEqual([1012, 0]);
    } finally {
      await other.stop();
    }
  });

  test('a client that does not answer the goodbye does not hold the server', async () => {
    const other = await startChatdrop();
    try {
      const room = newChatRoom();
      const client = plainSocket(other.baseUrl + pathOf(room, `?token=${room.visitor}`));
      await client.waitFor('connection_established');
      client.socket.pause();
      expect((await other.kill('SIGTERM')).code).toBe(0);
      client.socket.terminate();
    } finally {
      await other.stop();
    }
  });
});

describe('WS_PORT', () => {
  test('is for the plain WebSocket alone, and pages of the main port may use it', async () => {
    const wsPort = await freePort();
    const other = await startChatdrop({ env: { WS_PORT: String(wsPort) }, development: true });
    try {
      const answer = await send({ method: 'POST', url: `${other.baseUrl}/demo/tokens`, headers: {}, body: '{}' });
      const tokens = JSON.parse(answer.body.toString());
      const wsUrl = `http://127.0.0.1:${wsPort}`;
      const url = `${wsUrl}/ws/chat/${tokens.company_id}/${tokens.session_id}/?token=${tokens.user_token}`;
      const client = plainSocket(url, { headers: { origin: other.baseUrl } });
      await client.waitFor('connection_established');
      expect(await plainSocket(url, { headers: { origin: 'http://evil.example' } }).refused).toMatchObject({
        status: 403,
      });
      expect(await plainSocket(url, { headers: { host: 'evil.example' } }).refused).toMatchObject({ status: 421 });
      expect((await send({ method: 'GET', url: `${wsUrl}/readyz` })).status).toBe(404);
      expect((await other.kill('SIGTERM')).code).toBe(0);
      expect(await client.closed).toBe(1012);
    } finally {
      await other.stop();
    }
  });
});
