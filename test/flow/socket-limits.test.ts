/** Floods of connections and clients that do not read: what each may take is bounded, and the others do not notice. */
import { once } from 'node:events';
import type { Socket as TcpSocket } from 'node:net';
import Database from 'better-sqlite3';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { MAX_WAITING_AN_ADDRESS } from '../../server/realtime/anteroom.ts';
import { MAX_SOCKETS } from '../../server/realtime/socket-places.ts';
import { shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type PlainSocket, plainSocket } from '../services/plain-socket.ts';
import { residentMebibytes } from '../services/resident-memory.ts';
import { recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';
import { agentToken } from '../services/tokens.ts';
import { send } from '../services/wire.ts';

const server = chatdropForSuite({ env: { TRUST_PROXY: '1' } });
const opened: { end(): void }[] = [];

afterEach(() => {
  for (const { end } of opened.splice(0)) end();
});

function plain(room: ChatRoom, token = room.visitor, query = ''): PlainSocket {
  const client = plainSocket(`${server().baseUrl}/ws/chat/${room.company}/${room.session}/?token=${token}${query}`);
  opened.push({ end: () => client.socket.terminate() });
  return client;
}

function socketIo(token: string, more: { transports?: ['polling']; session?: string } = {}): SocketRecorder {
  const { session, ...options } = more;
  const auth = session === undefined ? { token } : { token, session_id: session };
  const client = recordSocket({ baseUrl: server().baseUrl, auth, ...options });
  opened.push({ end: client.close });
  return client;
}

async function isLetIn(client: PlainSocket): Promise<PlainSocket> {
  await client.waitFor('connection_established');
  return client;
}

async function isRefused(client: PlainSocket): Promise<void> {
  expect(await client.closed).toBe(4429);
  expect(client.events).toEqual([
    { type: 'error', code: 'too-many-sockets', detail: expect.stringContaining('connections are open already') },
  ]);
}

describe('sockets of one participant', () => {
  test('both transports count together, and a place that is given back is free', async () => {
    const room = newChatRoom();
    const first = await isLetIn(plain(room));
    for (let count = 1; count < MAX_SOCKETS.user; count += 1) {
      if (count % 2 === 0) await isLetIn(plain(room));
      else await socketIo(room.visitor).waitForEvent('connection_established');
    }
    await isRefused(plain(room));
    const refused = socketIo(room.visitor);
    const error = once(refused.socket as unknown as NodeJS.EventEmitter, 'connect_error');
    expect((await error)[0]).toMatchObject({ data: { code: 'too-many-sockets', status: 429 } });
    await isLetIn(plain(newChatRoom(room.company)));
    await isLetIn(plain(room, room.agent));
    first.close();
    await eventually('a place is free', async () => {
      const next = plain(room);
      const closed = next.closed.then(() => false);
      return Promise.race([closed, next.waitFor('connection_established').then(() => true)]);
    });
  });

  test('an agent has room for all their chats, and is one agent in all of them', async () => {
    const { company, agent } = newChatRoom();
    const clients = Array.from({ length: MAX_SOCKETS.agent }, () => plain(newChatRoom(company), agent));
    await Promise.all(clients.map(isLetIn));
    await isRefused(plain(newChatRoom(company), agent));
    await isLetIn(plain(newChatRoom(company), agentToken(company, 'agent-2')));
  });

  test('of a hundred at once exactly those enter for whom there is room', async () => {
    const room = newChatRoom();
    const clients = Array.from({ length: 100 }, () => plain(room));
    const entered = clients.map((client) =>
      Promise.race([client.closed.then(() => 0), client.waitFor('connection_established').then(() => 1)]),
    );
    expect((await Promise.all(entered)).reduce((sum, one) => sum + one, 0)).toBe(MAX_SOCKETS.user);
  });

  test('a Socket.IO connection that leaves its socket is closed, and is no way around the limit', async () => {
    const room = newChatRoom();
    for (let count = 0; count < MAX_SOCKETS.user + 5; count += 1) {
      const { socket, closed } = await engineConnection();
      socket.send(`40${JSON.stringify({ token: room.visitor })}`);
      await heard(socket, 'connection_established');
      socket.send('41');
      await closed;
    }
    await isLetIn(plain(room));
  });
});

describe('before there is a token', () => {
  test('who asks twice at once is put out, and the server goes on', async () => {
    const room = newChatRoom();
    for (let count = 0; count < MAX_SOCKETS.user + 5; count += 1) {
      const { socket, closed } = await engineConnection();
      for (let times = 0; times < 2; times += 1) socket.send(`40${JSON.stringify({ token: room.visitor })}`);
      await closed;
    }
    await isLetIn(plain(room));
  });

  test('who was refused may ask again on the same connection', async () => {
    const { socket } = await engineConnection();
    socket.send('40{"token":"x"}');
    await heard(socket, 'unauthenticated');
    socket.send(`40${JSON.stringify({ token: newChatRoom().visitor })}`);
    await heard(socket, 'connection_established');
  });

  test('who asks to be let in again and again, and does not read, is cut off', async () => {
    const before = residentMebibytes(server().pid);
    const { socket, closed } = await engineConnection();
    const answers = await flood(socket, closed, (count) => `40/x${count},{"token":"x"}`);
    expect(answers).toBeLessThan(1000);
    expect(residentMebibytes(server().pid) - before).toBeLessThan(100);
  });

  test('who probes for an upgrade again and again, and does not read, is cut off', async () => {
    const before = residentMebibytes(server().pid);
    const path = '/socket.io/?EIO=4&transport=';
    const opening = await send({ method: 'GET', url: `${server().baseUrl}${path}polling` });
    const { sid } = JSON.parse(opening.body.toString().slice(1));
    const { socket, closed } = await engineConnection(`&sid=${sid}`);
    const answers = await flood(socket, closed, () => '2probe');
    expect(answers).toBeLessThan(1000);
    expect(residentMebibytes(server().pid) - before).toBeLessThan(100);
  });

  test('connections that say nothing fill no more than their address’s room', async () => {
    const ask = (address: string) =>
      send({
        method: 'GET',
        url: `${server().baseUrl}/socket.io/?EIO=4&transport=polling`,
        headers: { 'x-forwarded-for': address },
      });
    // All at once: each of them waits for ten seconds only.
    const askAtOnce = async (times: number) =>
      (await Promise.all(Array.from({ length: times }, () => ask('203.0.113.7')))).map(({ status }) => status);
    expect(await askAtOnce(MAX_WAITING_AN_ADDRESS)).toEqual(Array(MAX_WAITING_AN_ADDRESS).fill(200));
    expect(await askAtOnce(50)).toEqual(Array(50).fill(403));
    expect((await ask('203.0.113.8')).status).toBe(200);
    await socketIo(newChatRoom().visitor).waitForEvent('connection_established');
  });

  test('who has entered does not take up that room', async () => {
    const { company, agent } = newChatRoom();
    const clients: SocketRecorder[] = [];
    for (let count = 0; count < MAX_SOCKETS.agent; count += 1) {
      const client = socketIo(agent);
      await client.waitForEvent('connection_established');
      clients.push(client);
    }
    for (let count = 0; count < 20; count += 1)
      await socketIo(agentToken(company, `other-${count}`)).waitForEvent('connection_established');
    expect(clients.every(({ socket }) => socket.connected)).toBe(true);
  });

  test('WS_PORT answers a handshake at Socket.IO’s address too', async () => {
    const wsPort = await freePort();
    const other = await startChatdrop({ env: { WS_PORT: String(wsPort) } });
    try {
      const client = plainSocket(`http://127.0.0.1:${wsPort}/socket.io/?EIO=4&transport=websocket`);
      expect(await client.refused).toMatchObject({ status: 404, code: 'not-found' });
    } finally {
      await other.stop();
    }
  });
});

describe('clients that do not read', () => {
  const ENTRIES = 20_000;
  const DEAF_OF_EACH_KIND = 8;

  test('cost a bounded amount of memory, and who reads gets everything, also while it speaks', async () => {
    const room = newChatRoom();
    const file = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile(), name: `${'文'.repeat(250)}.png` });
    await writeEntries(room, file.id);
    const before = residentMebibytes(server().pid);
    for (let count = 0; count < DEAF_OF_EACH_KIND; count += 1) {
      const { socket: deaf } = plain(room, room.visitor, '&after=0');
      await once(deaf, 'open');
      tcpOf(deaf).pause();
      const { socket } = await engineConnection();
      socket.send(`40${JSON.stringify({ token: room.visitor, after: 0 })}`);
      tcpOf(socket).pause();
    }
    const reader = await isLetIn(plain(room, room.agent, '&after=0'));
    await eventually('all entries', () => reader.events.length === ENTRIES + 2, 60_000);
    const seqs = reader.events.slice(1).map(({ seq }) => seq);
    expect(seqs).toEqual(Array.from({ length: ENTRIES + 1 }, (_, index) => index + 1));
    // Unbounded it would be 40 MiB for each of the sixteen.
    expect(residentMebibytes(server().pid) - before).toBeLessThan(200);

    // Who reads may also speak while so much is on the way to it.
    const { socket: speaker } = await engineConnection();
    const heardBySpeaker = countOf(speaker, 'file_updated');
    speaker.send(`40${JSON.stringify({ token: room.agent, session_id: room.session, after: 0 })}`);
    await heard(speaker, 'connection_established');
    for (let count = 0; count < 10; count += 1) {
      speaker.send('42["request_file_list"]');
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually('all entries, for the one that speaks', () => heardBySpeaker() >= ENTRIES - 1, 60_000);
  }, 180_000);

  /** As if the file had changed that often: written beside the running server, as the command line does. */
  async function writeEntries(room: ChatRoom, fileId: number): Promise<void> {
    const database = new Database(`${server().dataDir}/chatdrop.sqlite`);
    database.transaction(() => {
      database
        .prepare(
          `insert into ledger (company_id, seq, session_id, type, file_id, created_at)
           with recursive numbers(n) as (select 2 union all select n + 1 from numbers where n <= ?)
           select ?, n, ?, 'file_updated', ?, ? from numbers`,
        )
        .run(ENTRIES, room.company, room.session, fileId, Date.now());
      database.prepare('update ledger_counters set last_seq = ? where company_id = ?').run(ENTRIES + 1, room.company);
    })();
    database.close();
  }
});

