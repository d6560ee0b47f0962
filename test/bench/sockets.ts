/**
 * What open sockets cost: `npm run build`, then `node test/bench/sockets.ts [counts …]`, by default 1 to 10,000. Each visitor has a chat of their own;
 * then as many agents' sockets follow the whole company. Memory is the server's, by the system's count (Linux).
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { pngFile } from '../services/fixtures.ts';
import { residentMebibytes } from '../services/resident-memory.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import { eachAtOnce } from './each-at-once.ts';
import { median, printTable } from './print-table.ts';

const COMPANY = 'bench';
const AGENT_SOCKETS = 100;
const EVENTS = 20;
const SETTLE_MS = 2000;

const counts = process.argv.slice(2).map(Number);
const rows: Record<string, string>[] = [];
for (const count of counts.length > 0 ? counts : [1, 10, 100, 1000, 10_000]) {
  for (const [kind, measure] of [
    ['visitors, plain WebSocket', visitors],
    ['agents, Socket.IO', agents],
  ] as const) {
    const server = await startChatdrop();
    try {
      rows.push({ sockets: count.toLocaleString('en'), kind, ...(await measure(server, count)) });
    } finally {
      await server.stop();
    }
  }
}
printTable('Sockets: memory in KiB a socket, times in milliseconds', rows);

type Arrivals = { all: Promise<void> };

/** An event reaches the one whose chat it is in. */
async function visitors(server: Chatdrop, count: number): Promise<Record<string, string>> {
  const sockets: WebSocket[] = [];
  const before = residentMebibytes(server.pid);
  const startedAt = performance.now();
  await eachAtOnce(count, async (n) => {
    const session = `s${n}`;
    const url = `${server.baseUrl.replace('http', 'ws')}/ws/chat/${COMPANY}/${session}/?token=${visitorToken(COMPANY, session)}`;
    const socket = new WebSocket(url, { perMessageDeflate: false });
    await once(socket, 'message');
    sockets[n] = socket;
  });
  const figures = await settled(server, before, count, startedAt);
  const times = await timesOf(server, (n) => {
    const chat = (n * 7919) % count;
    return { session: `s${chat}`, arrivals: { all: nextShared([sockets[chat] as WebSocket]) } };
  });
  for (const socket of sockets) socket.terminate();
  return { ...figures, 'event to one': median(times).toFixed(1), 'event to all': '' };
}

/** An event reaches all. */
async function agents(server: Chatdrop, count: number): Promise<Record<string, string>> {
  const before = residentMebibytes(server.pid);
  const startedAt = performance.now();
  const recorders: ReturnType<typeof recordSocket>[] = [];
  await eachAtOnce(count, async (n) => {
    const token = agentToken(COMPANY, `agent-${Math.floor(n / AGENT_SOCKETS)}`);
    const recorder = recordSocket({ baseUrl: server.baseUrl, auth: { token } });
    recorders[n] = recorder;
    await recorder.waitForEvent('connection_established', 60_000);
    await recorder.socket.emitWithAck('follow', { after: 0 });
  });
  const figures = await settled(server, before, count, startedAt);
  const times = await timesOf(server, (n) => ({
    session: `s${n}`,
    arrivals: {
      all: Promise.all(
        recorders.map(({ socket }) => new Promise((arrived) => socket.once('file_shared', arrived))),
      ).then(() => {}),
    },
  }));
  for (const recorder of recorders) recorder.close();
  return { ...figures, 'event to one': '', 'event to all': median(times).toFixed(1) };
}

async function settled(server: Chatdrop, before: number, count: number, startedAt: number) {
  const connectMs = performance.now() - startedAt;
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const kibibytes = ((residentMebibytes(server.pid) - before) * 1024) / count;
  return { 'connected a second': Math.round((count / connectMs) * 1000).toString(), 'KiB each': kibibytes.toFixed(0) };
}

/** From before the last byte is sent until the event is there. */
async function timesOf(
  server: Chatdrop,
  next: (n: number) => { session: string; arrivals: Arrivals },
): Promise<number[]> {
  const times: number[] = [];
  const body = pngFile({ bytes: 1000 });
  for (let n = 0; n < EVENTS; n += 1) {
    const { session, arrivals } = next(n);
    const token = visitorToken(COMPANY, session);
    const { url } = await create({
      baseUrl: server.baseUrl,
      token,
      length: body.length,
      metadata: { filename: 'a.png' },
    });
    const startedAt = performance.now();
    const answer = await patch({ url, token, offset: 0, body });
    if (answer.status !== 204) throw new Error(`the upload was answered with ${answer.status}`);
    await arrivals.all;
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function nextShared(sockets: readonly WebSocket[]): Promise<void> {
  await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<void>((arrived) => {
          const look = (data: unknown) => {
            if (JSON.parse(String(data)).type !== 'file_shared') return;
            socket.off('message', look);
            arrived();
          };
          socket.on('message', look);
        }),
    ),
  );
}
