/** Pictures in a chat: the thumbnail that follows the file, and the place that is never stored. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { SERVER_ENTRY, variantEntry } from '../services/built-server.ts';
import { bearer, get, listFiles, shareFile, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { startClamd } from '../services/clamd.ts';
import { type CrashPoint, PICTURE_CRASH_POINTS } from '../services/crash-points.ts';
import { eventually } from '../services/eventually.ts';
import { broken, heicFile, largePng, photo, pixelsOf, placeIn, SECRET_WORD } from '../services/pictures.ts';
import { film, heicPhoto, INSTALL_MS, installPreviewPrograms, pdfPage } from '../services/preview-programs.ts';
import { runCommandHere } from '../services/run-command.ts';
import { type RecorderOptions, recordSocket } from '../services/socket-recorder.ts';
import { create, fileIdOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

/** A thumbnail comes when there is time for it. */
const LONG_MS = 60_000;
/** Their programs are on the PATH, which the single executable is not given otherwise. */
const on = { THUMBNAILS: 'true', PATH: process.env.PATH };
vi.setConfig({ testTimeout: 2 * LONG_MS });
beforeAll(installPreviewPrograms, INSTALL_MS);

describe('a server that makes thumbnails', { timeout: 2 * LONG_MS }, () => {
  const server = chatdropForSuite({ env: on });

  test('both sides get thumbnail, size and colours as an update of the file; with the file all of it goes', async () => {
    const { baseUrl, dataDir } = server();
    const room = newChatRoom();
    const sides = [await listener(room, room.agent), await listener(room, room.visitor)];
    const shared = await shareFile({
      baseUrl,
      room,
      body: await photo({ width: 1500, height: 1000 }),
      name: 'a b.jpg',
    });
    const updates = await Promise.all(sides.map((side) => side.waitForEvent('file_updated', LONG_MS)));
    for (const { payload } of updates) {
      expect(payload).toMatchObject({ id: shared.id, name: 'a b.jpg', width: 1500, height: 1000, seq: 2 });
      expect(payload.placeholder).toMatch(/^[A-Za-z0-9+/]{20,40}=*$/);
    }
    expect(sides.map((side) => side.payloads('file_shared').length)).toEqual([1, 1]);
    const file = await fileOf(room, shared.id);
    expect(file).toMatchObject({ width: 1500, height: 1000, seq: 1 });
    const thumbnail = await send({ method: 'GET', url: String(file.thumbnail) });
    expect([thumbnail.status, thumbnail.headers['content-type']]).toEqual([200, 'image/webp']);
    expect(thumbnail.headers['content-disposition']).toBe('inline; filename="a b.jpg.webp"');
    expect(thumbnail.headers['x-content-type-options']).toBe('nosniff');
    expect(await sharp(thumbnail.body).metadata()).toMatchObject({ format: 'webp', width: 640 });
    const altered = String(file.thumbnail).replace('disposition=inline', 'disposition=attachment');
    expect((await send({ method: 'GET', url: altered })).status).toBe(403);
    expect(await storedOf(room)).toHaveLength(2);
    expect((await runCommandHere(['files', 'verify'], server().env)).stdout).toContain('all is well');
    const { stdout } = await runCommandHere(['doctor'], server().env);
    expect(stdout).toMatch(/✓ thumbnails: of JPEG.*; of HEIC by \/.*; of PDF by \/.*; of videos by \//);

    const removed = await send({
      method: 'DELETE',
      url: `${baseUrl}/api/chat/files/${shared.id}/`,
      headers: bearer(room.visitor),
    });
    expect(removed.status).toBe(204);
    await eventually('the bytes are gone', async () => (await storedOf(room)).length === 0, LONG_MS);
    expect((await send({ method: 'GET', url: String(file.thumbnail) })).status).toBe(404);
    expect(await unfinished(dataDir)).toEqual([]);
    for (const side of sides) side.close();
  });

  test.each<[string, string, () => Promise<Buffer>, object]>([
    ['a PDF', 'a.pdf', async () => pdfPage(), { mime_type: 'application/pdf', width: 453, height: 640 }],
    ['a video', 'a.mp4', () => film('mp4'), { mime_type: 'video/mp4', width: 320, height: 180 }],
    ['a HEIC', 'a.heic', () => heicPhoto(900, 600), { mime_type: 'image/heic', width: 900, height: 600 }],
  ])('%s gets a thumbnail as an update of the file, and the file stays as it is', async (_what, name, make, facts) => {
    const { baseUrl, dataDir } = server();
    const room = newChatRoom();
    const side = await listener(room, room.visitor);
    const body = await make();
    const { id } = await shareFile({ baseUrl, room, body, name });
    const { payload } = await side.waitForEvent('file_updated', LONG_MS);
    expect(payload).toMatchObject({ id, name, size: body.length, ...facts });
    const thumbnail = await send({ method: 'GET', url: payload.thumbnail });
    expect([thumbnail.status, thumbnail.headers['content-type']]).toEqual([200, 'image/webp']);
    expect((await send({ method: 'GET', url: payload.url })).body.equals(body)).toBe(true);
    const config = JSON.parse((await get(baseUrl, '/api/chat/config/', room.visitor)).body.toString());
    expect(config.preview_types).toContain(payload.mime_type);
    expect(await readdir(`${dataDir}/scratch`)).toEqual([]);
    side.close();
  });

  test('a chat’s place in the agent’s list does not change by it', async () => {
    const { baseUrl } = server();
    const [first, second] = [newChatRoom('ordered'), newChatRoom('ordered')];
    const { id } = await shareFile({ baseUrl, room: first, body: await photo({ width: 900, height: 900 }) });
    await shareFile({ baseUrl, room: second, body: Buffer.from('a text that is newer') });
    await eventually('there is a thumbnail', async () => (await fileOf(first, id)).thumbnail !== null, LONG_MS);
    const { sessions } = JSON.parse((await get(baseUrl, '/api/chat/sessions/', first.agent)).body.toString());
    expect(sessions.map((session: { session_id: string }) => session.session_id)).toEqual([
      second.session,
      first.session,
    ]);
  });

  test.each<[string, () => Promise<Buffer>, RegExp]>([
    ['a PNG of 12,000 × 12,000', async () => largePng(12_000, 12_000, 1), /megapixels/],
    ['a HEIC without pixels', async () => (await heicFile()).file, /cannot be read/],
    ['a PDF without a page', async () => Buffer.from('%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\n'), /cannot be read/],
    ['half a video', async () => (await film('mp4')).subarray(0, 2000), /cannot be read/],
    ['half a JPEG', async () => (await photo({ width: 600, height: 400 })).subarray(0, 900), /cannot be decoded/],
  ])('%s stays shared without one, and the job says why', async (_what, make, reason) => {
    const room = newChatRoom();
    const { id } = await shareFile({ baseUrl: server().baseUrl, room, body: await make() });
    const ended = await eventually('the job has ended', async () => endOf(id), LONG_MS);
    expect(ended).toMatch(reason);
    expect(await fileOf(room, id)).toMatchObject({ thumbnail: null, width: null, height: null, placeholder: null });
    expect(await storedOf(room)).toHaveLength(1);
  });

  test('a hundred broken ones: every upload is answered, and the next picture has its thumbnail', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const whole = await photo({ format: 'png', width: 64, height: 64 });
    const statuses = new Set<number>();
    for (let seed = 0; seed < 100; seed += 10) {
      const answers = Array.from({ length: 10 }, (_, n) =>
        create({ baseUrl, token: room.visitor, body: broken(whole, seed + n) }),
      );
      for (const { status } of await Promise.all(answers)) statuses.add(status);
    }
    expect([...statuses].filter((status) => ![201, 413, 415].includes(status))).toEqual([]);
    const { id } = await shareFile({ baseUrl, room, body: whole });
    await eventually('there is a thumbnail', async () => (await fileOf(room, id)).thumbnail !== null, LONG_MS);
  });

  test('a decoder that is killed in the middle is replaced, and the thumbnail comes all the same', async () => {
    const { baseUrl, pid } = server();
    const room = newChatRoom();
    const first = await shareFile({ baseUrl, room, body: await photo() });
    await eventually('there is a thumbnail', async () => (await fileOf(room, first.id)).thumbnail !== null, LONG_MS);
    const decoder = await decoderOf(pid);
    process.kill(decoder, 'SIGSTOP');
    const second = await shareFile({ baseUrl, room, body: await photo({ width: 200 }) });
    await eventually('it is at it', async () => (await jobOf(second.id))?.lease_until !== null, LONG_MS);
    process.kill(decoder, 'SIGKILL');
    await eventually('there is a thumbnail', async () => (await fileOf(room, second.id)).thumbnail !== null, LONG_MS);
    expect(await decoderOf(pid)).not.toBe(decoder);
    expect(await storedOf(room)).toHaveLength(4);
  });

  test('a thumbnail that is lost is found, and made again', async () => {
    const { baseUrl, dataDir } = server();
    const room = newChatRoom();
    const { id } = await shareFile({ baseUrl, room, body: await photo() });
    await eventually('there is a thumbnail', async () => (await fileOf(room, id)).thumbnail !== null, LONG_MS);
    const database = await server().openDatabase();
    const { thumbnail } = await database('chat_files').where({ id }).first('thumbnail');
    await database('chat_files')
      .where({ id })
      .update({ thumbnail: thumbnail.replace(/.{22}\.webp$/, `${'x'.repeat(22)}.webp`) });
    await database.destroy();
    const { stdout } = await runCommandHere(['files', 'verify', '--repair'], server().env);
    expect(stdout).toContain('no-thumbnail');
    expect(stdout).toContain('2 repaired, 0 left');
    await eventually('there is a thumbnail', async () => (await fileOf(room, id)).thumbnail !== null, LONG_MS);
    expect(await storedOf(room)).toHaveLength(2);
    expect(await unfinished(dataDir)).toEqual([]);
  });

  async function listener(room: ChatRoom, token: string) {
    const options: RecorderOptions = { baseUrl: server().baseUrl, auth: { token, session_id: room.session } };
    const side = recordSocket(options);
    await side.waitForEvent('connection_established', LONG_MS);
    return side;
  }

  async function fileOf(room: ChatRoom, id: number): Promise<ChatFile> {
    const answer = await get(server().baseUrl, `/api/chat/files/${id}/`, room.visitor);
    return JSON.parse(answer.body.toString());
  }

  async function storedOf(room: ChatRoom): Promise<string[]> {
    return (await storedFiles(server().dataDir)).filter((file) => file.includes(room.session));
  }

  async function jobOf(fileId: number) {
    const database = await server().openDatabase();
    const job = await database('preview_jobs').where({ file_id: fileId }).first();
    await database.destroy();
    return job;
  }

  async function endOf(fileId: number): Promise<string | false> {
    const job = await jobOf(fileId);
    return job?.ended_at !== null && job?.last_error;
  }
});

