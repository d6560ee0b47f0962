/** The single executable, where nothing else is: no Node, no package, no checkout, nothing on the PATH. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { packExecutable } from '../../server/build/pack-executable.ts';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { download, listFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { mp4File, sha256Of } from '../services/fixtures.ts';
import { mayMount } from '../services/may-mount.ts';
import { photo } from '../services/pictures.ts';
import { runCommand } from '../services/run-command.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const PROJECT = path.join(import.meta.dirname, '../..');
/** Node itself is copied and written several times. */
const BUILD_MS = 300_000;
const LONG_MS = 60_000;
const MIB = 1024 * 1024;
/** Where nobody can make a folder, not even root: it is none itself. */
const NOWHERE = '/dev/null';

let place = '';
/** Starts `program`, the single executable, where the checkout cannot be seen. */
let executable = '';
let program = '';
let home = '';

beforeAll(async () => {
  place = await mkdtemp(path.join(tmpdir(), 'chatdrop-executable-'));
  home = path.join(place, 'home');
  const pages = path.join(place, 'pages');
  await mkdir(home);
  await mkdir(pages);
  await writeFile(path.join(pages, 'demo.html'), '<title>the demo</title>');
  // As the build leaves it: it says which packages a page is made of.
  const sources = ['../../node_modules/preact/dist/preact.module.js', '../../widget/pages/demo.tsx'];
  await writeFile(path.join(pages, 'demo.js.map'), JSON.stringify({ version: 3, sources }));
  program = path.join(place, 'chatdrop');
  await packExecutable(program, { pages });
  executable = (await mayMount('tmpfs')) ? await hideCheckout() : program;
}, BUILD_MS);
afterAll(() => rm(place, { recursive: true, force: true }));

describe('a server', { timeout: 3 * LONG_MS }, () => {
  let server: Chatdrop;
  beforeAll(async () => {
    server = await startChatdrop({ executable, env: { HOME: home, THUMBNAILS: 'true' } });
  }, 2 * LONG_MS);
  afterAll(async () => {
    await server?.stop();
  });

  test('takes an upload over a kill in the middle, tells of it, and keeps it over a restart', async () => {
    const room = newChatRoom();
    const body = mp4File(4 * MIB);
    const listener = await listen(room);
    const created = await create({
      baseUrl: server.baseUrl,
      token: room.visitor,
      length: body.length,
      metadata: { session_id: room.session, filename: 'a.mp4' },
    });
    const first = await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, MIB) });
    expect(first.status).toBe(204);
    const cut = openPatch({ url: created.url, token: room.visitor, offset: MIB, length: body.length - MIB });
    cut.answer.catch(() => {});
    await cut.write(body.subarray(MIB, 2 * MIB));
    await server.kill('SIGKILL');
    cut.abort();
    listener.close();
    await server.restart();
    const offset = offsetOf(await head(created.url, room.visitor));
    expect(offset).toBeGreaterThanOrEqual(MIB);
    const again = await listen(room);
    const last = await patch({ url: created.url, token: room.visitor, offset, body: body.subarray(offset) });
    expect(last.status).toBe(204);
    const { payload } = await again.waitForEvent('file_shared', LONG_MS);
    expect(payload).toMatchObject({ id: fileIdOf(last), name: 'a.mp4', size: body.length });
    expect(again.payloads('file_shared')).toHaveLength(1);
    again.close();
    await server.restart();
    const { files } = await listFiles(server.baseUrl, room);
    expect(files.map(({ id }) => id)).toEqual([payload.id]);
    const bytes = await download(String(files[0]?.url));
    expect(await sha256Of(bytes.body)).toBe(await sha256Of(body));
  });

  test('has pictures decoded in a process of its own, also when an upgrade has put another file in its place', async () => {
    const room = newChatRoom();
    const listener = await listen(room);
    await rename(program, path.join(place, 'the one that runs'));
    await writeFile(program, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const body = await photo({ width: 1500, height: 1000 });
    await create({
      baseUrl: server.baseUrl,
      token: room.visitor,
      body,
      metadata: { session_id: room.session, filename: 'p.jpg' },
    });
    const { payload } = await listener.waitForEvent('file_updated', LONG_MS);
    const thumbnail = await send({ method: 'GET', url: String((payload as ChatFile).thumbnail) });
    expect(thumbnail.headers['content-type']).toBe('image/webp');
    expect(await sharp(thumbnail.body).metadata()).toMatchObject({ format: 'webp', width: 640 });
    listener.close();
    await rename(path.join(place, 'the one that runs'), program);
    const { stdout } = await run(['doctor'], server.env);
    expect(stdout).toContain('✓ thumbnails: of JPEG');
    expect(stdout).not.toContain('✗');
  });

  test('shows the pages that are in it', async () => {
    const page = await send({ method: 'GET', url: `${server.baseUrl}/widget/demo.html` });
    expect([page.status, page.body.toString()]).toEqual([200, '<title>the demo</title>']);
  });

  test('unpacked each library once, however often it was started, where only this user may look', async () => {
    const folder = path.join(home, '.cache/chatdrop');
    const before = await inodes(folder);
    expect(before.map(([name]) => String(name).split('-')[0])).toEqual(['sharp', 'sqlite']);
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await server.restart();
    expect(await inodes(folder)).toEqual(before);
  });

  async function listen(room: ChatRoom) {
    const listener = recordSocket({ baseUrl: server.baseUrl, auth: { token: room.agent, session_id: room.session } });
    await listener.waitForEvent('connection_established', LONG_MS);
    return listener;
  }
});

