/** The Dockerfile: its steps carried out, and the image that they give run as a container would be. No engine is needed. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { validate } from 'dockerfile-utils';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import packageLock from '../../package-lock.json' with { type: 'json' };
import { get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { eventually } from '../services/eventually.ts';
import { freePort } from '../services/free-port.ts';
import { buildImage, containerWords, type ImageBuild, readSteps, startContainer } from '../services/image-build.ts';
import { mayMount } from '../services/may-mount.ts';
import { photo } from '../services/pictures.ts';
import { TEST_SECRET } from '../services/tokens.ts';
import { create, fileIdOf, openPatch, patch } from '../services/tus-wire.ts';

const PROJECT = path.join(import.meta.dirname, '../..');
const BUILD_TIMEOUT_MS = 400_000;
/** Each container is several processes that have to start. */
const RUN_TIMEOUT_MS = 120_000;
/** Megabytes that the image may add to its base. */
const MAX_ADDED_MB = 45;
const run = promisify(execFile);

type Locked = { dev?: boolean; optional?: boolean; os?: unknown; cpu?: unknown; libc?: unknown; version?: string };
const locked = Object.entries(packageLock.packages as Record<string, unknown>) as [string, Locked][];

describe('the words of the Dockerfile', () => {
  test('it is a good one by the rules of the language', async () => {
    expect(validate(await readFile(path.join(PROJECT, 'Dockerfile'), 'utf8'))).toEqual([]);
  });

  test('every stage starts from the Node that the project brings elsewhere', async () => {
    const bases = (await readSteps())
      .filter((step) => step.getKeyword() === 'FROM')
      .map((step) => step.getArguments()[0]?.getValue());
    const [version] = new Set(Object.values(packageJson.optionalDependencies));
    expect(new Set(bases)).toEqual(new Set([`node:${version}-bookworm-slim`]));
  });

  test('what is bundled is the same for amd64 and arm64; only Node and sharp are packages for one kind of machine', () => {
    const installed = locked.filter(([, { dev, optional }]) => !dev && !optional);
    expect(installed.filter(([, { os, cpu, libc }]) => os ?? cpu ?? libc).map(([name]) => name)).toEqual([]);
    // A library that brings a binary as an optional package needs a way of its own into the image, as sharp has one.
    const left = locked.filter(([, { dev, optional, os }]) => !dev && optional && os).map(([name]) => name.slice(13));
    const ofSharp = left.filter((name) => name.startsWith('@img/sharp-'));
    expect(ofSharp).toEqual(
      expect.arrayContaining(
        ['x64', 'arm64'].flatMap((cpu) => [`@img/sharp-linux-${cpu}`, `@img/sharp-libvips-linux-${cpu}`]),
      ),
    );
    expect(left.filter((name) => !ofSharp.includes(name)).toSorted()).toEqual(
      Object.keys(packageJson.optionalDependencies).toSorted(),
    );
    // What sharp needs beside them is copied by name.
    const { dependencies = {} } = packageLock.packages['node_modules/sharp'];
    expect(Object.keys(dependencies).toSorted()).toEqual(['@img/colour', 'detect-libc', 'semver']);
    expect(locked.filter(([name]) => name.startsWith('node_modules/sharp/'))).toEqual([]);
  });

  test('its full installation is the one that the tests run with', async () => {
    const text = await readFile(path.join(PROJECT, 'node_modules/.package-lock.json'), 'utf8');
    const here = JSON.parse(text).packages as Record<string, Locked>;
    const different = locked.filter(([name, { optional, version }]) => {
      const inWorkspace = !name.startsWith('node_modules/');
      return !inWorkspace && here[name]?.version !== version && !(optional && here[name] === undefined);
    });
    expect(different.map(([name]) => name)).toEqual([]);
  });
});

const runs = await mayMount('root');