describe('metadata', { timeout: LONG_MS }, () => {
  const server = chatdropForSuite();

  test.each([
    ['jpg', () => photo({ metadata: true, orientation: 6 })],
    ['png', () => photo({ format: 'png', metadata: true })],
    ['webp', () => photo({ format: 'webp', metadata: true })],
    ['heic', async () => (await heicFile()).file],
  ] as const)(
    '%s is stored without its place; size, sha256 and usage are those of what is stored',
    async (ending, make) => {
      const { baseUrl } = server();
      const room = newChatRoom();
      const body = await make();
      expect(await placeIn(body)).not.toBeNull();
      const metadata = { filename: `a.${ending}`, sha256: sha256Of(body) };
      const created = await create({ baseUrl, token: room.visitor, body, metadata });
      expect([created.status, created.headers['upload-offset']]).toEqual([201, String(body.length)]);
      const [file] = (await listFiles(baseUrl, room)).files as [ChatFile];
      const stored = await send({ method: 'GET', url: file.url });
      expect(await placeIn(stored.body)).toBeNull();
      expect(stored.body.includes(SECRET_WORD)).toBe(false);
      expect([file.id, file.size, file.sha256]).toEqual([fileIdOf(created), stored.body.length, sha256Of(stored.body)]);
      if (ending !== 'heic') expect((await pixelsOf(stored.body)).equals(await pixelsOf(body))).toBe(true);
      expect(await usageOf(room.company)).toBe(file.size);
    },
  );

  test('a hash that is not that of the received bytes is refused, and nothing stays', async () => {
    const room = newChatRoom();
    const body = await photo({ metadata: true });
    const metadata = { filename: 'a.jpg', sha256: 'a'.repeat(64) };
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, body, metadata });
    expect(created.status).toBe(422);
    expect((await storedFiles(server().dataDir)).filter((file) => file.includes(room.session))).toEqual([]);
    expect(await usageOf(room.company)).toBe(0);
  });

  test('no thumbnail is owed where none is made', async () => {
    const room = newChatRoom();
    const { id } = await shareFile({ baseUrl: server().baseUrl, room, body: await photo() });
    const database = await server().openDatabase();
    expect(await database('preview_jobs').where({ file_id: id })).toEqual([]);
    await database.destroy();
  });

  async function usageOf(company: string): Promise<number> {
    const database = await server().openDatabase();
    const row = await database('company_usage').where({ company_id: company }).first('bytes');
    await database.destroy();
    return row?.bytes ?? 0;
  }
});

