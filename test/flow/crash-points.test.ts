/** A kill at every point between the last byte and the event: exactly one row and one event, nothing orphaned. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { isPostgres } from '../../server/database/dialect.ts';
import { variantEntry } from '../services/built-server.ts';
import { listFiles, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { CRASH_POINTS, JOIN_CRASH_POINTS, SMALL_CRASH_POINTS } from '../services/crash-points.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, sha256Of } from '../services/fixtures.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, fileIdOf, head, offsetOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ENTRY = variantEntry('crashing-server');
let server: Chatdrop | undefined;

afterEach(async () => {
  await server?.stop();
});

test.each(CRASH_POINTS)('%s', async (point) => {
  const running = await startChatdrop({ entry: ENTRY, env: { CRASH_AT: point } });
  server = running;
  const room = newChatRoom();
  const body = mp4File(300_000);
  const created = await create({
    baseUrl: running.baseUrl,
    token: room.visitor,
    length: body.length,
    metadata: { filename: 'film.mp4' },
  });

  const answer = await patch({ url: created.url, token: room.visitor, offset: 0, body }).catch(() => null);
  const answered = answer?.status === 204;
  expect(answered).toBe(point === 'after the answer, before the event');
  // What the client saw last of the ledger, before it lost its connection: nothing.
  await eventually(
    'the process is gone',
    async () => (await send({ method: 'GET', url: `${running.baseUrl}/healthz` }).catch(() => null)) === null,
  );
  await running.restart();

  const agent = recordSocket({
    baseUrl: running.baseUrl,
    auth: { token: room.agent, session_id: room.session, after: 0 },
  });
  const resumed = await head(created.url, room.visitor);
  if (point === 'after the last byte, before the fsync') {
    // Never acknowledged, so it may be anywhere; the client goes on from there.
    if (offsetOf(resumed) < body.length)
      await patch({
        url: created.url,
        token: room.visitor,
        offset: offsetOf(resumed),
        body: body.subarray(offsetOf(resumed)),
      });
  } else {
    expect([resumed.status, offsetOf(resumed)]).toEqual([200, body.length]);
  }
  const { payload } = await agent.waitForEvent('file_shared');
  expect(fileIdOf(await head(created.url, room.visitor))).toBe(payload.id);

  const { files, count, seq } = await listFiles(running.baseUrl, room);
  expect([count, seq]).toEqual([1, 1]);
  expect(files[0]).toMatchObject({ id: payload.id, name: 'film.mp4', mime_type: 'video/mp4', size: body.length });
  const fetched = await send({ method: 'GET', url: String(files[0]?.url) });
  expect(await sha256Of(fetched.body)).toBe(await sha256Of(body));
  expect(agent.payloads('file_shared')).toHaveLength(1);
  expect(await storedFiles(running.dataDir)).toHaveLength(1);
  expect(await readdir(join(running.dataDir, 'media', '.incoming'))).toEqual([]);
  agent.close();
});

describe('a small file, whole in one body', () => {
  // Both verbs go the same way: each point by one of them, and that which leaves most by both.
  test.each([
    ...SMALL_CRASH_POINTS.map((point, at) => [at % 2 === 0 ? 'PATCH' : 'POST', point] as const),
    ['POST', 'after the bytes are put'] as const,
  ])('%s, %s', async (verb, point) => {
    const running = await startChatdrop({ entry: ENTRY, env: { CRASH_AT: point } });
    server = running;
    const { baseUrl, dataDir } = running;
    const room = newChatRoom();
    const body = mp4File(30_000);
    const asked = { baseUrl, token: room.visitor, metadata: { filename: 'film.mp4' } };
    const share = async (url: string) =>
      verb === 'POST' ? create({ ...asked, body }) : patch({ url, token: room.visitor, offset: 0, body });
    const url = verb === 'POST' ? '' : (await create({ ...asked, length: body.length })).url;
    // An upload that waits for its first byte has no place in the store.
    expect(await readdir(join(dataDir, 'media', '.incoming'))).toEqual([]);

    const answer = await share(url).catch(() => null);
    const answered = answer !== null && answer.status < 300;
    expect(answered).toBe(point === 'after the answer, before the event');
    await eventually(
      'the process is gone',
      async () => (await send({ method: 'GET', url: `${baseUrl}/healthz` }).catch(() => null)) === null,
    );
    await running.restart();

    const isCommitted = point.startsWith('after the commit') || point.startsWith('after the answer');
    const before = await listFiles(baseUrl, room);
    expect([before.count, before.seq]).toEqual(isCommitted ? [1, 1] : [0, 0]);
    // With other nodes it takes its time; a server that is alone knows at its start that nobody writes there.
    const { owned, onPostgres } = await ownedFiles(running);
    expect(owned).toHaveLength(before.count);
    if (!onPostgres)
      await eventually(
        'what was nobody’s is deleted',
        async () => (await storedFiles(dataDir)).length === before.count,
      );
    expect(await readdir(join(dataDir, 'media', '.incoming'))).toEqual([]);
    if (verb === 'PATCH') {
      const resumed = await head(url, room.visitor);
      expect([resumed.status, offsetOf(resumed)]).toEqual([200, isCommitted ? body.length : 0]);
    }
    if (!isCommitted) expect((await share(url)).status).toBeLessThan(300);

    const agent = recordSocket({ baseUrl, auth: { token: room.agent, session_id: room.session, after: 0 } });
    const { payload } = await agent.waitForEvent('file_shared');
    const { files, count, seq } = await listFiles(baseUrl, room);
    expect([count, seq]).toEqual([1, 1]);
    expect(files[0]).toMatchObject({ id: payload.id, name: 'film.mp4', mime_type: 'video/mp4', size: body.length });
    if (verb === 'PATCH') expect(fileIdOf(await head(url, room.visitor))).toBe(payload.id);
    const fetched = await send({ method: 'GET', url: String(files[0]?.url) });
    expect(fetched.body.equals(body)).toBe(true);
    expect(agent.payloads('file_shared')).toHaveLength(1);
    expect((await ownedFiles(running)).owned).toHaveLength(1);
    agent.close();
  });

  /** Stored files but for those on the list of what is to be deleted. */
  async function ownedFiles(of: Chatdrop): Promise<{ owned: string[]; onPostgres: boolean }> {
    const database = await of.openDatabase();
    try {
      const noted: string[] = await database('removed_objects').pluck('storage_key');
      const owned = (await storedFiles(of.dataDir)).filter((file) => !noted.some((key) => file.endsWith(key)));
      return { owned, onPostgres: isPostgres(database) };
    } finally {
      await database.destroy();
    }
  }
});