describe.runIf(runs)('the image', { timeout: RUN_TIMEOUT_MS }, () => {
  let build: ImageBuild;
  let volume = '';
  let port = 0;
  const settings = () => ({ PORT: String(port), JWT_SECRET: TEST_SECRET });

  beforeAll(async () => {
    build = await buildImage({
      'npm ci --workspaces=false': { folder: path.join(PROJECT, 'node_modules'), target: '/app/node_modules' },
      // For this kind of machine it would bring the same again.
      'npm ci --workspaces=false --omit=dev --os=linux --libc=glibc --cpu=$(echo $TARGETARCH | sed s/amd64/x64/)': {
        folder: path.join(PROJECT, 'node_modules'),
        target: '/pictures/node_modules',
      },
    });
    port = await freePort();
    volume = await mkdtemp(path.join(tmpdir(), 'chatdrop-volume-'));
    await newVolume(volume);
  }, BUILD_TIMEOUT_MS);
  afterAll(async () => {
    await build?.remove();
    await rm(volume, { recursive: true, force: true });
  });

  test('a builder is sent no data, no key, no history and no test', () => {
    for (const file of [
      '.env',
      '.git/config',
      'data/chatdrop.sqlite',
      'node_modules/koa/package.json',
      'test/fixtures',
    ])
      expect([file, build.isSent(file)]).toEqual([file, false]);
    for (const file of ['package-lock.json', 'server/main.ts', 'widget/build.ts', '.npmrc'])
      expect([file, build.isSent(file)]).toEqual([file, true]);
  });

  test('it holds the server, the built widget and what they need, and is small', async () => {
    const app = path.join(build.image.root, 'app');
    expect((await readdir(app)).toSorted()).toEqual(
      ['CHANGELOG.md', 'LICENSE', 'dist', 'node_modules', 'package.json'].toSorted(),
    );
    expect((await readdir(path.join(app, 'node_modules'))).toSorted()).toEqual(
      ['@img', 'better-sqlite3', 'detect-libc', 'semver', 'sharp'].toSorted(),
    );
    const files = await readdir(app, { recursive: true });
    const binaries = files.filter((name) => name.endsWith('.node')).map((name) => path.basename(name));
    const ofSharp = expect.stringMatching(new RegExp(`^sharp-linux-${process.arch}.*\\.node$`));
    expect(binaries.toSorted()).toEqual(['linux-arm64.node', 'linux-x64.node', ofSharp]);
    expect(files).toEqual(expect.arrayContaining(['dist/widget/widget.js', 'dist/widget/chat-files.js.br']));
    const megabytes = Math.round((await sizeOf(app, files)) / 1024 / 1024);
    process.stdout.write(`The image adds ${megabytes} MB to its base.\n`);
    expect(megabytes).toBeLessThan(MAX_ADDED_MB);
    expect(await readdir(path.join(build.image.root, '.local/bin'))).toEqual(['chatdrop', 'node']);
  });

  test('its user owns the data folder and nothing else', async () => {
    expect(build.image.user).toBe('1000:1000');
    expect(build.image.volumes).toEqual([build.image.env.DATA_DIR]);
    const { uid, mode } = await lstat(path.join(build.image.root, '/var/lib/chatdrop'));
    expect([uid, mode & 0o777]).toEqual([1000, 0o700]);
    const { stdout } = await run('find', [
      path.join(build.image.root, 'app'),
      ...['(', '!', '-uid', '0', '-o', '-perm', '/022', '-o', '!', '-perm', '-o=r', ')', '!', '-type', 'l'],
    ]);
    expect(stdout).toBe('');
  });

  test('it serves with a read-only root as process 1, is healthy, and keeps its files; SIGTERM in an upload ends it with 0', async () => {
    expect(await healthcheck()).toBe(1);
    const container = await started();
    expect(await healthcheck()).toBe(0);
    const baseUrl = `http://127.0.0.1:${port}`;
    expect((await get(baseUrl, '/widget.js')).status).toBe(200);
    const room = newChatRoom();
    const file = await shareFile({ baseUrl, room, body: Buffer.from('kept'), name: 'note.txt' });
    // The decoder is there, and can be started there.
    const { id } = await shareFile({ baseUrl, room, body: await photo(), name: 'a.jpg' });
    await eventually(
      'it has a thumbnail',
      async () =>
        JSON.parse((await get(baseUrl, `/api/chat/files/${id}/`, room.visitor)).body.toString()).thumbnail !== null,
      60_000,
    );
    const body = Buffer.alloc(2 * 1024 * 1024, 'text\n');
    const { url } = await create({
      baseUrl,
      token: room.visitor,
      length: body.length,
      metadata: { filename: 'a.txt' },
    });
    const request = openPatch({ url, token: room.visitor, offset: 0, length: body.length });
    await request.write(body.subarray(0, 1024 * 1024));
    await eventually('half has come', async () => {
      const answer = await get(baseUrl, '/api/chat/uploads/', room.visitor);
      return JSON.parse(answer.body.toString()).uploads[0]?.offset === 1024 * 1024;
    });
    expect(await container.end('SIGTERM')).toEqual({ code: 0, signal: null });
    request.leave();
    expect(container.output()).toContain('draining');
    expect(await healthcheck()).toBe(1);

    const again = await started();
    const content = await get(baseUrl, `/api/chat/files/${file.id}/content`, room.agent);
    expect(content.body.toString()).toBe('kept');
    const rest = await patch({ url, token: room.visitor, offset: 1024 * 1024, body: body.subarray(1024 * 1024) });
    expect([rest.status, fileIdOf(rest)]).toEqual([204, expect.any(Number)]);
    expect(await again.end('SIGTERM')).toEqual({ code: 0, signal: null });
    const owners = await run('find', [volume, '!', '-uid', '1000']);
    expect(owners.stdout).toBe('');
  });

  test('without a key it says so and ends', async () => {
    const container = startContainer(build.image, volume, {});
    let said = '';
    container.stderr.on('data', (text) => {
      said += text;
    });
    const [code] = await once(container, 'close');
    expect([code, said]).toEqual([1, expect.stringContaining('JWT_SECRET is missing')]);
  });

  test('a signal ends it also while it is starting', async () => {
    const silent = createServer();
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port: nobody } = silent.address() as AddressInfo;
    const env = { ...settings(), DATABASE_URL: `postgres://chatdrop@127.0.0.1:${nobody}/chatdrop` };
    const container = startContainer(build.image, volume, { env });
    const [socket] = await once(silent, 'connection');
    const exited = once(container, 'exit');
    await signalProcessOne(container, 'SIGTERM');
    expect(await exited).toEqual([143, null]);
    socket.destroy();
    silent.close();
  });

  test('commands run by name beside the server, which finds nothing wrong with itself', async () => {
    const { image } = build;
    const chatdrop = async (word: string) => {
      const [program, ...args] = containerWords(image, volume, ['chatdrop', word]);
      const ended = await run(program as string, args, { env: { ...image.env, ...settings() } }).catch(
        (error) => error,
      );
      return { code: ended.code ?? 0, stdout: ended.stdout };
    };
    expect(await chatdrop('--version')).toEqual({ code: 0, stdout: `${packageJson.version}\n` });
    const container = await started();
    const { code, stdout } = await chatdrop('doctor');
    expect([code, stdout]).toEqual([0, expect.stringContaining(`http://127.0.0.1:${port}/readyz answers: ready`)]);
    expect(await container.end('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  /** What Docker does for a new volume: the folder of the image is copied into it, owner and all. */
  async function newVolume(folder: string): Promise<void> {
    await run('cp', ['-a', '--no-target-directory', path.join(build.image.root, '/var/lib/chatdrop'), folder]);
  }

  async function started() {
    const child = startContainer(build.image, volume, { env: settings() });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (text) => {
        output += text;
      });
    const killWithTests = () => child.kill('SIGKILL');
    process.on('exit', killWithTests);
    child.once('exit', () => process.off('exit', killWithTests));
    await eventually(
      'the container is ready',
      async () => {
        if (child.exitCode !== null) throw new Error(output);
        return (await get(`http://127.0.0.1:${port}`, '/readyz')).status === 200;
      },
      60_000,
    ).catch((error) => {
      child.kill('SIGKILL');
      throw new Error(output, { cause: error });
    });
    return {
      output: () => output,
      async end(signal: NodeJS.Signals) {
        const exited = once(child, 'exit');
        await signalProcessOne(child, signal);
        const [code, ended] = await exited;
        return { code, signal: ended };
      },
    };
  }

  /** The command of HEALTHCHECK, run in the container's place. @returns its exit code */
  async function healthcheck(): Promise<number> {
    const { image } = build;
    const [program, ...args] = containerWords(image, volume, image.healthcheck.command.slice());
    const child = spawn(program as string, args, { env: { ...image.env, ...settings() }, stdio: 'ignore' });
    const [code] = await once(child, 'exit');
    return code;
  }
});

async function signalProcessOne({ pid }: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  process.kill(Number(children.trim()), signal);
}

async function sizeOf(folder: string, files: string[]): Promise<number> {
  let bytes = 0;
  for (const file of files) {
    const entry = await lstat(path.join(folder, file));
    if (entry.isFile()) bytes += entry.size;
  }
  return bytes;
}
