/** Rows and files, backed up while the server runs, and back on another machine. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bearer, download, get, listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile, sha256Of, textFile } from '../services/fixtures.ts';
import { runCommand, runCommandHere } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { startTraffic } from '../services/traffic.ts';
import { create, fileIdOf, head, offsetOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const KIB = 1024;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-backup-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const server = chatdropForSuite({ env: { THUMBNAILS: 'true' } });
let places = 0;
/** Where nothing is yet. */
const newPlace = () => join(folder, `place-${++places}`);
const settingsFor = (dataDir: string) => ({ ...server().env, DATA_DIR: dataDir });
const backUp = (to: string, ...more: string[]) => runCommandHere(['backup', to, ...more], server().env);
const restore = (from: string, dataDir: string, ...more: string[]) =>
  runCommandHere(['restore', from, ...more], settingsFor(dataDir));

/** What a chat shows, without what is made anew for each answer. */
async function shown(baseUrl: string, room: ChatRoom) {
  const { files, count } = await listFiles(baseUrl, room, '', room.agent);
  const contents = await Promise.all(
    files.map(async ({ id }) =>
      (await get(baseUrl, `/api/chat/files/${id}/content`, room.agent)).body.toString('base64'),
    ),
  );
  return {
    count,
    contents,
    files: files.map(({ url: _url, thumbnail, ...file }) => ({
      ...file,
      hasThumbnail: thumbnail !== null,
    })),
  };
}

/** The only one of its kind in the audit. */
async function deed(action: string, env: Record<string, string>) {
  const { stdout } = await runCommandHere(['audit', '--action', action, '--json'], env);
  return JSON.parse(stdout);
}

async function withServerAt<T>(dataDir: string, work: (other: Chatdrop) => Promise<T>): Promise<T> {
  const other = await startChatdrop({ dataDir, env: { THUMBNAILS: 'true' } });
  try {
    return await work(other);
  } finally {
    await other.stop();
  }
}

test('an archive, made while the server runs, gives the same answers on an empty machine', async () => {
  const { baseUrl } = server();
  const room = newChatRoom();
  await shareFile({ baseUrl, room, body: pngFile({ width: 900, height: 700 }), name: 'photo.png' });
  await shareFile({ baseUrl, room, body: Buffer.alloc(0), name: 'empty.txt', type: 'text/plain' });
  const film = await shareFile({ baseUrl, room, body: mp4File(700 * KIB), name: 'film.mp4' });
  const removed = await shareFile({ baseUrl, room, body: textFile(), name: 'removed.txt' });
  await send({ method: 'DELETE', url: `${baseUrl}/api/chat/files/${removed.id}/`, headers: bearer(room.visitor) });
  const unfinished = mp4File(300 * KIB, 7);
  const { url } = await create({
    baseUrl,
    token: room.visitor,
    length: unfinished.length,
    metadata: { filename: 'half.mp4' },
  });
  await patch({ url, token: room.visitor, offset: 0, body: unfinished.subarray(0, 200 * KIB) });
  // One that waits for its first byte.
  const empty = await create({ baseUrl, token: room.visitor, length: 300, metadata: { filename: 'none-yet.txt' } });
  await eventually('it has its thumbnail', async () => {
    const [photo] = (await listFiles(baseUrl, room)).files;
    return photo?.thumbnail != null;
  });

  const archive = join(folder, 'one.tar');
  const made = await backUp(archive);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  expect(made.stdout).toContain('4 files (4 copied');
  expect(await deed('backed_up', server().env)).toMatchObject({
    company_id: '',
    role: 'operator',
    detail: { files: 4 },
  });
  expect((await stat(archive)).mode & 0o077).toBe(0);
  // What was read is known now.
  const [photo] = (await listFiles(baseUrl, room)).files;
  expect(photo?.sha256).toBe(
    await sha256Of((await get(baseUrl, `/api/chat/files/${photo?.id}/content`, room.agent)).body),
  );
  // What comes after it is not in it.
  const later = await shareFile({ baseUrl, room, body: textFile(), name: 'later.txt' });
  const link = later.url;
  const before = await shown(baseUrl, room);
  expect(before.files.pop()).toMatchObject({ name: 'later.txt' });

  expect(await backUp(archive)).toMatchObject({ code: 1, stderr: expect.stringContaining('EEXIST') });
  const checked = await restore(archive, newPlace(), '--check');
  expect([checked.code, checked.stdout]).toEqual([0, expect.stringContaining('all is as the manifest says')]);
  const place = newPlace();
  const restored = await restore(archive, place);
  expect([restored.code, restored.stderr, restored.stdout]).toEqual([0, '', expect.stringContaining('Restored.')]);
  expect(await readdir(place)).not.toContain('restoring');
  const again = await restore(archive, place);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('There is a database')]);

  await withServerAt(place, async (other) => {
    const after = await shown(other.baseUrl, room);
    expect(after).toEqual({ count: 3, contents: before.contents.slice(0, 3), files: before.files });
    const [photo] = (await listFiles(other.baseUrl, room)).files;
    expect((await download(String(photo?.thumbnail))).headers['content-type']).toBe('image/webp');
    expect(await listUploads(other.baseUrl, room)).toMatchObject([
      { name: 'half.mp4', offset: 200 * KIB },
      { name: 'none-yet.txt', offset: 0 },
    ]);
    const waiting = await head(other.baseUrl + new URL(empty.url).pathname, room.visitor);
    expect([waiting.status, offsetOf(waiting)]).toEqual([200, 0]);
    // Who has seen more than the backup knows asks anew, and what they were given never becomes something else.
    const socket = recordSocket({ baseUrl: other.baseUrl, auth: { token: room.visitor, after: later.seq } });
    expect((await socket.waitForEvent('error')).payload).toMatchObject({ code: 'resync' });
    socket.close();
    const at = other.baseUrl + new URL(url).pathname;
    expect(offsetOf(await head(at, room.visitor))).toBe(200 * KIB);
    const last = await patch({ url: at, token: room.visitor, offset: 200 * KIB, body: unfinished.subarray(200 * KIB) });
    expect([last.status, Number(fileIdOf(last)) > later.id]).toEqual([204, true]);
    const { files } = await listFiles(other.baseUrl, room);
    expect(files.at(-1)).toMatchObject({ name: 'half.mp4', size: unfinished.length });
    expect(files.at(-1)?.seq).toBeGreaterThan(later.seq);
    const stale = await send({ method: 'GET', url: other.baseUrl + new URL(link).pathname + new URL(link).search });
    expect(stale.status).toBe(404);
    expect(await runCommandHere(['files', 'verify', '--deep'], other.env)).toMatchObject({ code: 0 });
    const noted = { company_id: '', role: 'operator', detail: { faults: 0, entries: expect.any(Number) } };
    expect(await deed('restored', other.env)).toMatchObject(noted);
  });
  expect(film.size).toBe(700 * KIB);
});

