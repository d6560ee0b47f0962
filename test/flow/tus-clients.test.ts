/** Other people's tus clients: each uploads, is cut in the middle, goes on, and the file is shared once. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { type HttpRequest, Upload, type UploadOptions } from 'tus-js-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { get, listFiles, listUploads, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { mp4File, sha256Of } from '../services/fixtures.ts';
import { recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { create, head, offsetOf, patch, TUS_PATH } from '../services/tus-wire.ts';

const MIB = 1024 * 1024;
const server = chatdropForSuite();
/** Debian's own Python, which is where apt puts python3-tuspy. */
const PYTHON = '/usr/bin/python3';

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

test('curl, by hand', async () => {
  const body = mp4File(6 * MIB);
  const base = ['-H', 'Tus-Resumable: 1.0.0', '-H', `Authorization: Bearer ${scene.room.visitor}`];
  const name = Buffer.from('film.mp4').toString('base64');
  const about = ['-H', `Upload-Length: ${body.length}`, '-H', `Upload-Metadata: filename ${name}`];
  const created = await curl(['-i', '-X', 'POST', ...base, ...about, scene.endpoint]);
  const url = new URL(/^location: (\S+)/im.exec(created)?.[1] ?? '', scene.endpoint).href;

  const send = async (offset: number) => {
    const file = join(scene.folder, `from-${offset}`);
    await writeFile(file, body.subarray(offset));
    const headers = ['-H', `Upload-Offset: ${offset}`, '-H', 'Content-Type: application/offset+octet-stream'];
    return curl(['-i', '-X', 'PATCH', ...base, ...headers, '-T', file, url]);
  };
  const first = send(0);
  await scene.proxy.waitForBytesUp(2 * MIB);
  scene.proxy.cut();
  await first;
  const stood = await curl(['-I', ...base, url]);
  const offset = Number(/^upload-offset: (\d+)/im.exec(stood)?.[1]);
  expect(offset).toBeGreaterThan(MIB);
  expect(await send(offset)).toMatch(/^HTTP\/1.1 204/m);
  await expectSharedOnce(body);
});

test('tuspy, with a checksum on every chunk', async () => {
  const body = mp4File(6 * MIB);
  const file = join(scene.folder, 'film.mp4');
  await writeFile(file, body);
  const hasTuspy = (await run(PYTHON, ['-c', 'import tusclient']).catch(() => ({ code: 1 }))).code === 0;
  // Where Debian's package is not installed, the same requests are made by hand.
  const uploaded = hasTuspy ? tuspy(file) : likeTuspy(body);
  await cutTwice();
  await uploaded;
  await expectSharedOnce(body);
});

const TUSPY_SCRIPT = `
import sys
from tusclient.client import TusClient
endpoint, token, path = sys.argv[1:]
client = TusClient(endpoint, headers={'Authorization': 'Bearer ' + token})
client.uploader(path, chunk_size=1048576, metadata={'filename': 'film.mp4'}, upload_checksum=True,
                retries=20, retry_delay=0.1).upload()
`;

async function tuspy(file: string): Promise<void> {
  const { code, output } = await run(PYTHON, ['-c', TUSPY_SCRIPT, scene.endpoint, scene.room.visitor, file]);
  expect([code, output]).toEqual([0, '']);
}

/** What tuspy sends, request for request: a creation, chunks of a MiB with their SHA-1, and a HEAD after each fault. */
async function likeTuspy(body: Buffer): Promise<void> {
  const { visitor: token } = scene.room;
  const baseUrl = scene.endpoint.slice(0, -TUS_PATH.length);
  const { url } = await create({ baseUrl, token, length: body.length, metadata: { filename: 'film.mp4' } });
  for (let offset = 0; offset < body.length; ) {
    const chunk = body.subarray(offset, offset + MIB);
    const headers = { 'upload-checksum': `sha1 ${createHash('sha1').update(chunk).digest('base64')}` };
    const answer = await patch({ url, token, offset, body: chunk, headers }).catch(() => head(url, token));
    offset = offsetOf(answer);
  }
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

/** Its output; an error of the connection is part of the scene. */
async function curl(args: string[]): Promise<string> {
  return (await run('curl', ['-sS', '--max-time', '20', ...args])).output;
}

async function run(command: string, args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  return { code, output: out + err };
}
