/** Other people's tus clients: each uploads, is cut in the middle, goes on, and the file is shared once. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type HttpRequest, Upload, type UploadOptions } from 'tus-js-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { get, listFiles, listUploads, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { exeFile, mp4File, sha256Of, textFile } from '../services/fixtures.ts';
import { recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { TUS_PATH } from '../services/tus-wire.ts';
import { installTuspy } from '../services/tuspy.ts';

const MIB = 1024 * 1024;
const server = chatdropForSuite();

type Scene = { room: ChatRoom; proxy: TcpProxy; endpoint: string; agent: SocketRecorder; folder: string };
let scene: Scene;

beforeEach(async () => {
  const room = newChatRoom();
  const proxy = await startTcpProxy({ targetPort: server().port });
  // Slow enough that a cut falls into the middle.
  proxy.rate(16 * MIB);
  const agent = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, session_id: room.session } });
  await agent.waitForEvent('connection_established');
  const folder = await mkdtemp(join(tmpdir(), 'chatdrop-client-'));
  scene = { room, proxy, endpoint: `http://127.0.0.1:${proxy.port}${TUS_PATH}`, agent, folder };
});

afterEach(async () => {
  scene.agent.close();
  await scene.proxy.stop();
  await rm(scene.folder, { recursive: true });
});

describe('tus-js-client', () => {
  test('parallelUploads: 3', async () => {
    const body = mp4File(12 * MIB);
    const before = await storedFiles(server().dataDir);
    const seen: string[] = [];
    const uploaded = upload(body, {
      parallelUploads: 3,
      onBeforeRequest: (request: HttpRequest) => void seen.push(request.getMethod()),
    });
    await cutTwice();
    await uploaded;
    await expectSharedOnce(body);
    // Three parts and the final upload; what a cut costs is a HEAD and a PATCH, never a second creation.
    // Three parts and the final one; a creation that the cut hit is sent again.
    expect(seen.filter((method) => method === 'POST').length).toBeGreaterThanOrEqual(4);
    expect(await storedFiles(server().dataDir)).toHaveLength(before.length + 1);
  });

  test('parallelUploads: 3, with the server killed in the middle', async () => {
    const body = mp4File(12 * MIB);
    const uploaded = upload(body, { parallelUploads: 3 });
    await scene.proxy.waitForBytesUp(6 * MIB);
    await server().kill('SIGKILL');
    await server().restart();
    await uploaded;
    expect((await listFiles(server().baseUrl, scene.room)).count).toBe(1);
    await expectStored(body);
  });

  test('a length that is deferred', async () => {
    const body = mp4File(6 * MIB);
    const source = Readable.from(pieces(body, 100_000), { objectMode: false });
    const uploaded = upload(source, { uploadLengthDeferred: true, chunkSize: MIB });
    await cutTwice();
    await uploaded;
    await expectSharedOnce(body);
  });

  test('a checksum by header on every chunk', async () => {
    const body = mp4File(6 * MIB);
    const chunkSize = MIB;
    let checksums = 0;
    const onBeforeRequest = (request: HttpRequest) => {
      if (request.getMethod() !== 'PATCH') return;
      const offset = Number(request.getHeader('Upload-Offset'));
      const digest = createHash('sha256').update(body.subarray(offset, offset + chunkSize));
      request.setHeader('Upload-Checksum', `sha256 ${digest.digest('base64')}`);
      checksums += 1;
    };
    const uploaded = upload(body, { chunkSize, onBeforeRequest });
    await cutTwice();
    await uploaded;
    await expectSharedOnce(body);
    expect(checksums).toBeGreaterThan(6);
  });
});

describe('the examples of docs/clients.md, as they stand there', () => {
  test('curl: killed in the middle, run again, and cut', async () => {
    const body = mp4File(6 * MIB);
    const script = await example('upload.sh');
    await writeFile(join(scene.folder, 'film.mp4'), body);
    // So slow that whatever kills it comes in time; nothing below rests on that.
    scene.proxy.rate(MIB / 2);
    const killed = start('sh', [script, 'film.mp4']);
    await scene.proxy.waitForBytesUp(MIB);
    killed.kill();
    await killed.ended;
    scene.proxy.rate(8 * MIB);
    const again = start('sh', [script, 'film.mp4']);
    const isCut = scene.proxy.waitForBytesUp(MIB).then(scene.proxy.cut, () => {});
    const { code, output } = await again.ended;
    scene.proxy.rate(Number.POSITIVE_INFINITY);
    expect(code).toBe(0);
    expect(output).toContain('"mime_type":"video/mp4"');
    await expectSharedOnce(body);
    expect(await readdir(scene.folder)).toEqual(['film.mp4', 'upload.sh']);
    await isCut;
  });

  test('curl: what is refused is said, and what else there is', async () => {
    const script = await example('upload.sh');
    await writeFile(join(scene.folder, 'film.mp4'), exeFile());
    const refused = await start('sh', [script, 'film.mp4']).ended;
    expect([refused.code, refused.output]).toEqual([1, expect.stringContaining('"code":"executable"')]);
    await writeFile(join(scene.folder, 'note.txt'), textFile());
    const more = await start('sh', [await example('more.sh')]).ended;
    expect([more.code, more.output.match(/"original_name":"note.txt"/g)]).toEqual([
      0,
      expect.objectContaining({ length: 2 }),
    ]);
  });

  test('tuspy: cut twice, with a checksum on every chunk; what is refused is said', async () => {
    const python = await installTuspy();
    const body = mp4File(6 * MIB);
    const script = await example('upload.py');
    await writeFile(join(scene.folder, 'film.mp4'), body);
    const uploaded = start(python, [script, 'film.mp4']);
    await cutTwice();
    const { code, output } = await uploaded.ended;
    expect([code, output]).toEqual([0, expect.stringMatching(/^\d+ film.mp4 video\/mp4 6291456\n$/)]);
    await expectSharedOnce(body);
    await writeFile(join(scene.folder, 'bad.mp4'), exeFile());
    const refused = await start(python, [script, 'bad.mp4']).ended;
    expect([refused.code, refused.output]).toEqual([1, expect.stringMatching(/^415 executable: .*\.\n$/)]);
  });
});

/** Its path: the block below `<!-- example: NAME -->`. */
async function example(name: string): Promise<string> {
  const docs = await readFile(new URL('../../docs/clients.md', import.meta.url), 'utf8');
  const [, code] = docs.split(`<!-- example: ${name} -->\n`)[1]?.match(/^```\w+\n([\s\S]*?)```/) ?? [];
  if (code === undefined) throw new Error(`docs/clients.md has no example ${name}.`);
  await writeFile(join(scene.folder, name), code);
  return name;
}