test(
  'scanned, stripped and with a thumbnail: nothing is to be seen before a real clamd has called it clean, and what it scanned is what is stored',
  async () => {
    const clamd = await startClamd();
    const server = await startChatdrop({ env: { ...on, CLAMAV_URL: clamd.url } });
    try {
      const { baseUrl, dataDir } = server;
      const room = newChatRoom();
      const agent = recordSocket({ baseUrl, auth: { token: room.agent, session_id: room.session } });
      await agent.waitForEvent('connection_established', LONG_MS);
      const body = await photo({ metadata: true, width: 900, height: 600, orientation: 6 });
      const metadata = { filename: 'a.jpg', sha256: sha256Of(body) };
      const { url } = await create({ baseUrl, token: room.visitor, length: body.length, metadata });
      clamd.pause();
      // It may be told to ask again before the verdict is there.
      const patching = patch({ url, token: room.visitor, offset: 0, body });
      await agent.waitFor(({ payload }) => payload?.state === 'checking', LONG_MS);
      const stripped = async () => {
        const [only = '', ...more] = await storedFiles(dataDir);
        return more.length === 0 && only !== '' && readFile(only);
      };
      // Its place is gone while the scanner has it.
      await eventually(
        'it is stripped',
        async () => {
          const file = await stripped();
          return file !== false && (await placeIn(file)) === null;
        },
        LONG_MS,
      );
      expect(await listFiles(baseUrl, room)).toMatchObject({ files: [], count: 0, seq: 0 });
      expect(await rowsIn(server, 'preview_jobs')).toEqual([]);
      const events = (type: string) => agent.payloads(type).length;
      expect([events('file_shared'), events('file_updated')]).toEqual([0, 0]);

      clamd.resume();
      const shared = (await agent.waitForEvent('file_shared', LONG_MS)).payload;
      const updated = (await agent.waitForEvent('file_updated', LONG_MS)).payload;
      await patching;
      const stored = await send({ method: 'GET', url: shared.url });
      expect(await placeIn(stored.body)).toBeNull();
      expect((await pixelsOf(stored.body)).equals(await pixelsOf(body))).toBe(true);
      const facts = { scan: 'clean', size: stored.body.length, sha256: sha256Of(stored.body) };
      expect(shared).toMatchObject({ ...facts, thumbnail: null, seq: 1 });
      expect(updated).toMatchObject({ ...facts, id: shared.id, width: 600, height: 900, seq: 2 });
      const thumbnail = await send({ method: 'GET', url: updated.thumbnail });
      expect(await sharp(thumbnail.body).metadata()).toMatchObject({ format: 'webp', height: 640 });
      expect(await storedFiles(dataDir)).toHaveLength(2);
      agent.close();
    } finally {
      await server.stop();
      await clamd.close();
    }
  },
  4 * LONG_MS,
);

