/** A client that does not read is cut off, over both transports; one that is only slow is not, and loses nothing. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket as TcpSocket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createAuthenticateToken } from '../../server/auth/authenticate-token.ts';
import { createOrigins } from '../../server/auth/origins.ts';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createEventLedger } from '../../server/database/event-ledger.ts';
import { createKeyWatch } from '../../server/realtime/end-with-key.ts';
import { createPlainWebSocket } from '../../server/realtime/plain-websocket.ts';
import { createSessionFeed } from '../../server/realtime/session-feed.ts';
import { createSocketPlaces } from '../../server/realtime/socket-places.ts';
import { createSocketServer } from '../../server/realtime/socket-server.ts';
import { createListFiles } from '../../server/sharing/list-files.ts';
import { createPresentFile } from '../../server/sharing/present-file.ts';
import { eventually } from '../services/eventually.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';
import { TEST_SECRET, visitorToken } from '../services/tokens.ts';

/** More than the system takes for a client that reads nothing: 20,000 events of 2 kB. */
const ENTRIES = 20_000;
/** For what takes two seconds where nothing else runs. */
const PATIENCE_MS = 60_000;
const AN_HOUR_MS = 3_600_000;
const TRANSPORTS = ['plain', 'Socket.IO'] as const;

const [company, session] = ['company', 'session'];
const token = visitorToken(company, session);
let open: TestDatabase;
const stopped: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  open = await openTestDatabase();
  const fileId = await insertFile(open.database, { company, session, name: `${'文'.repeat(250)}.png` });
  const numbers = `with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ${ENTRIES})`;
  await open.database.raw(
    `insert into ledger (company_id, seq, session_id, type, file_id, created_at)
     ${numbers} select ?, n, ?, 'file_updated', ?, 0 from numbers`,
    [company, session, fileId],
  );
  await open.database('ledger_counters').insert({ company_id: company, last_seq: ENTRIES });
});
afterAll(() => open.remove());
afterEach(async () => {
  for (const stop of stopped.splice(0)) await stop();
});

describe.each(TRANSPORTS)('%s', (transport) => {
  test('who does not read is cut off, however often they answer pings', async () => {
    const http = await listen({ maxStallMs: 300 });
    const { socket, closed, tcp } = await connectDeaf(http, transport);
    const pongs = setInterval(() => pong(socket, transport), 100);
    // The other end of the connection, as the server has it: a client that does not read would not see its end.
    await eventually('the server has no connection any more', async () => (await connectionsOf(http)) === 0);
    clearInterval(pongs);
    tcp.resume();
    await closed;
  });

  test(
    'who is slow is not, answers pings meanwhile, and gets everything in order',
    async () => {
      const http = await listen({ maxStallMs: AN_HOUR_MS });
      const slow = await connectDeaf(http, transport);
      // The feed has come as far as it can when a reader beside it has everything.
      const neighbour = await connectDeaf(http, transport);
      neighbour.tcp.resume();
      await eventually('the neighbour has everything', () => neighbour.seqs.length >= ENTRIES, PATIENCE_MS);
      for (let count = 0; count < 50; count += 1) pong(slow.socket, transport);
      slow.tcp.resume();
      await eventually('everything', () => slow.seqs.length >= ENTRIES, PATIENCE_MS);
      expect(slow.seqs).toEqual(Array.from({ length: ENTRIES }, (_, index) => index + 1));
    },
    3 * PATIENCE_MS,
  );
});

async function listen({ maxStallMs }: { maxStallMs: number }): Promise<Server> {
  const files = createChatFileTable(open.database);
  const ledger = createEventLedger(open.database);
  const links = { mediaUrl: () => 'http://x/media/', secret: 's', expirySeconds: 60, now: () => 0 };
  const presentFile = createPresentFile(links);
  const onFault = (error: unknown) => {
    throw error;
  };
  const needs = {
    authenticateToken: createAuthenticateToken({ secret: TEST_SECRET, issuer: undefined, audience: undefined }),
    feed: createSessionFeed({ ledger, files, presentFile, onFault }),
    ledger,
    listFiles: createListFiles({ files, ledger, presentFile }),
    origins: createOrigins({ allowedOrigins: [], publicUrl: undefined, development: false }),
    places: createSocketPlaces(),
    keyWatch: createKeyWatch({ keysOf: () => null, onFault }),
    clientAddress: () => '127.0.0.1',
    onConnected: () => {},
    onRefused() {},
    requestIdOf: () => 'request',
    answerHeaders: {},
    tokenInQuery: true,
    onFault,
    now: Date.now,
    maxStallMs,
  };
  const http = createServer();
  const socketIo = createSocketServer(http, needs);
  const plain = createPlainWebSocket({ ...needs, draining: new AbortController().signal });
  plain.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  stopped.push(() => Promise.all([socketIo.close(), plain.close()]));
  return http;
}

/** Connects, asks for everything, and stops reading. */
async function connectDeaf(http: Server, transport: (typeof TRANSPORTS)[number]) {
  const { port } = http.address() as AddressInfo;
  const path =
    transport === 'plain'
      ? `/ws/chat/${company}/${session}/?token=${token}&after=0`
      : '/socket.io/?EIO=4&transport=websocket';
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
  socket.on('error', () => {});
  const seqs: number[] = [];
  socket.on('message', (data) => {
    const seq = /"type":"file_updated".*"seq":(\d+)/.exec(String(data))?.[1];
    if (seq !== undefined) seqs.push(Number(seq));
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  await once(socket, 'open');
  if (transport === 'Socket.IO') socket.send(`40${JSON.stringify({ token, after: 0 })}`);
  // What `ws` keeps to itself: only under it can a client stop reading while it goes on to write.
  const tcp = (socket as unknown as { _socket: TcpSocket })._socket;
  tcp.pause();
  stopped.push(async () => socket.terminate());
  return { socket, closed, tcp, seqs };
}

function pong(socket: WebSocket, transport: (typeof TRANSPORTS)[number]): void {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (transport === 'plain') socket.pong();
  else socket.send('3');
}

function connectionsOf(http: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    http.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}
