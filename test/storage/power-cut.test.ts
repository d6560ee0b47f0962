/** A power cut right after an answer: what was acknowledged is on the disk. The disk is an image, copied as it is at that moment. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { get, listFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File } from '../services/fixtures.ts';
import { mayMount } from '../services/may-mount.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch, terminate } from '../services/tus-wire.ts';

const ENTRY = fileURLToPath(new URL('../services/mounting-server.ts', import.meta.url));
const IMAGE_BYTES = 64 * 1024 * 1024;
const MIB = 1024 * 1024;
const HALF = 700_001;
const run = promisify(execFile);

let folder = '';
const running: Chatdrop[] = [];
// Making, copying and mounting images takes its time on a machine that is busy.
vi.setConfig({ testTimeout: 120_000 });
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-power-'));
});
afterEach(async () => {
  for (const server of running.splice(0)) await server.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

test('what was answered before the cut is there after it', async () => {
  if (!(await mayMount('loop'))) return;
  const server = await serveOn(await newImage());
  const { baseUrl } = server;
  const room = newChatRoom();
  const token = room.visitor;
  const body = mp4File(2 * HALF);
  // A copy after each answer: a later sync would hide what an earlier one missed.
  const { url } = await create({ baseUrl, token, length: body.length });
  const created = await cut();
  expect((await patch({ url, token, offset: 0, body: body.subarray(0, HALF) })).status).toBe(204);
  const half = await cut();
  const written = await patch({ url, token, offset: HALF, body: body.subarray(HALF) });
  const finished = await cut();
  const small = await create({ baseUrl, token, body: mp4File(3000) });
  const atOnce = await cut();
  const other = await create({ baseUrl, token, length: body.length });
  await terminate(other.url, token);
  const ended = await cut();
  await server.kill('SIGKILL');

  const afterCreated = await serveOn(created, server.port);
  expect(offsetOf(await head(url, token))).toBe(0);
  await afterCreated.kill('SIGKILL');

  const afterHalf = await serveOn(half, server.port);
  expect(offsetOf(await head(url, token))).toBe(HALF);
  const rest = await patch({ url, token, offset: HALF, body: body.subarray(HALF) });
  expect(await contentOf(baseUrl, fileIdOf(rest), token)).toEqual(body);
  await afterHalf.kill('SIGKILL');

  const afterFinished = await serveOn(finished, server.port);
  expect((await listFiles(baseUrl, room)).files.map(({ id }) => id)).toEqual([fileIdOf(written)]);
  expect(await contentOf(baseUrl, fileIdOf(written), token)).toEqual(body);
  await afterFinished.kill('SIGKILL');

  const afterAtOnce = await serveOn(atOnce, server.port);
  expect(await contentOf(baseUrl, fileIdOf(small), token)).toEqual(mp4File(3000));
  await afterAtOnce.kill('SIGKILL');

  await serveOn(ended, server.port);
  expect((await head(other.url, token)).status).toBe(410);
});

test.each([0, 2 * MIB, 2 * MIB + 777])(
  'in the middle of a body that comes fast, from offset %i: what is found of it afterwards is what was sent',
  async (first) => {
    if (!(await mayMount('loop'))) return;
    const server = await serveOn(await newImage());
    const { baseUrl, pid } = server;
    const { visitor: token } = newChatRoom();
    const body = mp4File(10 * MIB);
    const sent = first + 6 * MIB;
    const { url } = await create({ baseUrl, token, length: body.length });
    if (first > 0) await patch({ url, token, offset: 0, body: body.subarray(0, first) });
    const opened = openPatch({ url, token, offset: first, length: body.length - first });
    await opened.write(body.subarray(first, sent));
    const place = `/proc/${pid}/root${join(folder, 'disk/data/media/.incoming', url.split('/').at(-1) ?? '')}`;
    await eventually('all of it is written', async () => (await stat(place)).size === sent, 60_000);
    // The database of another upload is synced: so is then how long each file is.
    await create({ baseUrl, token, body: mp4File(3000) });
    const copy = await cut();
    opened.abort();
    await server.kill('SIGKILL');

    await serveOn(copy, server.port);
    const offset = offsetOf(await head(url, token));
    expect(offset).toBeGreaterThanOrEqual(first);
    const rest = await patch({ url, token, offset, body: body.subarray(offset) });
    expect((await contentOf(baseUrl, fileIdOf(rest), token)).equals(body)).toBe(true);
  },
);

test('and this way of cutting the power does lose what nobody synced', async () => {
  if (!(await mayMount('loop'))) return;
  const image = await newImage();
  const server = await serveOn(image);
  // Somebody else on this machine may call sync() between the two steps: once in five is proof enough.
  let lost = false;
  for (let round = 0; round < 5 && !lost; round += 1) {
    await writeFile(`/proc/${server.pid}/root${join(folder, 'disk', `unsynced-${round}`)}`, 'x'.repeat(100_000));
    const copy = await cut();
    const script = 'mount -o loop "$0" /mnt && cat "/mnt/$1" || true';
    const { stdout } = await run('unshare', ['-m', '/bin/sh', '-c', script, copy, `unsynced-${round}`]);
    lost = stdout.length < 100_000;
  }
  expect(lost).toBe(true);
});

let cuts = 0;

/** The disk of the running server as it is now: what is only in memory is not in it. */
async function cut(): Promise<string> {
  cuts += 1;
  const copy = join(folder, `cut-${cuts}.img`);
  await run('cp', ['--sparse=always', join(folder, 'disk.img'), copy]);
  return copy;
}

async function newImage(): Promise<string> {
  const image = join(folder, 'disk.img');
  await writeFile(image, '');
  await run('truncate', ['-s', String(IMAGE_BYTES), image]);
  await run('mkfs.ext4', ['-q', '-F', image]);
  return image;
}

/** A long commit interval: the file system writes when it is told to, not because five seconds are over. */
async function serveOn(image: string, port?: number): Promise<Chatdrop> {
  const disk = join(folder, 'disk');
  await mkdir(disk, { recursive: true });
  const server = await startChatdrop({
    entry: ENTRY,
    dataDir: join(disk, 'data'),
    env: { MOUNT: `mount -o loop,commit=300 ${image} ${disk}` },
    ...(port === undefined ? {} : { port }),
  });
  running.push(server);
  return server;
}

async function contentOf(baseUrl: string, fileId: number, token: string): Promise<Buffer> {
  return (await get(baseUrl, `/api/chat/files/${fileId}/content`, token)).body;
}
