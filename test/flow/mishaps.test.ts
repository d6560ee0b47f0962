/** Requests that go wrong in ways of their own: each once brought the server to a wrong answer. */

import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { bearer, codeOf, listFiles, listUploads, shareFile, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, head, offsetOf, openPatch, patch } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const server = chatdropForSuite();

describe('a length that is deferred', () => {
  test('may be declared again with the same value after a cut, not with another', async () => {
    const room = newChatRoom();
    const body = pngFile({ bytes: 9000 });
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      deferLength: true,
      metadata: { filename: 'a.png' },
    });
    const headers = { 'upload-length': '9000' };
    const first = await patch({
      url: created.url,
      token: room.visitor,
      offset: 0,
      body: body.subarray(0, 5000),
      headers,
    });
    expect(first.status).toBe(204);
    const other = await patch({
      url: created.url,
      token: room.visitor,
      offset: 5000,
      body: body.subarray(5000),
      headers: { 'upload-length': '9001' },
    });
    expect([other.status, codeOf(other)]).toEqual([400, 'invalid-request']);
    const again = await patch({
      url: created.url,
      token: room.visitor,
      offset: 5000,
      body: body.subarray(5000),
      headers,
    });
    expect([again.status, offsetOf(again)]).toEqual([204, 9000]);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
  });

  test('declared in a request that brings more: the request is refused, the upload is not', async () => {
    const room = newChatRoom();
    const body = pngFile({ bytes: 6000 });
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, deferLength: true });
    const headers = { 'upload-length': '6000', 'transfer-encoding': 'chunked', 'content-length': undefined };
    const long = await patch({
      url: created.url,
      token: room.visitor,
      offset: 0,
      body: Buffer.concat([body, Buffer.from('more')]),
      headers,
    });
    expect([long.status, codeOf(long)]).toEqual([413, 'file-too-large']);
    expect(offsetOf(await head(created.url, room.visitor))).toBe(0);
    const right = await patch({ url: created.url, token: room.visitor, offset: 0, body });
    expect(right.status).toBe(204);
  });
});

test('a creation whose body is longer than announced leaves no pending upload behind', async () => {
  const room = newChatRoom();
  const before = await storedFiles(server().dataDir);
  const headers = { 'transfer-encoding': 'chunked', 'content-length': undefined };
  const created = await create({
    baseUrl: server().baseUrl,
    token: room.visitor,
    length: 5000,
    body: pngFile({ bytes: 6000 }),
    headers,
  });
  expect([created.status, codeOf(created), created.url]).toEqual([413, 'file-too-large', '']);
  expect(await listUploads(server().baseUrl, room)).toEqual([]);
  expect(await storedFiles(server().dataDir)).toEqual(before);
});

test('a GET with a body is answered in full', async () => {
  const room = newChatRoom();
  const file = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile() });
  const list = await send({
    method: 'GET',
    url: `${server().baseUrl}/api/chat/files/`,
    headers: bearer(room.visitor),
    body: 'hello',
  });
  expect(jsonOf<{ count: number }>(list).count).toBe(1);
  const content = await send({
    method: 'GET',
    url: `${server().baseUrl}/api/chat/files/${file.id}/content`,
    headers: bearer(room.visitor),
    body: 'hello',
  });
  expect(content.body.equals(pngFile())).toBe(true);
});

test('an offer of HTTP/2 is ignored, and the request answered', async () => {
  const answer = await rawRequest(
    'GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n',
  );
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
});

test('a session that is deleted during a PATCH: the bytes are not acknowledged', async () => {
  const room = newChatRoom();
  const body = mp4File(500_000);
  const created = await create({ baseUrl: server().baseUrl, token: room.visitor, length: body.length });
  const open = openPatch({ url: created.url, token: room.visitor, offset: 0, length: body.length });
  await open.write(body.subarray(0, 200_000));
  await eventually('they arrived', async () => (await listUploads(server().baseUrl, room))[0]?.offset === 200_000);
  const removed = await send({
    method: 'DELETE',
    url: `${server().baseUrl}/api/chat/sessions/${room.session}/`,
    headers: bearer(room.agent),
  });
  expect(removed.status).toBe(204);
  await open.write(body.subarray(200_000)).catch(() => undefined);
  const answer = await open.answer;
  expect([410, 423]).toContain(answer.status);
  expect((await head(created.url, room.visitor)).status).toBe(410);
});

test('`follow` and `join` at once: each event comes once', async () => {
  const room = newChatRoom();
  for (const order of [
    ['follow', 'join'],
    ['join', 'follow'],
  ] as const) {
    const agent = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent } });
    await agent.waitForEvent('connection_established');
    for (const name of order) agent.socket.emit(name, name === 'join' ? { session_id: room.session } : {});
    await agent.socket.timeout(60_000).emitWithAck('leave', { session_id: 'none' });
    await eventually('both are answered', () => agent.payloads('connection_established').length > 1);
    const file = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile() });
    await agent.waitForEvent('file_shared');
    await agent.socket.timeout(60_000).emitWithAck('leave', { session_id: 'none' });
    expect(agent.payloads('file_shared').map(({ id }) => id)).toEqual([file.id]);
    agent.close();
  }
});

test('a bad `after` is said to be that, not a bad token', async () => {
  const room = newChatRoom();
  const agent = recordSocket({ baseUrl: server().baseUrl, auth: { token: room.agent, after: -1 } });
  const refused = await new Promise<{ data?: { code: string } }>((resolve) => {
    agent.socket.on('connect_error', (error) => resolve(error as { data?: { code: string } }));
  });
  expect(refused.data?.code).toBe('invalid-request');
  agent.close();
});

describe('two servers', () => {
  let first: Chatdrop | undefined;
  afterEach(async () => {
    await first?.stop();
  });

  test('with a folder for the files in common: the second one does not start', async () => {
    const media = await mkdtemp(join(tmpdir(), 'chatdrop-media-'));
    first = await startChatdrop({ env: { MEDIA_ROOT: media } });
    await expect(startChatdrop({ env: { MEDIA_ROOT: media } })).rejects.toThrow(/Another Chatdrop is running on/);
    await first.stop();
    await rm(media, { recursive: true });
  });
});

function rawRequest(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(server().port, '127.0.0.1', () => socket.write(text));
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
    socket.setTimeout(60_000, () => socket.destroy(new Error('no answer')));
  });
}