test('to a reader that leaves: it ends, and nothing is left behind', async () => {
  const temporary = newPlace();
  await mkdir(temporary);
  const ended = await runCommand(['backup', '-'], { ...server().env, TMPDIR: temporary }, { unread: true });
  expect([ended.code, ended.stderr]).toEqual([1, expect.stringContaining('EPIPE')]);
  expect(await readdir(temporary)).toEqual([]);
});

describe('a folder of backups', () => {
  test('under load, again and again, killed once: each is whole, and copies what is new', async () => {
    const { baseUrl } = server();
    const to = `${join(folder, 'many')}/`;
    const traffic = await startTraffic({ baseUrl, visitors: 4, fileBytes: 90 * KIB, chunkBytes: 40 * KIB });
    try {
      await traffic.more(15);
      const killed = await runCommand(['backup', to], { ...server().env }, { killAfterMs: 150 });
      expect(killed.code).not.toBe(2);
      for (let round = 1; round <= 2; round += 1) {
        await traffic.more(20);
        expect(await backUp(to)).toMatchObject({ code: 0, stderr: '' });
      }
      const known = await fileCount();
      const last = await backUp(to);
      expect(last).toMatchObject({ code: 0, stderr: '' });
      expect(Number(/Backed up: (\d+) files \((\d+) copied/.exec(last.stdout)?.[1])).toBeGreaterThanOrEqual(known);
    } finally {
      await traffic.finish();
    }
    const names = await readdir(join(to, 'snapshots'));
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    for (const name of names.sort()) {
      const place = newPlace();
      expect(await restore(to, place, '--name', name)).toMatchObject({ code: 0, stderr: '' });
      const verified = await runCommandHere(['files', 'verify', '--deep'], settingsFor(place));
      expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining('all is well')]);
    }
  });

  test('what is deleted leaves it with the last backup that knows it', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const to = `${join(folder, 'few')}/`;
    const secret = await shareFile({ baseUrl, room, body: textFile(400, 'a secret\n'), name: 'secret.txt' });
    expect((await backUp(to)).code).toBe(0);
    await send({ method: 'DELETE', url: `${baseUrl}/api/chat/files/${secret.id}/`, headers: bearer(room.visitor) });
    expect((await backUp(to, '--keep', '2')).code).toBe(0);
    expect(await filesIn(join(to, 'objects', 'chat', room.company))).toHaveLength(1);
    const last = await backUp(to, '--keep', '1');
    expect([last.code, last.stdout]).toEqual([0, expect.stringContaining('Deleted: 2 old backups, and 1 files')]);
    expect(await filesIn(join(to, 'objects', 'chat', room.company))).toEqual([]);
    expect(await restore(to, newPlace(), '--check')).toMatchObject({ code: 0 });
  });

  test('a folder with something else in it, and wrong words', async () => {
    const other = newPlace();
    await writeFile(join(folder, 'a-file'), 'x');
    expect(await backUp(folder)).toMatchObject({ code: 1, stderr: expect.stringContaining('no backup of Chatdrop') });
    expect(await readdir(folder)).toContain('a-file');
    expect(await restore(folder, other)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no backup of Chatdrop'),
    });
    for (const words of [[], ['a', 'b'], ['a', '--keep', '0']])
      expect(await runCommandHere(['backup', ...words], server().env)).toMatchObject({ code: 2 });
    expect(await runCommandHere(['restore'], server().env)).toMatchObject({ code: 2 });
  });
});

