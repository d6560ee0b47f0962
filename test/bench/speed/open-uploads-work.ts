/**
 * Works f and l: uploads that are open at once, each a quarter of a mebibyte in and then slow, a kilobyte a second. What
 * the server's memory is while they trickle, and whether all of them end well.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { mp4File, pngFile } from '../../services/fixtures.ts';
import { residentMebibytes } from '../../services/resident-memory.ts';
import { eachAtOnce } from '../each-at-once.ts';
import type { Figure } from './figure.ts';
import { headerOf, RawConnection } from './raw-http.ts';
import { type Measured, type ServerName, startServer } from './servers.ts';
import { createHead, expectStatus, headHead, patchHead } from './tus-heads.ts';

const FIRST_BYTES = 256 * 1024;
const TRICKLE_BYTES = 1024;
const TRICKLES = 6;
const TRICKLE_EVERY_MS = 1000;
/** Files before the first look, a few at a time: what a server loads once is there, and its heap is as large as its work makes it. */
const WARM_UPS = 1000;
/** A finish that takes longer than ten seconds is answered so, and its client asks again: a thousand finish at once here. */
const NOT_YET = 423;
const ASK_AGAIN_MS = 1000;
const MAX_FINISH_MS = 120_000;
/** Of the PATCH, or of a HEAD after it. */
const SHARED = new Set([204, 200]);
const SMALL = pngFile({ bytes: 25_000, width: 16, height: 16 });
const FILE = mp4File(FIRST_BYTES + TRICKLES * TRICKLE_BYTES + 1000);

type OpenUpload = { send(bytes: number): void; end(): Promise<number> };

async function createSmall(server: Measured, n: number): Promise<void> {
  const connection = new RawConnection(server.port);
  const head = createHead(server, n, SMALL.length, 'picture.png', SMALL.length);
  const created = await connection.exchange(head, async (socket) => void socket.write(SMALL));
  expectStatus(created.status, 201);
  connection.close();
}

export async function openUploads(name: ServerName, count: number): Promise<Figure[]> {
  const server = await startServer(name);
  const failed = { count: 0 };
  const open = async (n: number): Promise<OpenUpload> => {
    const connection = new RawConnection(server.port);
    const created = await connection.exchange(createHead(server, n, FILE.length, 'film.mp4', 0));
    expectStatus(created.status, 201);
    const location = new URL(headerOf(created, 'location') ?? '', `http://127.0.0.1:${server.port}`).pathname;
    let sent = 0;
    let write = (_part: Buffer) => {};
    const answer = connection.exchange(patchHead(server, n, location, 0, FILE.length), async (socket) => {
      write = (part) => void socket.write(part);
    });
    const send = (bytes: number) => {
      write(FILE.subarray(sent, sent + bytes));
      sent += bytes;
    };
    send(FIRST_BYTES);
    return {
      send,
      async end() {
        send(FILE.length - sent);
        let { status } = await answer.catch(() => ({ status: 0 }));
        const askAgainUntil = performance.now() + MAX_FINISH_MS;
        while (status === NOT_YET && performance.now() < askAgainUntil) {
          await sleep(ASK_AGAIN_MS);
          ({ status } = await connection.exchange(headHead(server, n, location)).catch(() => ({ status: 0 })));
        }
        connection.close();
        return status;
      },
    };
  };
  const end = async (uploads: readonly OpenUpload[]) => {
    for (const status of await Promise.all(uploads.map((upload) => upload.end())))
      if (!SHARED.has(status)) failed.count += 1;
  };
  try {
    await eachAtOnce(WARM_UPS, (n) => createSmall(server, n));
    const before = residentMebibytes(server.pid);
    const uploads: OpenUpload[] = [];
    await eachAtOnce(count, async (n) => {
      uploads[n] = await open(n);
    });
    for (let n = 0; n < TRICKLES; n += 1) {
      for (const upload of uploads) upload.send(TRICKLE_BYTES);
      await sleep(TRICKLE_EVERY_MS);
    }
    const held = residentMebibytes(server.pid);
    await end(uploads);
    const shown = `${count} open`;
    return [
      { server: name, what: `${shown}, each`, value: ((held - before) * 1024) / count, unit: 'KiB' },
      { server: name, what: `${shown}, the whole server`, value: held, unit: 'MiB' },
      { server: name, what: `${shown}, failed`, value: failed.count, unit: 'uploads' },
    ];
  } finally {
    await server.stop();
  }
}