test('where a program is missing, its kind gets no thumbnail, and the server says so', async () => {
  const server = await startChatdrop({ env: { ...on, PATH: '/nowhere' } });
  try {
    const { baseUrl } = server;
    const room = newChatRoom();
    const config = JSON.parse((await get(baseUrl, '/api/chat/config/', room.visitor)).body.toString());
    expect(config.preview_types).toEqual([
      ...['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif', 'image/tiff'],
    ]);
    await shareFile({ baseUrl, room, body: pdfPage(), name: 'a.pdf' });
    await shareFile({ baseUrl, room, body: await photo() });
    const both = async () => (await listFiles(baseUrl, room)).files.map(({ thumbnail }) => thumbnail !== null);
    await eventually('the picture has its thumbnail', async () => (await both())[1] === true, LONG_MS);
    expect(await both()).toEqual([false, true]);
    const { stdout } = await runCommandHere(['doctor'], server.env);
    expect(stdout).toContain('not of PDF: pdftoppm is not on PATH (Debian: poppler-utils)');
    expect((await runCommandHere(['jobs'], server.env)).stdout).not.toContain('make preview');
  } finally {
    await server.stop();
  }
});

test(
  'without its decoder the server serves all the same, says so once, and keeps what is owed',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-without-sharp-'));
    await cp(path.dirname(SERVER_ENTRY), path.join(folder, 'dist/server'), { recursive: true });
    await writeFile(path.join(folder, 'package.json'), '{"type":"module"}');
    await mkdir(path.join(folder, 'node_modules'));
    const driver = path.join(import.meta.dirname, '../../node_modules/better-sqlite3');
    await symlink(driver, path.join(folder, 'node_modules/better-sqlite3'));
    const server = await startChatdrop({ entry: path.join(folder, 'dist/server/chatdrop.js'), env: on });
    try {
      const room = newChatRoom();
      const said = () => server.logs().split('their decoder is not here').length - 1;
      for (const width of [100, 110, 120])
        await shareFile({ baseUrl: server.baseUrl, room, body: await photo({ width, metadata: true }) });
      await eventually('it is said', async () => said() === 1, LONG_MS);
      const { files } = await listFiles(server.baseUrl, room);
      expect(files.map(({ thumbnail }) => thumbnail)).toEqual([null, null, null]);
      const { stdout } = await runCommandHere(['jobs'], server.env);
      expect(stdout.match(/make preview/g)).toHaveLength(3);
      expect(said()).toBe(1);
    } finally {
      await server.stop();
      await rm(folder, { recursive: true });
    }
  },
  2 * LONG_MS,
);