describe('commands', { timeout: 3 * LONG_MS }, () => {
  test('need nothing at all to say what it is, and under which licences', async () => {
    expect(await run(['--version'], {})).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
    const { code, stdout } = await run(['licenses'], {});
    expect(code).toBe(0);
    for (const words of [
      `Node.js ${process.versions.node}`,
      'GNU LESSER GENERAL PUBLIC LICENSE',
      'GNU GENERAL PUBLIC LICENSE',
      '\n@img/sharp-libvips',
      '\npreact ',
      ...Object.keys(packageJson.dependencies).map((name) => `\n${name} `),
    ])
      expect(stdout).toContain(words);
  });

  test('several at once unpack into one folder, and none is in the way of another', async () => {
    const libraries = path.join(place, 'several');
    const ends = await Promise.all(
      ['a', 'b', 'c'].map((name) =>
        run(['migrate'], {
          DATA_DIR: path.join(place, 'several-data', name),
          UNPACK_DIR: libraries,
          JWT_SECRET: TEST_SECRET,
        }),
      ),
    );
    expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual([0, 0, 0].map((code) => [code, '']));
    expect((await readdir(libraries)).map((name) => name.split('-')[0])).toEqual(['sqlite']);
  });

  test('where the home may not be written to, the folder for temporary files serves', async () => {
    const temporary = path.join(place, 'temporary');
    await mkdir(temporary);
    const env = { HOME: NOWHERE, TMPDIR: temporary, DATA_DIR: path.join(place, 'homeless'), JWT_SECRET: TEST_SECRET };
    expect(await run(['migrate'], env)).toMatchObject({ code: 0, stderr: '' });
    const folder = path.join(temporary, `chatdrop-${process.geteuid?.()}`);
    const [library = ''] = await readdir(folder);
    // And what was changed since is not loaded.
    const addon = path.join(folder, library, `better-sqlite3/prebuilds/${process.platform}-${process.arch}.node`);
    const whole = await readFile(addon);
    await chmod(addon, 0o700);
    await writeFile(addon, whole.subarray(0, 1000));
    expect(await run(['migrate'], env)).toMatchObject({ code: 0, stdout: 'Nothing to do.\n' });
    expect((await readFile(addon)).equals(whole)).toBe(true);
  });

  test('where nothing serves, each folder is named with its fault, and what to do', async () => {
    const { code, stdout, stderr } = await run(['migrate'], {
      HOME: NOWHERE,
      TMPDIR: NOWHERE,
      DATA_DIR: path.join(place, 'nowhere'),
      JWT_SECRET: TEST_SECRET,
    });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`- ${NOWHERE}/.cache/chatdrop: `);
    expect(stderr).toContain(`- ${NOWHERE}/chatdrop-${process.geteuid?.()}: `);
    expect(stderr).toContain('Set UNPACK_DIR to a folder of this user');
  });
});

function run(args: string[], env: Record<string, string>) {
  return runCommand(args, { PATH: '', HOME: home, ...env }, { executable });
}

async function inodes(folder: string): Promise<[string, number][]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(
    names.map(async (name): Promise<[string, number]> => [name, (await stat(path.join(folder, name))).ino]),
  );
}

/** @returns a program that starts it with nothing where the checkout is: what it still looked for there, it would miss */
async function hideCheckout(): Promise<string> {
  const script = path.join(place, 'hidden');
  const namespace = process.getuid?.() === 0 ? '-m' : '-rm';
  const inside = `/bin/mount -t tmpfs none '${PROJECT}' && exec "$0" "$@"`;
  await writeFile(
    script,
    `#!/bin/sh\nexec /usr/bin/unshare ${namespace} /bin/sh -c '${inside.replaceAll("'", `'\\''`)}' '${program}' "$@"\n`,
  );
  await chmod(script, 0o755);
  return script;
}
