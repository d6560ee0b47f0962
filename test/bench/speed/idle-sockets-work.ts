/** Work k: sockets that are open and silent, then an event to all of them. Agents who follow one company, by both transports. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pngFile } from '../../services/fixtures.ts';
import { residentMebibytes } from '../../services/resident-memory.ts';
import { agentToken } from '../../services/tokens.ts';
import { eachAtOnce } from '../each-at-once.ts';
import { median } from '../print-table.ts';
import type { Figure } from './figure.ts';
import { RawConnection } from './raw-http.ts';
import { openRawSocket, openSocketIo, type RawSocket } from './raw-sockets.ts';
import { COMPANY, type Measured, startServer } from './servers.ts';
import { createHead, expectStatus } from './tus-heads.ts';

const FILE = pngFile({ bytes: 1000 });
/** Sockets of one agent: below what one may hold. */
const AN_AGENT = 100;
const SETTLE_MS = 3000;
const EVENTS = 5;

export const TRANSPORTS = { 'Socket.IO': openFollower, 'plain WebSocket': openPlain } as const;
export type Transport = keyof typeof TRANSPORTS;

export async function idleSockets(transport: Transport, count: number): Promise<Figure[]> {
  const server = await startServer('chatdrop');
  const sockets: RawSocket[] = [];
  try {
    const before = residentMebibytes(server.pid);
    await eachAtOnce(count, async (n) => {
      sockets[n] = await TRANSPORTS[transport](server, agentToken(COMPANY, `agent-${Math.floor(n / AN_AGENT)}`));
    });
    await sleep(SETTLE_MS);
    const held = residentMebibytes(server.pid);
    const times: number[] = [];
    const connection = new RawConnection(server.port);
    for (let n = 0; n < EVENTS; n += 1) times.push(await tellAll(server, connection, sockets, n));
    connection.close();
    const shown = `${count} idle, ${transport}`;
    return [
      { server: server.name, what: `${shown}, the whole server`, value: held, unit: 'MiB' },
      { server: server.name, what: `${shown}, each`, value: ((held - before) * 1024) / count, unit: 'KiB' },
      { server: server.name, what: `${shown}, one event to all`, value: median(times), unit: 'ms' },
    ];
  } finally {
    for (const socket of sockets) socket?.close();
    await server.stop();
  }
}

async function openFollower(server: Measured, token: string): Promise<RawSocket> {
  const socket = await openSocketIo(server.port, { token });
  const followed = new Promise<void>((resolve) => {
    socket.onMessage((message) => message.startsWith('430') && resolve());
  });
  socket.send('420["follow",{"after":0}]');
  await followed;
  return socket;
}

async function openPlain(server: Measured, token: string): Promise<RawSocket> {
  const socket = await openRawSocket(server.port, `/ws/chat/${COMPANY}/?token=${token}`);
  await new Promise<void>((resolve) => {
    socket.onMessage((message) => message.includes('"connection_established"') && resolve());
  });
  return socket;
}

/** From before the file is sent until the last of them has heard of it. @returns milliseconds */
async function tellAll(
  server: Measured,
  connection: RawConnection,
  sockets: readonly RawSocket[],
  nth: number,
): Promise<number> {
  let left = sockets.length;
  const told = new Promise<void>((resolve) => {
    for (const socket of sockets) {
      socket.onMessage((message) => {
        if (!message.includes('file_shared')) return;
        left -= 1;
        if (left === 0) resolve();
      });
    }
  });
  const startedAt = performance.now();
  const head = createHead(server, nth, FILE.length, 'picture.png', FILE.length);
  const answer = await connection.exchange(head, async (socket) => void socket.write(FILE));
  expectStatus(answer.status, 201);
  await told;
  return performance.now() - startedAt;
}
