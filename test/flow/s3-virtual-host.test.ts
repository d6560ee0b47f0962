/** Buckets by their host name, as AWS and others want it: all that the server does with its bucket, and the links that it gives. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { S3_HOST } from '../services/ceph-rgw.ts';
import { get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { mp4File, sha256Of, textFile } from '../services/fixtures.ts';
import { mayMount } from '../services/may-mount.ts';
import { makeBucket, objectKeys, s3Settings, sharedS3, type TestBucket } from '../services/shared-s3.ts';
import { create, fileIdOf, head, offsetOf, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ENTRY = fileURLToPath(new URL('../services/mounting-server.ts', import.meta.url));
const MIB = 1024 * 1024;
// The host names are known in a namespace of the server's own; an S3 that was named may have others.
const runs = !process.env.TEST_S3_ENDPOINT && (await mayMount('tmpfs'));

let folder = '';
let bucket: TestBucket;
let server: Chatdrop;
beforeAll(async () => {
  if (!runs) return;
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-hosts-'));
  bucket = await makeBucket(sharedS3());
  const hosts = path.join(folder, 'hosts');
  await writeFile(hosts, `127.0.0.1 ${S3_HOST} ${bucket.bucket}.${S3_HOST}\n`);
  server = await startChatdrop({
    entry: ENTRY,
    env: {
      ...s3Settings(bucket),
      AWS_S3_ENDPOINT_URL: `http://${S3_HOST}:${new URL(bucket.endpoint).port}`,
      AWS_S3_ADDRESSING_STYLE: 'virtual',
      MOUNT: `mount --bind ${hosts} /etc/hosts`,
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

test.runIf(runs)('an upload in parts, a link to the store by the bucket’s name, and removal', async () => {
  const room = newChatRoom();
  const body = mp4File(7 * MIB);
  const { url } = await create({
    baseUrl: server.baseUrl,
    token: room.visitor,
    length: body.length,
    metadata: { filename: 'a.mp4' },
  });
  const half = await patch({ url, token: room.visitor, offset: 0, body: body.subarray(0, 6 * MIB) });
  expect([half.status, offsetOf(await head(url, room.visitor))]).toEqual([204, 6 * MIB]);
  const rest = await patch({ url, token: room.visitor, offset: 6 * MIB, body: body.subarray(6 * MIB) });
  const film = await get(server.baseUrl, `/api/chat/files/${fileIdOf(rest)}/content`, room.visitor);
  expect([film.status, await sha256Of(film.body)]).toEqual([200, await sha256Of(body)]);

  const text = textFile(300);
  const { id } = await shareFile({ baseUrl: server.baseUrl, room, body: text, name: 'a.txt' });
  const answer = await get(server.baseUrl, `/api/chat/files/${id}/content?disposition=attachment`, room.visitor);
  const link = new URL(String(answer.headers.location));
  expect([answer.status, link.hostname]).toEqual([302, `${bucket.bucket}.${S3_HOST}`]);
  // As who knows the name would ask: the signature covers it.
  const saved = await send({
    method: 'GET',
    url: `http://127.0.0.1:${link.port}${link.pathname}${link.search}`,
    headers: { host: link.host },
  });
  expect([saved.status, saved.body.equals(text)]).toEqual([200, true]);
  expect(saved.headers['content-disposition']).toContain('attachment');

  expect(await objectKeys(bucket)).toHaveLength(2);
  for (const file of [id, fileIdOf(rest)]) {
    const removed = await send({
      method: 'DELETE',
      url: `${server.baseUrl}/api/chat/files/${file}/`,
      headers: { authorization: `Bearer ${room.agent}` },
    });
    expect(removed.status).toBe(204);
  }
  expect(await objectKeys(bucket)).toEqual([]);
});
