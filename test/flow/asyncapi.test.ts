/** `/asyncapi.json` of a running server, and what is heard over both transports, held against it. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bearer, get, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createFaultOf, type FaultOf } from '../services/documented-events.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { type PlainSocket, plainSocket } from '../services/plain-socket.ts';
import { recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';
import { agentToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

type Document = {
  asyncapi: string;
  servers: Record<'plain' | 'socketIo', { host: string; protocol: string }>;
  channels: Record<string, { address: string }>;
  components: object;
};
const server = chatdropForSuite();
const closing: (() => void)[] = [];
let document: Document;
let faultOf: FaultOf;

beforeAll(async () => {
  document = jsonOf<Document>(await get(server().baseUrl, '/asyncapi.json'));
  faultOf = createFaultOf(document);
});

afterEach(() => {
  for (const close of closing.splice(0)) close();
});

function plain(path: string): PlainSocket {
  const client = plainSocket(server().baseUrl + path);
  closing.push(() => client.socket.terminate());
  return client;
}

function socketIo(auth: Record<string, unknown>): SocketRecorder {
  const recorder = recordSocket({ baseUrl: server().baseUrl, auth });
  closing.push(recorder.close);
  return recorder;
}

test('it is there, kept by browsers, and says where the server is', async () => {
  const answer = await get(server().baseUrl, '/asyncapi.json');
  expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringContaining('application/json')]);
  expect(document.asyncapi).toBe('3.0.0');
  expect(document.servers.plain).toMatchObject({ host: `127.0.0.1:${server().port}`, protocol: 'ws' });
  const again = await get(server().baseUrl, '/asyncapi.json', undefined, {
    'if-none-match': String(answer.headers.etag),
  });
  expect([again.status, again.body.length]).toEqual([304, 0]);
});

test('the addresses in it lead to sockets', async () => {
  const room = newChatRoom();
  for (const channel of ['session', 'company']) {
    const address = String(document.channels[channel]?.address);
    const path = address.replace('{company_id}', room.company).replace('{session_id}', room.session);
    await plain(`${path}?token=${room.agent}`).waitFor('connection_established');
  }
  expect(document.channels.socketIo?.address).toBe('/socket.io/');
});

test('every kind of event and acknowledgement of a chat is as documented', async () => {
  const room = newChatRoom();
  const { baseUrl } = server();
  const old = await shareFile({ baseUrl, room, body: pngFile({ width: 30, height: 20 }) });
  const visitor = plain(`/ws/chat/${room.company}/${room.session}/?token=${room.visitor}&after=99`);
  await visitor.waitFor('file_list');
  const agent = socketIo({ token: room.agent });
  await agent.waitForEvent('connection_established');
  const say = (name: string, payload?: unknown) => agent.socket.timeout(60_000).emitWithAck(name, payload);
  const answers: [string, unknown][] = [
    ['listAnswer', await say('request_file_list', { session_id: room.session })],
    ['listAnswer', await say('request_file_list', { session_id: 'a/b' })],
    ['joinAnswer', await say('join', { session_id: room.session })],
    ['joinAnswer', await say('join', {})],
    ['leaveAnswer', await say('leave', { session_id: room.session })],
    ['joinAnswer', await say('follow', { after: 0 })],
  ];
  for (const [message, answer] of answers) expect(faultOf(message, answer)).toBe('');
  expect(faultOf('joinAnswer', { left: true })).not.toBe('');

  await remove(`/api/chat/files/${old.id}/links/`, room);
  await visitor.waitFor('file_updated');
  visitor.socket.send('{"type": "nothing"}');
  const body = mp4File(200_000);
  const { url } = await create({ baseUrl, token: room.visitor, length: body.length, metadata: { filename: 'a.mp4' } });
  await patch({ url, token: room.visitor, offset: 0, body: body.subarray(0, 100_000) });
  await agent.waitFor(({ payload }) => payload?.state === 'uploading');
  await patch({ url, token: room.visitor, offset: 100_000, body: body.subarray(100_000) });
  await agent.waitFor(({ payload }) => payload?.state === 'done');
  await remove(`/api/chat/files/${old.id}/`, room);
  await remove(`/api/chat/sessions/${room.session}/`, room);
  await agent.waitFor(({ payload }) => payload?.reason === 'session_deleted');
  await visitor.waitFor('error');

  const heard = [...visitor.events, ...agent.events.map(({ payload }) => payload).filter((event) => event?.type)];
  for (const event of heard) expect(faultOf(event.type, event)).toBe('');
  expect([...new Set(heard.map(({ type }) => type))].sort()).toEqual([
    'connection_established',
    'error',
    'file_list',
    'file_removed',
    'file_shared',
    'file_updated',
    'upload_progress',
  ]);
  const all = (field: string) => new Set(heard.map((event) => event[field]).filter((value) => value !== undefined));
  expect([...all('reason')].sort()).toEqual(['deleted', 'session_deleted']);
  expect([...all('code')].sort()).toEqual(['invalid-request', 'resync']);
});

describe('the whole company over the plain WebSocket', () => {
  test('an agent hears of every session, with what was missed', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const missed = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile() });
    const agent = plain(`/ws/chat/${room.company}/?token=${room.agent}&after=0`);
    await agent.waitFor('file_shared');
    const live = await shareFile({ baseUrl: server().baseUrl, room: other, body: mp4File(1000) });
    await shareFile({ baseUrl: server().baseUrl, room: newChatRoom(), body: pngFile() });
    await remove(`/api/chat/files/${live.id}/`, other);
    await agent.waitFor('file_removed');
    const shared = agent.events.filter(({ type }) => type === 'file_shared').map(({ id }) => id);
    expect(shared).toEqual([missed.id, live.id]);
    expect(agent.events[0]).toMatchObject({ type: 'connection_established', session_id: null });
    agent.socket.send(JSON.stringify({ type: 'request_file_list', session_id: room.session }));
    expect((await agent.waitFor('file_list')).files).toMatchObject([{ id: missed.id }]);
  });

  test('who is bound to a session hears of that one', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const bound = [room.visitor, agentToken(room.company, 'agent-1', room.session)];
    const clients = bound.map((token) => plain(`/ws/chat/${room.company}/?token=${token}`));
    for (const client of clients)
      expect(await client.waitFor('connection_established')).toMatchObject({ session_id: room.session });
    await shareFile({ baseUrl: server().baseUrl, room: other, body: pngFile() });
    const mine = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile() });
    for (const client of clients) {
      await client.waitFor('file_shared');
      expect(client.events.filter(({ type }) => type === 'file_shared').map(({ id }) => id)).toEqual([mine.id]);
    }
  });

  test('another company is 403, and nobody is 401', async () => {
    const { company } = newChatRoom();
    const refused = await plain(`/ws/chat/${company}/?token=${newChatRoom().agent}`).refused;
    expect(refused).toMatchObject({ status: 403, code: 'forbidden' });
    expect(await plain(`/ws/chat/${company}/`).refused).toMatchObject({ status: 401, code: 'unauthenticated' });
  });
});

async function remove(path: string, room: ChatRoom): Promise<void> {
  const answer = await send({ method: 'DELETE', url: server().baseUrl + path, headers: bearer(room.agent) });
  expect(answer.status).toBe(204);
}
