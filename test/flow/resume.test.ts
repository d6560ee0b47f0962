/** Uploads that are cut, stalled, killed or fought over: acknowledged bytes stay, and each file is shared exactly once. */

import { type HttpRequest, Upload, type UploadOptions } from 'tus-js-client';
import { afterEach, describe, expect, test } from 'vitest';
import { IDLE_TIMEOUT_MS } from '../../server/upload/write-body.ts';
import { get, listFiles, listUploads } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, sha256Of } from '../services/fixtures.ts';
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { create, fileIdOf, head, offsetOf, openPatch, patch, TUS_PATH } from '../services/tus-wire.ts';

const MIB = 1024 * 1024;
const server = chatdropForSuite({ env: { CHAT_MAX_FILE_SIZE: '1GB' } });
const proxies: TcpProxy[] = [];

afterEach(async () => {
  for (const proxy of proxies.splice(0)) await proxy.stop();
});

describe('tus-js-client', () => {
  test('goes on after the connection is cut in mid-body', async () => {
    const room = newChatRoom();
    const proxy = await newProxy();
    const body = mp4File(16 * MIB);
    const seen = watch();
    const finished = uploadThrough(proxy, room, body, seen);
    for (let cut = 0; cut < 3; cut += 1) {
      await proxy.waitForBytesUp(3 * MIB);
      proxy.cut();
    }
    proxy.rate(Number.POSITIVE_INFINITY);
    await finished;
    await expectShared(room, body);
    expect(seen.count('POST')).toBe(1);
    expect(seen.count('PATCH')).toBeGreaterThan(1);
    // What had arrived was not sent again: three cuts cost what was under way, not the file.
    expect(proxy.bytesUp()).toBeLessThan(body.length + 8 * MIB);
  });

  test('goes on after the server is killed and started again', async () => {
    const room = newChatRoom();
    const proxy = await newProxy();
    const body = mp4File(64 * MIB);
    const seen = watch();
    proxy.rate(48 * MIB);
    const finished = uploadThrough(proxy, room, body, seen);
    await proxy.waitForBytesUp(24 * MIB);
    await server().kill('SIGKILL');
    await server().restart();
    await finished;
    await expectShared(room, body);
    expect(seen.count('POST')).toBe(1);
    expect(Math.max(...seen.resumedAt)).toBeGreaterThan(MIB);
  });

  test('in chunks, with the server restarted gracefully between: SIGTERM keeps what has arrived', async () => {
    const room = newChatRoom();
    const proxy = await newProxy();
    const body = mp4File(24 * MIB);
    const seen = watch();
    proxy.rate(24 * MIB);
    const finished = uploadThrough(proxy, room, body, seen, { chunkSize: 5 * MIB });
    await proxy.waitForBytesUp(12 * MIB);
    expect(await server().kill('SIGTERM')).toEqual({ code: 0, signal: null });
    await server().restart();
    await finished;
    await expectShared(room, body);
    expect(seen.count('POST')).toBe(1);
  });

  test('a second device goes on with what the server lists', async () => {
    const room = newChatRoom();
    const body = mp4File(3 * MIB);
    const created = await begin(room, body.length, { file_key: 'the-same-file' });
    await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, MIB) });
    const [found] = await listUploads(server().baseUrl, room);
    expect(found?.file_key).toBe('the-same-file');
    const uploadUrl = new URL(String(found?.upload_url), server().baseUrl).href;
    const seen = watch();
    await upload(body, { ...options(room, seen), endpoint: null, uploadUrl });
    await expectShared(room, body);
    expect(seen.count('POST')).toBe(0);
    expect(await listUploads(server().baseUrl, room)).toEqual([]);
  });

  test('a refusal ends it at once, without a retry', async () => {
    const room = newChatRoom();
    const seen = watch();
    const body = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(2 * MIB)]);
    await expect(upload(body, options(room, seen))).rejects.toThrow(/415/);
    expect(seen.count('PATCH')).toBe(1);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  });
});