describe('a backup that is not as it was', () => {
  let archive = '';
  let room = newChatRoom();
  beforeAll(async () => {
    const { baseUrl } = server();
    room = newChatRoom();
    for (const name of ['one.txt', 'two.txt'])
      await shareFile({ baseUrl, room, body: textFile(9000, `${name}\n`), name, type: 'text/plain' });
    archive = join(folder, 'whole.tar');
    expect((await backUp(archive)).code).toBe(0);
  });

  test('cut: nothing is restored, no server starts on what is left, and a whole one is restored over it', async () => {
    const cut = join(folder, 'cut.tar');
    const bytes = await readFile(archive);
    await writeFile(cut, bytes.subarray(0, bytes.length - 5000));
    const place = newPlace();
    const failed = await restore(cut, place);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringMatching(/not finished|Unexpected end/)]);
    const started = await runCommand(['serve'], settingsFor(place));
    expect([started.code, started.stderr]).toEqual([1, expect.stringContaining('has not come to its end')]);
    expect(await restore(archive, place)).toMatchObject({ code: 0, stderr: '' });
  });

  test('one bit of one file: told, not restored, unless it is wished', async () => {
    const bytes = await readFile(archive);
    const at = bytes.indexOf('two.txt\ntwo.txt\n') + 100;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    const damaged = join(folder, 'damaged.tar');
    await writeFile(damaged, bytes);
    const place = newPlace();
    const failed = await restore(damaged, place);
    expect([failed.code, failed.stdout]).toEqual([1, expect.stringMatching(/damaged: objects\/chat\/.*Not restored/s)]);
    expect(await restore(damaged, place, '--check')).toMatchObject({ code: 1 });
    const forced = await restore(damaged, place, '--even-damaged');
    expect([forced.code, forced.stdout]).toEqual([1, expect.stringContaining('Restored.')]);
    const verified = await runCommandHere(['files', 'verify'], settingsFor(place));
    expect([verified.code, verified.stdout]).toEqual([
      1,
      expect.stringMatching(/wrong-sha256: .*“two.txt”.*: 1 faults/s),
    ]);
  });

  test('entries that lead elsewhere, another kind of archive, none at all', async () => {
    const place = newPlace();
    const header = '{"format":"chatdrop-backup-1"}';
    const hostile = async (name: string, entries: [string, string][]) => {
      const tar = pack();
      for (const [entry, text] of entries) tar.entry({ name: entry }, text);
      tar.finalize();
      const file = join(folder, name);
      await writeFile(file, tar as AsyncIterable<Buffer>);
      const end = await restore(file, place);
      return [end.code, end.stderr];
    };
    const first: [string, string] = ['chatdrop-backup.json', header];
    for (const name of [
      '../evil',
      'objects/../../evil',
      '/etc/evil',
      'objects/chat/a/b/evil',
      'incoming/../x',
      'notes.txt',
    ])
      expect(await hostile('a.tar', [first, [name, 'x']])).toEqual([1, expect.stringContaining('none of ours has')]);
    expect(await hostile('b.tar', [['notes.txt', 'x']])).toEqual([1, expect.stringContaining('no backup of Chatdrop')]);
    const other = '{"format":"chatdrop-backup-9"}';
    expect(await hostile('c.tar', [['chatdrop-backup.json', other]])).toEqual([1, expect.stringContaining('backup-9')]);
    expect(await hostile('d.tar', [first])).toEqual([1, expect.stringContaining('not finished')]);
    await writeFile(join(folder, 'empty.tar'), '');
    expect(await restore(join(folder, 'empty.tar'), place)).toMatchObject({ code: 1 });
    expect((await readdir(folder)).filter((name) => name.includes('evil'))).toEqual([]);
  });

  test('into a folder with files, or of a server that runs, nothing is restored', async () => {
    expect(await restore(archive, server().dataDir)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('running'),
    });
    const place = newPlace();
    expect(await restore(archive, place)).toMatchObject({ code: 0 });
    await rm(join(place, 'chatdrop.sqlite'));
    expect(await restore(archive, place)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There are files in'),
    });
  });

  test('a file that the store lost is told of', async () => {
    const { baseUrl, dataDir } = server();
    const lost = newChatRoom();
    await shareFile({ baseUrl, room: lost, body: textFile(), name: 'lost.txt' });
    const [file] = await filesIn(join(dataDir, 'media', 'chat', lost.company));
    await rm(String(file));
    const made = await backUp(join(folder, 'lost.tar'));
    expect([made.code, made.stdout]).toEqual([1, expect.stringContaining('1 files are missing')]);
    expect(await restore(join(folder, 'lost.tar'), newPlace(), '--check')).toMatchObject({ code: 0 });
  });
});

async function fileCount(): Promise<number> {
  const database = await server().openDatabase();
  const ids: number[] = await database('chat_files').pluck('id');
  await database.destroy();
  return ids.length;
}

async function filesIn(place: string): Promise<string[]> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
}
