/** What is measured: each work brings files to one server and resolves when all of them are there, and told of. */
import { io } from 'socket.io-client';
import { mp4File, pngFile } from '../../services/fixtures.ts';
import { BLOCK_BYTES, headerOf, RawConnection, sendBlocks } from './raw-http.ts';
import type { Measured } from './servers.ts';
import { createHead, expectStatus, patchHead } from './tus-heads.ts';

export type Work = {
  title: string;
  /** How much one round is, in its unit. */
  amount: number;
  unit: 'MiB' | 'files';
  run(server: Measured): Promise<void>;
};

const MIB = 1024 * 1024;
const FILM = mp4File(BLOCK_BYTES);
const SMALL = pngFile({ bytes: 25_000, width: 16, height: 16 });
const AT_ONCE = 16;

export const WORKS: Record<string, Work> = {
  a: {
    title: '1 GiB in one PATCH',
    amount: 1024,
    unit: 'MiB',
    run: (server) => film(server, 0, 1024 * MIB, 1024 * MIB),
  },
  b: {
    title: '1 GiB in PATCHes of 8 MiB',
    amount: 1024,
    unit: 'MiB',
    run: (server) => film(server, 0, 1024 * MIB, 8 * MIB),
  },
  c: {
    title: '8 × 128 MiB at once',
    amount: 1024,
    unit: 'MiB',
    run: async (server) =>
      void (await Promise.all(Array.from({ length: 8 }, (_, nth) => film(server, nth, 128 * MIB, 128 * MIB)))),
  },
  d: {
    title: '25 KB, creation-with-upload, 16 at once',
    amount: 2000,
    unit: 'files',
    run: (server) => smallFiles(server, 2000, createWhole),
  },
  e: {
    title: '25 KB, POST and PATCH, 16 at once',
    amount: 2000,
    unit: 'files',
    run: (server) => smallFiles(server, 2000, createThenPatch),
  },
};

async function film(server: Measured, nth: number, bytes: number, patchBytes: number): Promise<void> {
  const connection = new RawConnection(server.port);
  const location = await createEmpty(server, nth, connection, bytes, 'film.mp4');
  for (let offset = 0; offset < bytes; offset += patchBytes) {
    const length = Math.min(patchBytes, bytes - offset);
    const head = patchHead(server, nth, location, offset, length);
    const answer = await connection.exchange(head, (socket) => sendBlocks(socket, FILM, FILM, length));
    expectStatus(answer.status, 204);
  }
  connection.close();
}

type SmallFile = (server: Measured, connection: RawConnection, nth: number) => Promise<void>;

/** All are sent, and the other side has heard of each. */
async function smallFiles(server: Measured, count: number, send: SmallFile): Promise<void> {
  const { all: told } = await countEvents(server, count);
  let next = 0;
  const sender = async () => {
    const connection = new RawConnection(server.port);
    while (next < count) await send(server, connection, next++);
    connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  await told;
}

async function createWhole(server: Measured, connection: RawConnection, nth: number): Promise<void> {
  const head = createHead(server, nth, SMALL.length, 'picture.png', SMALL.length);
  const answer = await connection.exchange(head, async (socket) => void socket.write(SMALL));
  expectStatus(answer.status, 201);
}

async function createThenPatch(server: Measured, connection: RawConnection, nth: number): Promise<void> {
  const location = await createEmpty(server, nth, connection, SMALL.length, 'picture.png');
  const head = patchHead(server, nth, location, 0, SMALL.length);
  const answer = await connection.exchange(head, async (socket) => void socket.write(SMALL));
  expectStatus(answer.status, 204);
}

async function createEmpty(
  server: Measured,
  nth: number,
  connection: RawConnection,
  bytes: number,
  name: string,
): Promise<string> {
  const answer = await connection.exchange(createHead(server, nth, bytes, name, 0));
  expectStatus(answer.status, 201);
  return new URL(headerOf(answer, 'location') ?? '', `http://127.0.0.1:${server.port}`).pathname;
}

/** Once an agent is connected who follows the company: `all` resolves when it heard of that many files. */
async function countEvents({ agentToken, port }: Measured, count: number): Promise<{ all: Promise<void> }> {
  if (agentToken === null) return { all: Promise.resolve() };
  const socket = io(`http://127.0.0.1:${port}`, { auth: { token: agentToken }, transports: ['websocket'] });
  let left = count;
  const all = new Promise<void>((resolve, reject) => {
    socket.on('file_shared', () => {
      left -= 1;
      if (left === 0) resolve();
    });
    socket.on('disconnect', () => left > 0 && reject(new Error('the events ended')));
  });
  all.catch(() => {});
  await new Promise((resolve) => socket.once('connection_established', resolve));
  await socket.emitWithAck('follow', {});
  return { all: all.finally(() => socket.close()) };
}