test('STRIP_METADATA=false keeps every byte', async () => {
  const server = await startChatdrop({ env: { STRIP_METADATA: 'false' } });
  try {
    const room = newChatRoom();
    const body = await photo({ metadata: true });
    const { url } = await shareFile({ baseUrl: server.baseUrl, room, body });
    expect((await send({ method: 'GET', url })).body.equals(body)).toBe(true);
  } finally {
    await server.stop();
  }
});

test.each(PICTURE_CRASH_POINTS)(
  'killed %s: one file, its thumbnail, and nothing else',
  async (point: CrashPoint) => {
    const server = await startChatdrop({ entry: variantEntry('crashing-server'), env: { ...on, CRASH_AT: point } });
    try {
      const { baseUrl, dataDir } = server;
      const room = newChatRoom();
      // Of a small one the metadata never reaches the disk: see `crash-points`.
      const body = await photo({ metadata: true, grain: true, width: 900, height: 700 });
      expect(body.length).toBeGreaterThan(300_000);
      const metadata = { filename: 'a.jpg', sha256: sha256Of(body) };
      await create({ baseUrl, token: room.visitor, body, metadata }).catch(() => null);
      await eventually('the process is gone', async () => !(await isThere(baseUrl)), LONG_MS);
      // As one that ran a program would leave it.
      const left = path.join(dataDir, 'scratch/run-left');
      await mkdir(left, { recursive: true });
      await server.restart();
      const file = await eventually(
        'there is a thumbnail',
        async () => (await listFiles(baseUrl, room)).files.find(({ thumbnail }) => thumbnail !== null),
        LONG_MS,
      );
      const stored = await send({ method: 'GET', url: file.url });
      expect(await placeIn(stored.body)).toBeNull();
      expect([file.size, file.sha256]).toEqual([stored.body.length, sha256Of(stored.body)]);
      expect((await send({ method: 'GET', url: String(file.thumbnail) })).status).toBe(200);
      expect((await listFiles(baseUrl, room)).count).toBe(1);
      expect(await storedFiles(dataDir)).toHaveLength(2);
      expect(existsSync(left)).toBe(false);
      const { stdout } = await runCommandHere(['files', 'verify'], server.env);
      expect(stdout).toContain('all is well');
      await eventually('nothing is left of it', async () => (await unfinished(dataDir)).length === 0, LONG_MS);
    } finally {
      await server.stop();
    }
  },
  2 * LONG_MS,
);

