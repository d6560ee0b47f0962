/** compose.yaml's way from a browser to the bucket, with a real store in the place of MinIO. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { expect, inject, test } from 'vitest';
import { parse } from 'yaml';
import type { S3Access } from '../services/ceph-rgw.ts';
import { get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { textFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { testS3Client } from '../services/shared-s3.ts';
import { startWebProxy } from '../services/web-proxy.ts';
import { send } from '../services/wire.ts';

/** Three servers have to start. */
const TIMEOUT_MS = 120_000;

test('a download leads through nginx into the bucket, which gives nothing without a signature', {
  timeout: TIMEOUT_MS,
}, async () => {
  const compose = parse(await readFile(path.join(import.meta.dirname, '../../compose.yaml'), 'utf8'), { merge: true });
  const settings = compose.services.node1.environment as Record<string, string>;
  const store = inject('s3') as S3Access;
  const client = testS3Client(store);
  await client.send(new CreateBucketCommand({ Bucket: settings.AWS_STORAGE_BUCKET_NAME }));
  client.destroy();

  const port = await freePort();
  const first = await startChatdrop({ port });
  const proxy = await startWebProxy('nginx of Compose', [port], Number(new URL(store.endpoint).port));
  await first.stop();
  const ofStore = Object.entries(settings).filter(([name]) => /^(?:AWS_|USE_S3)/.test(name));
  const server = await startChatdrop({
    port,
    env: {
      ...Object.fromEntries(ofStore),
      AWS_S3_ENDPOINT_URL: store.endpoint,
      AWS_S3_REGION_NAME: store.region,
      AWS_ACCESS_KEY_ID: store.accessKeyId,
      AWS_SECRET_ACCESS_KEY: store.secretAccessKey,
      AWS_S3_PUBLIC_ENDPOINT_URL: proxy.baseUrl,
      PUBLIC_URL: proxy.baseUrl,
      TRUST_PROXY: '1',
    },
  });
  try {
    const room = newChatRoom();
    const body = textFile(5000);
    const file = await shareFile({ baseUrl: proxy.baseUrl, room, body, name: 'Grüße 1.txt' });
    const answer = await get(proxy.baseUrl, `/api/chat/files/${file.id}/content?disposition=attachment`, room.agent);
    const link = new URL(String(answer.headers.location));
    expect([answer.status, link.origin]).toEqual([302, proxy.baseUrl]);
    expect(link.pathname).toMatch(/^\/chatdrop-files\/chat\//);
    const followed = await send({ method: 'GET', url: link.href });
    expect([followed.status, followed.body.equals(body)]).toEqual([200, true]);
    const part = await send({ method: 'GET', url: link.href, headers: { range: 'bytes=10-19' } });
    expect([part.status, part.body.equals(body.subarray(10, 20))]).toEqual([206, true]);
    for (const url of [proxy.baseUrl + link.pathname, `${proxy.baseUrl}/chatdrop-files/`])
      expect((await send({ method: 'GET', url })).status).toBe(403);
    expect((await send({ method: 'PUT', url: link.href, body: 'x' })).status).toBe(403);
  } finally {
    await server.stop();
    await proxy.close();
  }
});
