/** A disk that is full: 507 and not a byte lost; with room again the same upload goes on. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { codeOf, get, listFiles, listUploads } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File } from '../services/fixtures.ts';
import { mayMount } from '../services/may-mount.ts';
import { pixelsOf, placeIn } from '../services/pictures.ts';
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
    // So much that it is gathered, and several blocks are one write: the disk takes a part of it.
    const { baseUrl, disk } = await serveOnSmallDisk(mounted, '32m');
    const { visitor } = newChatRoom();
    const body = mp4File(24 * MIB);
    const { url } = await create({ baseUrl, token: visitor, length: body.length });
    expect((await patch({ url, token: visitor, offset: 0, body: body.subarray(0, MIB) })).status).toBe(204);
    await fill(disk, 12.25 * MIB);

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

describe('the disk of the files is full when', () => {
  test('a picture is to lose its metadata: nobody gets it as it came, nothing of it is lost, and with room it is shared', async () => {
    if (!(await mayMount('tmpfs'))) return;
    const { baseUrl, disk } = await serveOnSmallDisk('media');
    const room = newChatRoom();
    const token = room.visitor;
    const body = await noise({ metadata: true });
    expect(await placeIn(body)).not.toBeNull();
    const { url } = await create({ baseUrl, token, length: body.length, metadata: { filename: 'a.jpg' } });
    const last = body.length - 1000;
    expect((await patch({ url, token, offset: 0, body: body.subarray(0, last) })).status).toBe(204);
    // Room for what is missing, and not for another picture.
    await fill(disk, 64 * 1024);

    const refused = await patch({ url, token, offset: last, body: body.subarray(last) });
    expect([refused.status, codeOf(refused)]).toEqual([423, 'try-again']);
    expect((await head(url, token)).status).toBe(423);
    expect((await listUploads(baseUrl, room)).map(({ state, offset }) => [state, offset])).toEqual([
      ['error', body.length],
    ]);
    expect((await listFiles(baseUrl, room)).count).toBe(0);

    await rm(join(disk, 'ballast'));
    await eventually('it is shared', async () => (await head(url, token)).status === 200, 60_000);
    const { files } = await listFiles(baseUrl, room);
    const content = await get(baseUrl, `/api/chat/files/${files[0]?.id}/content`, token);
    expect([files.length, files[0]?.size]).toEqual([1, content.body.length]);
    expect(await placeIn(content.body)).toBeNull();
    expect((await pixelsOf(content.body)).equals(await pixelsOf(body))).toBe(true);
  });

  test('a thumbnail is made: the picture is there without one, and with room it gets it', async () => {
    if (!(await mayMount('tmpfs'))) return;
    const { baseUrl, disk } = await serveOnSmallDisk('media');
    const room = newChatRoom();
    const token = room.visitor;
    const body = await noise({});
    const { url } = await create({ baseUrl, token, length: body.length, metadata: { filename: 'a.jpg' } });
    const last = body.length - 1000;
    expect((await patch({ url, token, offset: 0, body: body.subarray(0, last) })).status).toBe(204);
    await fill(disk, 8 * 1024);
    expect((await patch({ url, token, offset: last, body: body.subarray(last) })).status).toBe(204);

    const database = await (server as Chatdrop).openDatabase();
    const waits = async () => (await database('preview_jobs').first('last_error'))?.last_error?.includes('no room');
    await eventually('it has no room for the thumbnail', waits, 60_000);
    const [file] = (await listFiles(baseUrl, room)).files;
    expect(file).toMatchObject({ size: body.length, thumbnail: null });
    const content = await get(baseUrl, `/api/chat/files/${file?.id}/content`, token);
    expect(content.body.equals(body)).toBe(true);

    await rm(join(disk, 'ballast'));
    await database('preview_jobs').update({ next_attempt_at: 0 });
    await eventually(
      'it is there',
      async () => typeof (await listFiles(baseUrl, room)).files[0]?.thumbnail === 'string',
      60_000,
    );
    expect(await database('preview_jobs').select('file_id')).toEqual([]);
    await database.destroy();
  });
});

/** A picture of a megabyte that no thumbnail can make very small. */
async function noise({ metadata = false }): Promise<Buffer> {
  const raw = { width: 1000, height: 800, channels: 3 as const };
  const pixels = Buffer.alloc(raw.width * raw.height * raw.channels);
  for (let at = 0, state = 1; at < pixels.length; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    pixels[at] = state >>> 24;
  }
  const picture = sharp(pixels, { raw });
  const placed = metadata
    ? picture.withExif({
        IFD3: {
          GPSLatitudeRef: 'N',
          GPSLatitude: '52/1 31/1 47/1',
          GPSLongitudeRef: 'E',
          GPSLongitude: '13/1 24/1 5/1',
        },
      })
    : picture;
  return placed.jpeg({ quality: 80 }).toBuffer();
}

/** @returns the small disk as seen from here: it is mounted in the server's own namespace */
async function serveOnSmallDisk(mounted: string, size = '4m'): Promise<{ baseUrl: string; disk: string }> {
  const place = join(folder, mounted);
  await mkdir(place, { recursive: true });
  server = await startChatdrop({
    entry: ENTRY,
    dataDir: folder,
    env: { THUMBNAILS: 'true', MOUNT: `mount -t tmpfs -o size=${size} none ${place}`, LOG_LEVEL: 'silent' },
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