type Ended = { code: number | null; output: string };

/** In the scene's folder, with what the docs ask for; `kill` ends all that it has started. */
function start(command: string, args: string[]): { ended: Promise<Ended>; kill(): void } {
  const env = {
    PATH: process.env.PATH,
    CHATDROP_URL: `http://127.0.0.1:${scene.proxy.port}`,
    CHATDROP_TOKEN: scene.room.visitor,
  };
  const child = spawn(command, args, { cwd: scene.folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const ended = Promise.all([closed, text(child.stdout), text(child.stderr)]);
  return {
    ended: ended.then(([code, out, err]) => ({ code, output: out + err })),
    kill: () => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'),
  };
}

function upload(body: Buffer | Readable, more: Partial<UploadOptions>): Promise<void> {
  return new Promise((resolve, reject) => {
    new Upload(body, {
      endpoint: scene.endpoint,
      headers: { Authorization: `Bearer ${scene.room.visitor}` },
      metadata: { filename: 'film.mp4', filetype: 'video/mp4' },
      // Longer than a server takes to come back on a machine that is busy.
      retryDelays: [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000],
      storeFingerprintForResuming: false,
      ...more,
      onSuccess: () => resolve(),
      onError: reject,
    }).start();
  });
}

async function cutTwice(): Promise<void> {
  for (let cut = 0; cut < 2; cut += 1) {
    await scene.proxy.waitForBytesUp(1.5 * MIB);
    scene.proxy.cut();
  }
}

async function expectSharedOnce(body: Buffer): Promise<void> {
  await scene.agent.waitForEvent('file_shared');
  await expectStored(body);
  // Whatever came behind the first one would have come by now: the list is asked over the same socket.
  scene.agent.socket.emit('request_file_list', { session_id: scene.room.session });
  await scene.agent.waitForEvent('file_list');
  expect(scene.agent.payloads('file_shared')).toHaveLength(1);
  expect(await listUploads(server().baseUrl, scene.room)).toEqual([]);
}

async function expectStored(body: Buffer): Promise<void> {
  const { files } = await listFiles(server().baseUrl, scene.room);
  expect(files).toMatchObject([{ name: 'film.mp4', mime_type: 'video/mp4', size: body.length }]);
  const answer = await get(server().baseUrl, `/api/chat/files/${files[0]?.id}/content`, scene.room.visitor);
  expect(await sha256Of(answer.body)).toBe(await sha256Of(body));
}

function* pieces(body: Buffer, bytes: number): Generator<Buffer> {
  for (let at = 0; at < body.length; at += bytes) yield body.subarray(at, at + bytes);
}
