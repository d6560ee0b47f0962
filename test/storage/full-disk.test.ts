/** A disk that is full: 507 and not a byte lost; with room again the same upload goes on. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, get } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { mp4File } from '../services/fixtures.ts';
import { mayMount } from '../services/may-mount.ts';
import { create, fileIdOf, head, offsetOf, patch } from '../services/tus-wire.ts';

const ENTRY = fileURLToPath(new URL('../services/mounting-server.ts', import.meta.url));
const MIB = 1024 * 1024;

let folder = '';
let server: Chatdrop | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-full-'));
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(folder, { recursive: true });
});

describe.each<[string, string]>([
  ['the disk of the files', 'media'],
  ['the one disk of files and database', '.'],
])('%s is full', (_which, mounted) => {
  test('in the middle of a body: 507, what was acknowledged is right, and with room it goes on', async () => {
    if (!(await mayMount('tmpfs'))) return;
    const { baseUrl, disk } = await serveOnSmallDisk(mounted);
    const { visitor } = newChatRoom();
    const body = mp4File(3 * MIB);
    const { url } = await create({ baseUrl, token: visitor, length: body.length });
    expect((await patch({ url, token: visitor, offset: 0, body: body.subarray(0, MIB) })).status).toBe(204);
    await fill(disk, 1.25 * MIB);

    const refused = await patch({ url, token: visitor, offset: MIB, body: body.subarray(MIB) });
    expect([refused.status, codeOf(refused)]).toEqual([507, 'storage-full']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const offset = offsetOf(await head(url, visitor));
    expect(offset).toBeGreaterThanOrEqual(MIB);
    expect(offset).toBeLessThan(body.length);

    await rm(join(disk, 'ballast'));
    const rest = await patch({ url, token: visitor, offset, body: body.subarray(offset) });
    expect(rest.status).toBe(204);
    const content = await get(baseUrl, `/api/chat/files/${fileIdOf(rest)}/content`, visitor);
    expect(content.body.equals(body)).toBe(true);
  });

  test('to the last byte: every call is answered, none with 500, and with room all is well', async () => {
    if (!(await mayMount('tmpfs'))) return;
    const { baseUrl, disk } = await serveOnSmallDisk(mounted);
    const { visitor } = newChatRoom();
    const body = mp4File(200_000);
    const { url } = await create({ baseUrl, token: visitor, length: body.length });
    await patch({ url, token: visitor, offset: 0, body: body.subarray(0, 50_000) });
    await fill(disk, 0);

    const answers = {
      POST: await create({ baseUrl, token: visitor, body }),
      PATCH: await patch({ url, token: visitor, offset: 50_000, body: body.subarray(50_000) }),
      HEAD: await head(url, visitor),
      GET: await get(baseUrl, '/api/chat/files/', visitor),
    };
    const statuses = Object.fromEntries(Object.entries(answers).map(([verb, { status }]) => [verb, status]));
    expect(statuses).toEqual({ POST: expect.toBeOneOf([201, 507]), PATCH: 507, HEAD: 200, GET: 200 });
    const offset = offsetOf(answers.HEAD);
    expect(offset).toBeGreaterThanOrEqual(50_000);

    await rm(join(disk, 'ballast'));
    const rest = await patch({ url, token: visitor, offset, body: body.subarray(offset) });
    const content = await get(baseUrl, `/api/chat/files/${fileIdOf(rest)}/content`, visitor);
    expect([rest.status, content.body.equals(body)]).toEqual([204, true]);
  });
});

/** @returns the small disk as seen from here: it is mounted in the server's own namespace */
async function serveOnSmallDisk(mounted: string): Promise<{ baseUrl: string; disk: string }> {
  const place = join(folder, mounted);
  await mkdir(place, { recursive: true });
  server = await startChatdrop({
    entry: ENTRY,
    dataDir: folder,
    env: { MOUNT: `mount -t tmpfs -o size=4m none ${place}`, LOG_LEVEL: 'silent' },
  });
  return { baseUrl: server.baseUrl, disk: `/proc/${server.pid}/root${place}` };
}

/** Writes ballast until the disk is full, then gives this many bytes back. */
async function fill(disk: string, leaveBytes: number): Promise<void> {
  const ballast = join(disk, 'ballast');
  let size = 0;
  for (const step of [64 * 1024, 4096, 1]) {
    for (let full = false; !full; ) {
      full = await writeFile(ballast, Buffer.alloc(step), { flag: 'a' }).then(
        () => false,
        () => true,
      );
      if (!full) size += step;
    }
  }
  if (leaveBytes > 0) await writeFile(ballast, Buffer.alloc(Math.max(0, size - leaveBytes)));
}