/** A connection under Socket.IO's protocol, spoken by the test itself. */
async function engineConnection(query = ''): Promise<{ socket: WebSocket; closed: Promise<unknown> }> {
  const socket = new WebSocket(`ws://127.0.0.1:${server().port}/socket.io/?EIO=4&transport=websocket${query}`);
  socket.on('error', () => {});
  opened.push({ end: () => socket.terminate() });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'open');
  return { socket, closed };
}

/** Half a million messages from a client that does not read, or as many as it is let. @returns how many were answered */
async function flood(socket: WebSocket, closed: Promise<unknown>, message: (count: number) => string): Promise<number> {
  let [ended, answers] = [false, 0];
  socket.on('message', () => {
    answers += 1;
  });
  void closed.then(() => {
    ended = true;
  });
  const tcp = tcpOf(socket);
  tcp.pause();
  for (let count = 0; count < 500_000 && !ended; count += 1) {
    socket.send(message(count));
    if (count % 1000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  tcp.resume();
  await closed;
  return answers;
}

function countOf(socket: WebSocket, text: string): () => number {
  let count = 0;
  socket.on('message', (data) => {
    if (String(data).includes(text)) count += 1;
  });
  return () => count;
}

function heard(socket: WebSocket, text: string): Promise<void> {
  return new Promise((resolve) => {
    socket.on('message', (data) => {
      if (String(data).includes(text)) resolve();
    });
  });
}

/** What `ws` keeps to itself: only under it can a client stop reading while it goes on to write. */
function tcpOf(socket: WebSocket): TcpSocket {
  return (socket as unknown as { _socket: TcpSocket })._socket;
}