describe('a final upload, joined of three', () => {
  test.each(JOIN_CRASH_POINTS)('%s', async (point) => {
    const running = await startChatdrop({ entry: ENTRY, env: { CRASH_AT: point } });
    server = running;
    const room = newChatRoom();
    const body = mp4File(300_000);
    const { baseUrl } = running;
    const urls: string[] = [];
    for (let at = 0; at < body.length; at += 100_000) {
      const part = body.subarray(at, at + 100_000);
      const created = await create({
        baseUrl,
        token: room.visitor,
        body: part,
        headers: { 'upload-concat': 'partial' },
      });
      urls.push(created.url);
    }
    const ask = () =>
      create({
        baseUrl,
        token: room.visitor,
        metadata: { filename: 'film.mp4' },
        headers: { 'upload-concat': `final;${urls.join(' ')}` },
      });
    const answer = await ask().catch(() => null);
    expect(answer?.status).toBe(point === 'after the answer, before the event' ? 201 : undefined);
    await eventually(
      'the process is gone',
      async () => (await send({ method: 'GET', url: `${baseUrl}/healthz` }).catch(() => null)) === null,
    );
    await running.restart();

    const agent = recordSocket({ baseUrl, auth: { token: room.agent, session_id: room.session, after: 0 } });
    const { payload } = await agent.waitForEvent('file_shared');
    // A client that never had the answer asks again, and is told of the same file.
    const again = await ask();
    expect([again.status, fileIdOf(again)]).toEqual([201, payload.id]);
    const { files, count, seq } = await listFiles(baseUrl, room);
    expect([count, seq]).toEqual([1, 1]);
    const fetched = await send({ method: 'GET', url: String(files[0]?.url) });
    expect(await sha256Of(fetched.body)).toBe(await sha256Of(body));
    expect(agent.payloads('file_shared')).toHaveLength(1);
    expect(await storedFiles(running.dataDir)).toHaveLength(1);
    expect(await readdir(join(running.dataDir, 'media', '.incoming'))).toEqual([]);
    for (const url of urls) expect((await head(url, room.visitor)).status).toBe(410);
    agent.close();
  });
});