test(
  'killed after a picture took the place of a larger one: it is made smaller once, and is the only one',
  async () => {
    const point: CrashPoint = 'after the metadata is gone';
    const server = await startChatdrop({ entry: variantEntry('crashing-server'), env: { CRASH_AT: point } });
    try {
      const { baseUrl, dataDir } = server;
      const room = newChatRoom();
      await runCommandHere(['company', 'set', room.company, 'compress_images=800'], server.env);
      // It reads all policies at its start.
      await server.restart();
      const body = await photo({ width: 1200, height: 900, grain: true, metadata: true });
      const metadata = { filename: 'a.jpg', sha256: sha256Of(body) };
      await create({ baseUrl, token: room.visitor, body, metadata }).catch(() => null);
      await eventually('the process is gone', async () => !(await isThere(baseUrl)), LONG_MS);
      const [key = ''] = await storedFiles(dataDir);
      const left = await readFile(key);
      await server.restart();
      const files = async () => (await listFiles(baseUrl, room)).files;
      await eventually('it is shared', async () => (await files()).length === 1, LONG_MS);
      const [file] = (await files()) as [ChatFile];
      const stored = await send({ method: 'GET', url: file.url });
      expect(stored.body.equals(left)).toBe(true);
      expect(await sharp(stored.body).metadata()).toMatchObject({ format: 'jpeg', width: 800, height: 600 });
      expect([file.size, file.sha256]).toEqual([left.length, sha256Of(left)]);
      expect(await storedFiles(dataDir)).toEqual([key]);
      expect((await runCommandHere(['files', 'verify'], server.env)).stdout).toContain('all is well');
    } finally {
      await server.stop();
    }
  },
  2 * LONG_MS,
);

async function rowsIn(server: Chatdrop, table: string): Promise<unknown[]> {
  const database = await server.openDatabase();
  return database(table).finally(() => database.destroy());
}

async function isThere(baseUrl: string): Promise<boolean> {
  return (await send({ method: 'GET', url: `${baseUrl}/healthz` }).catch(() => null)) !== null;
}

function unfinished(dataDir: string): Promise<string[]> {
  return readdir(`${dataDir}/media/.incoming`);
}

function sha256Of(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** The process that decodes for that server. */
async function decoderOf(server: number): Promise<number> {
  const children = (await readFile(`/proc/${server}/task/${server}/children`, 'utf8')).trim().split(' ');
  const [only, ...more] = children.map(Number);
  expect(more).toEqual([]);
  return only as number;
}
