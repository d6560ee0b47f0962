/** The upload in one request when something happens on its way: it is there once, or nothing of it is. */
import { afterEach, describe, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { variantEntry } from '../services/built-server.ts';
import { bearer, codeOf, listFiles, listUploads, storedFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import {
  BOUNDARY,
  field,
  filePart,
  openBody,
  openPost,
  postBody,
  postParts,
  wholeBody,
} from '../services/multipart-wire.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { jsonOf, type OpenRequest, send } from '../services/wire.ts';

const film = mp4File(600_000);
const part = filePart(film, 'name="file"; filename="film.mp4"');
const END = Buffer.from(`--${BOUNDARY}--\r\n`);
const FAILING_SERVER = variantEntry('failing-server');

let server: Chatdrop;
let room: ChatRoom;

async function start(options: Parameters<typeof startChatdrop>[0] = {}): Promise<void> {
  server = await startChatdrop(options);
  room = newChatRoom();
}

afterEach(async () => {
  await server.stop();
});

/** A request of which the file is here but not the end; resolves when the server has seen its bytes. */
async function openHalf(token = room.visitor): Promise<OpenRequest> {
  const request = openPost({ baseUrl: server.baseUrl, token });
  await request.write(openBody([part]).subarray(0, 400_000));
  await eventually('bytes are on the disk', async () => (await storedFiles(server.dataDir)).length === 1);
  return request;
}

async function expectNothing(): Promise<void> {
  await eventually('nothing is left', async () => (await storedFiles(server.dataDir)).length === 0);
  expect((await listFiles(server.baseUrl, room)).count).toBe(0);
  expect(await listUploads(server.baseUrl, room)).toEqual([]);
}

describe('the client', () => {
  test.each(['leave', 'abort'] as const)('goes away (%s): no row, no byte, no event', async (how) => {
    await start();
    const agent = recordSocket({ baseUrl: server.baseUrl, auth: { token: room.agent, session_id: room.session } });
    await agent.waitForEvent('connection_established');
    const request = await openHalf();
    request[how]();
    const last = await agent.waitFor(({ payload }) => payload?.state === 'cancelled');
    expect(last.payload).toMatchObject({ type: 'upload_progress', name: 'film.mp4' });
    await expectNothing();
    expect(agent.payloads('file_shared')).toEqual([]);
    agent.close();
  });

  test('goes away after the file, before the end', async () => {
    await start();
    const request = openPost({ baseUrl: server.baseUrl, token: room.visitor });
    await request.write(Buffer.concat([openBody([part]), Buffer.from(`--${BOUNDARY}\r\n`)]));
    await eventually('bytes are on the disk', async () => (await storedFiles(server.dataDir)).length === 1);
    request.leave();
    await expectNothing();
  });

  test('is shown on its way, and nobody can go on with it', async () => {
    await start();
    const request = await openHalf();
    expect(await listUploads(server.baseUrl, room)).toMatchObject([{ name: 'film.mp4', uploader: 'user' }]);
    expect(await listUploads(server.baseUrl, room)).not.toMatchObject([{ upload_url: expect.anything() }]);
    await request.write(openBody([part]).subarray(400_000));
    await request.write(END);
    request.end();
    expect((await request.answer).status).toBe(201);
    expect(await listUploads(server.baseUrl, room)).toEqual([]);
  });
});

describe('the server', () => {
  test.each([
    ['in the middle of the file', 400_000],
    ['after the file, before the end', openBody([part]).length],
  ])('is killed %s: nothing is left after the start', async (_when, bytes) => {
    await start();
    const fields = [field('session_id', room.session), field('size', String(film.length))];
    const request = openPost({ baseUrl: server.baseUrl, token: room.agent });
    const body = openBody([...fields, part]);
    await request.write(body.subarray(0, Math.min(bytes, body.length)));
    await eventually('bytes are on the disk', async () => (await storedFiles(server.dataDir)).length === 1);
    await server.kill('SIGKILL');
    await request.answer.catch(() => {});
    await server.restart();
    await expectNothing();
  });

  test('is stopped in the middle: 503 with a time to wait, nothing is left', async () => {
    await start();
    const request = await openHalf();
    const [answer, ended] = await Promise.all([request.answer, server.kill('SIGTERM')]);
    expect([answer.status, codeOf(answer), ended.code]).toEqual([503, 'shutting-down', 0]);
    expect(answer.headers['retry-after']).toBe('1');
    expect(await storedFiles(server.dataDir)).toEqual([]);
    await server.restart();
    await expectNothing();
  });

  test('cannot finish now: 503, and what the client sends again is there once', async () => {
    await start({ entry: FAILING_SERVER, env: { FAIL_FINISH: '1' } });
    const parts = [filePart(pngFile({ bytes: 5000 }))];
    const first = await postParts({ baseUrl: server.baseUrl, token: room.visitor }, parts);
    expect([first.status, codeOf(first)]).toEqual([503, 'storage-unavailable']);
    await expectNothing();
    const second = await postParts({ baseUrl: server.baseUrl, token: room.visitor }, parts);
    expect(second.status).toBe(201);
    const { files } = await listFiles(server.baseUrl, room);
    expect(files.map(({ id }) => id)).toEqual([jsonOf<ChatFile>(second).id]);
  });
});

test('the session is deleted while its file comes: 410, nothing is left', async () => {
  await start();
  const request = await openHalf();
  const url = `${server.baseUrl}/api/chat/sessions/${room.session}/`;
  expect((await send({ method: 'DELETE', url, headers: bearer(room.agent) })).status).toBe(204);
  const answer = await request.answer;
  expect([answer.status, codeOf(answer)]).toEqual([410, 'gone']);
  await expectNothing();
});

test('the body is read to its end: the connection may serve the next request', async () => {
  await start();
  const body = wholeBody([part]);
  const answer = await postBody({ baseUrl: server.baseUrl, token: room.visitor }, body, undefined, {
    connection: 'keep-alive',
  });
  expect([answer.status, answer.headers.connection]).toEqual([201, 'keep-alive']);
});