describe('bytes that have arrived', () => {
  test('stay when the client leaves in mid-body', async () => {
    const room = newChatRoom();
    const body = mp4File(4 * MIB);
    const created = await begin(room, body.length);
    const opened = openPatch({ url: created.url, token: room.visitor, offset: 0, length: body.length });
    await opened.write(body.subarray(0, MIB));
    await untilReceived(room, MIB);
    opened.leave();
    expect(await offsetNow(created.url, room)).toBe(MIB);
    const last = await patch({ url: created.url, token: room.visitor, offset: MIB, body: body.subarray(MIB) });
    expect([last.status, offsetOf(last)]).toEqual([204, body.length]);
    await expectShared(room, body);
  });

  test('stay when the server is killed after it acknowledged them', async () => {
    const room = newChatRoom();
    const body = mp4File(4 * MIB);
    const created = await begin(room, body.length);
    const first = await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, MIB) });
    expect(first.status).toBe(204);
    await server().kill('SIGKILL');
    await server().restart();
    expect(await offsetNow(created.url, room)).toBe(MIB);
    const last = await patch({ url: created.url, token: room.visitor, offset: MIB, body: body.subarray(MIB) });
    expect(last.status).toBe(204);
    await expectShared(room, body);
  });

  test('an upload that lies still does not stop a restart, nor lose its place', async () => {
    const room = newChatRoom();
    const body = mp4File(2 * MIB);
    const created = await begin(room, body.length);
    const still = openPatch({ url: created.url, token: room.visitor, offset: 0, length: body.length });
    await still.write(body.subarray(0, MIB));
    await untilReceived(room, MIB);
    const ended = await server().kill('SIGTERM');
    expect(ended).toEqual({ code: 0, signal: null });
    still.abort();
    await server().restart();
    expect(await offsetNow(created.url, room)).toBe(MIB);
    await patch({ url: created.url, token: room.visitor, offset: MIB, body: body.subarray(MIB) });
    await expectShared(room, body);
  });
});

describe('one writer', () => {
  test('a stalled connection gives way to the client that comes back', async () => {
    const room = newChatRoom();
    const proxy = await newProxy();
    const body = mp4File(4 * MIB);
    const created = await begin(room, body.length);
    const viaProxy = created.url.replace(server().baseUrl, `http://127.0.0.1:${proxy.port}`);
    const stalled = openPatch({ url: viaProxy, token: room.visitor, offset: 0, length: body.length });
    await stalled.write(body.subarray(0, MIB));
    await untilReceived(room, MIB);
    proxy.hole(true);
    // The server still believes in the first connection; the client is already back on another.
    const startedAt = performance.now();
    const offset = await eventually('the upload is free', async () => {
      const answer = await head(created.url, room.visitor);
      return answer.status === 200 && offsetOf(answer) > 0 ? offsetOf(answer) : undefined;
    });
    const last = await patchAsAClientDoes(created.url, room, body, offset);
    expect(performance.now() - startedAt).toBeLessThan(IDLE_TIMEOUT_MS);
    expect(offsetOf(last)).toBe(body.length);
    await expectShared(room, body);
    stalled.abort();
  });

  test('two that write the same bytes at once: one file, whole', async () => {
    const room = newChatRoom();
    const body = mp4File(4 * MIB);
    const created = await begin(room, body.length);
    const slow = openPatch({ url: created.url, token: room.visitor, offset: 0, length: body.length });
    await slow.write(body.subarray(0, MIB));
    const answers = await Promise.all([
      patch({ url: created.url, token: room.visitor, offset: 0, body }),
      patch({ url: created.url, token: room.visitor, offset: 0, body }),
      patch({ url: created.url, token: room.visitor, offset: 0, body: mp4File(body.length, 2) }).catch(() => undefined),
    ]);
    for (const answer of answers) if (answer) expect([204, 409, 423]).toContain(answer.status);
    slow.abort();
    const answer = await head(created.url, room.visitor);
    if (answer.status === 200 && offsetOf(answer) < body.length) {
      await patchAsAClientDoes(created.url, room, body, offsetOf(answer));
    }
    const { files } = await listFiles(server().baseUrl, room);
    expect(files).toHaveLength(1);
    expect(files[0]?.size).toBe(body.length);
  });

  test('the last byte sent by several at once: one file, one id', async () => {
    const room = newChatRoom();
    const body = mp4File(10_000);
    const created = await begin(room, body.length);
    await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, 9999) });
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        patch({ url: created.url, token: room.visitor, offset: 9999, body: body.subarray(9999) }),
      ),
    );
    for (const answer of answers) expect([204, 409, 423]).toContain(answer.status);
    expect(answers.some(({ status }) => status === 204)).toBe(true);
    const { files } = await listFiles(server().baseUrl, room);
    expect(files.map(({ id }) => id)).toEqual([fileIdOf(await head(created.url, room.visitor))]);
  });

  test('HEAD while another writes is never a server error', async () => {
    const room = newChatRoom();
    const body = mp4File(4 * MIB);
    const created = await begin(room, body.length);
    const writing = openPatch({ url: created.url, token: room.visitor, offset: 0, length: body.length });
    await writing.write(body.subarray(0, MIB));
    const answers = await Promise.all(Array.from({ length: 5 }, () => head(created.url, room.visitor)));
    for (const answer of answers) expect([200, 423]).toContain(answer.status);
    writing.abort();
  });
});

