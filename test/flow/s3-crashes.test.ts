/** A kill before and after each request to the store: one row, one event, the same bytes, and nothing left in the bucket. */
import { afterEach, expect, test } from 'vitest';
import { listFiles, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, sha256Of } from '../services/fixtures.ts';
import { runCommandHere } from '../services/run-command.ts';
import { type S3FaultProxy, type S3Operation, startS3FaultProxy } from '../services/s3-fault-proxy.ts';
import { sharedS3 } from '../services/shared-s3.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { create, head, offsetOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const MIB = 1024 * 1024;
let server: Chatdrop | undefined;
let proxy: S3FaultProxy | undefined;

afterEach(async () => {
  await server?.stop();
  await proxy?.stop();
});

test.each<[S3Operation, 'before' | 'after']>([
  ['CreateMultipartUpload', 'after'],
  ['UploadPart', 'after'],
  ['CompleteMultipartUpload', 'before'],
  ['CompleteMultipartUpload', 'after'],
  ['GetObject', 'before'],
  ['PutObject', 'before'],
  ['PutObject', 'after'],
])('%s: killed %s it', async (operation, when) => {
  const store = await startS3FaultProxy(sharedS3().endpoint);
  proxy = store;
  const running = await startChatdrop({ env: { AWS_S3_ENDPOINT_URL: store.endpoint } });
  server = running;
  const room = newChatRoom();
  // One that is put there in one request, or one of two parts.
  const body = mp4File(operation === 'PutObject' ? 300_000 : 6 * MIB);
  const metadata = { filename: 'film.mp4' };
  const created = await create({ baseUrl: running.baseUrl, token: room.visitor, length: body.length, metadata });
  store.on(operation, when, async () => {
    await running.kill('SIGKILL');
  });

  const first = await patch({
    url: created.url,
    token: room.visitor,
    offset: 0,
    body: body.subarray(0, 5 * MIB),
  }).catch(() => null);
  const acknowledged = first?.status === 204 ? offsetOf(first) : 0;
  if (acknowledged > 0)
    await patch({
      url: created.url,
      token: room.visitor,
      offset: acknowledged,
      body: body.subarray(acknowledged),
    }).catch(() => null);
  await eventually('the process is gone', () => !isAlive(running.pid));
  await running.restart();

  const agent = recordSocket({
    baseUrl: running.baseUrl,
    auth: { token: room.agent, session_id: room.session, after: 0 },
  });
  const offset = offsetOf(
    await eventually('HEAD answers', async () => {
      const answer = await head(created.url, room.visitor);
      expect([200, 423]).toContain(answer.status);
      return answer.status === 200 ? answer : undefined;
    }),
  );
  expect(offset).toBeGreaterThanOrEqual(acknowledged);
  if (offset < body.length) {
    const last = await patch({ url: created.url, token: room.visitor, offset, body: body.subarray(offset) });
    expect(last.status).toBe(204);
  }
  await agent.waitForEvent('file_shared');
  const { files, count, seq } = await listFiles(running.baseUrl, room);
  expect([count, seq]).toEqual([1, 1]);
  const fetched = await send({ method: 'GET', url: String(files[0]?.url) });
  expect(await sha256Of(fetched.body)).toBe(await sha256Of(body));
  expect(agent.payloads('file_shared')).toHaveLength(1);
  agent.close();
  // The start, or the sweep, has taken away what the killed one left.
  await running.kill('SIGTERM');
  const swept = await runCommandHere(['sweep'], running.env);
  expect(swept.code).toBe(0);
  expect(await storedFiles(running.dataDir)).toHaveLength(1);
  expect(await unfinishedBytes(running.dataDir)).toEqual([]);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
