/**
 * Work i: files that come at a steady pace, whether the server keeps up or not, and the time from a file's last byte
 * until the other client, a process of its own, has heard of it.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pngFile } from '../../services/fixtures.ts';
import { type Figure, latencies } from './figure.ts';
import { RawConnection } from './raw-http.ts';
import { type ServerName, startServer } from './servers.ts';
import { createHead, expectStatus } from './tus-heads.ts';

const FILE = pngFile({ bytes: 25_000, width: 16, height: 16 });
const A_SECOND = 50;
/** Not measured: what is compiled and loaded meanwhile. */
const WARM_UP_SECONDS = 5;
const LAST_ARRIVAL_MS = 60_000;

/** What `event-listener.ts` is told, and tells: names with the clock's nanoseconds, which all processes share. */
export type Arrivals = Record<string, string>;

export async function eventLatency(name: ServerName, seconds: number): Promise<Figure[]> {
  const server = await startServer(name);
  const script = path.join(import.meta.dirname, 'event-listener.ts');
  const listener = fork(script, [String(server.port), server.agentToken ?? '']);
  try {
    await once(listener, 'message');
    const sentAt = new Map<string, bigint>();
    const idle: RawConnection[] = [];
    const send = async (n: number) => {
      const connection = idle.pop() ?? new RawConnection(server.port);
      const file = `p${n}.png`;
      const answer = await connection.exchange(
        createHead(server, n, FILE.length, file, FILE.length),
        async (socket) => {
          socket.write(FILE);
          sentAt.set(file, process.hrtime.bigint());
        },
      );
      expectStatus(answer.status, 201);
      idle.push(connection);
    };
    const count = A_SECOND * (WARM_UP_SECONDS + seconds);
    const startedAt = performance.now();
    const sends: Promise<void>[] = [];
    for (let n = 0; n < count; n += 1) {
      const waitMs = startedAt + (n * 1000) / A_SECOND - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      sends.push(send(n));
    }
    await Promise.all(sends);
    const arrived = await arrivalsAt(listener, count);
    for (const connection of idle) connection.close();
    const measured = [...sentAt].slice(A_SECOND * WARM_UP_SECONDS);
    const times = measured.map(([file, at]) => Number(BigInt(arrived[file] ?? 0) - at) / 1e6);
    return latencies(name, `last byte to event, ${A_SECOND} a second`, times);
  } finally {
    listener.kill('SIGKILL');
    await server.stop();
  }
}

async function arrivalsAt(listener: ReturnType<typeof fork>, count: number): Promise<Arrivals> {
  for (let waited = 0; waited < LAST_ARRIVAL_MS; waited += 100) {
    listener.send('arrivals');
    const [arrived] = (await once(listener, 'message')) as [Arrivals];
    if (Object.keys(arrived).length >= count) return arrived;
    await sleep(100);
  }
  throw new Error('not every file was told of');
}