type Seen = { requests: string[]; resumedAt: number[]; count(method: string): number };

function watch(): Seen {
  const requests: string[] = [];
  return { requests, resumedAt: [0], count: (method) => requests.filter((seen) => seen === method).length };
}

function options(room: ChatRoom, seen: Seen): UploadOptions {
  return {
    endpoint: server().baseUrl + TUS_PATH,
    headers: { Authorization: `Bearer ${room.visitor}` },
    metadata: { filename: 'film.mp4', filetype: 'video/mp4' },
    // Longer than a server takes to come back on a machine that is busy.
    retryDelays: [50, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000],
    storeFingerprintForResuming: false,
    onBeforeRequest(request: HttpRequest) {
      seen.requests.push(request.getMethod());
      if (request.getMethod() === 'PATCH') seen.resumedAt.push(Number(request.getHeader('Upload-Offset')));
    },
  };
}

async function uploadThrough(proxy: TcpProxy, room: ChatRoom, body: Buffer, seen: Seen, more: UploadOptions = {}) {
  const endpoint = `http://127.0.0.1:${proxy.port}${TUS_PATH}`;
  await upload(body, { ...options(room, seen), endpoint, ...more } as UploadOptions);
}

async function upload(body: Buffer, settings: UploadOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    new Upload(body, { ...settings, onSuccess: () => resolve(), onError: reject }).start();
  });
}

/** Throttled, so that a fault can be put into the middle of a body. */
async function newProxy(): Promise<TcpProxy> {
  const proxy = await startTcpProxy({ targetPort: server().port });
  proxy.rate(16 * MIB);
  proxies.push(proxy);
  return proxy;
}

async function begin(room: ChatRoom, length: number, metadata: Record<string, string> = {}) {
  const created = await create({
    baseUrl: server().baseUrl,
    token: room.visitor,
    length,
    metadata: { filename: 'film.mp4', ...metadata },
  });
  expect(created.status).toBe(201);
  return created;
}

/** 423 and 409 mean: ask again where it stands, and go on from there. */
async function patchAsAClientDoes(url: string, room: ChatRoom, body: Buffer, from: number) {
  let offset = from;
  return await eventually('the rest is taken', async () => {
    const answer = await patch({ url, token: room.visitor, offset, body: body.subarray(offset) });
    if (answer.status === 204) return answer;
    expect([409, 423]).toContain(answer.status);
    offset = offsetOf(await head(url, room.visitor));
    return undefined;
  });
}

async function offsetNow(url: string, room: ChatRoom): Promise<number> {
  return offsetOf(await head(url, room.visitor));
}

/** By the list of unfinished uploads (in a bucket bytes count after some seconds): unlike HEAD it does not end the request that is still writing. */
async function untilReceived(room: ChatRoom, bytes: number): Promise<void> {
  await eventually(
    `${bytes} bytes have been received`,
    async () => {
      const [upload] = await listUploads(server().baseUrl, room);
      return upload !== undefined && upload.offset >= bytes;
    },
    30_000,
  );
}

/** One file, its bytes the same as those sent. */
async function expectShared(room: ChatRoom, body: Buffer): Promise<void> {
  const { files } = await listFiles(server().baseUrl, room);
  expect(files).toHaveLength(1);
  expect(files[0]?.size).toBe(body.length);
  const answer = await get(server().baseUrl, `/api/chat/files/${files[0]?.id}/content`, room.visitor);
  expect(answer.status).toBe(200);
  expect(await sha256Of(answer.body)).toBe(await sha256Of(body));
}
