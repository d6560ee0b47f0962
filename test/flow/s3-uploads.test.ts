/** The whole server with its files in a bucket: nothing on the disk, nothing left in the bucket but the shared files. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { codeOf, get, shareFile, storedFiles, unfinishedBytes } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile, sha256Of, textFile } from '../services/fixtures.ts';
import { startPostgres } from '../services/postgres.ts';
import { runCommandHere } from '../services/run-command.ts';
import { begunMultiparts, bucketAt, objectKeys, type TestBucket, testS3Client } from '../services/shared-s3.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';
import { create, fileIdOf, head, offsetOf, patch, terminate } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const MIB = 1024 * 1024;
const server = chatdropForSuite();
const bucket = () => bucketAt(server().dataDir) as TestBucket;

test('12 MiB in chunks of 5 MiB are one object; the local disk holds none of it', async () => {
  const { baseUrl, dataDir } = server();
  const room = newChatRoom();
  const body = mp4File(12 * MIB + 17);
  const created = await create({ baseUrl, token: room.visitor, length: body.length, metadata: { filename: 'a.mp4' } });
  let answer = created as Awaited<ReturnType<typeof patch>>;
  for (let offset = 0; offset < body.length; offset += 5 * MIB) {
    answer = await patch({
      url: created.url,
      token: room.visitor,
      offset,
      body: body.subarray(offset, offset + 5 * MIB),
    });
    expect([answer.status, offsetOf(answer)]).toEqual([204, Math.min(body.length, offset + 5 * MIB)]);
  }
  const file = jsonOf<ChatFile>(await get(baseUrl, `/api/chat/files/${fileIdOf(answer)}/`, room.visitor));
  const content = await send({ method: 'GET', url: file.url });
  expect(await sha256Of(content.body)).toBe(await sha256Of(body));
  const ranged = await send({ method: 'GET', url: file.url, headers: { range: `bytes=${7 * MIB}-${9 * MIB}` } });
  expect(ranged.status).toBe(206);
  expect(ranged.body.equals(body.subarray(7 * MIB, 9 * MIB + 1))).toBe(true);
  expect(await storedFiles(dataDir)).toEqual([expect.stringMatching(/^chat\/.*\.mp4$/)]);
  expect(await begunMultiparts(bucket())).toEqual([]);
  expect((await readdir(dataDir)).filter((name) => name.includes('media'))).toEqual([]);
});

test('what is to be saved comes from the store, by an address of a minute; what is looked at comes through here', async () => {
  const { baseUrl } = server();
  const room = newChatRoom();
  const content = { png: pngFile({ bytes: 2000 }), txt: textFile(500) };
  const urlOf = async (body: Buffer, name: string) => {
    const created = await create({ baseUrl, token: room.visitor, body, metadata: { filename: name } });
    return jsonOf<ChatFile>(await get(baseUrl, `/api/chat/files/${fileIdOf(created)}/`, room.visitor));
  };
  const png = await urlOf(content.png, 'a.png');
  const path = `/api/chat/files/${png.id}/content`;
  const inline = await get(baseUrl, path, room.visitor);
  expect([inline.status, inline.body.equals(content.png)]).toEqual([200, true]);

  const text = await urlOf(content.txt, 'Grüße.txt');
  const redirect = await get(baseUrl, `/api/chat/files/${text.id}/content?disposition=attachment`, room.visitor);
  expect([redirect.status, redirect.headers['cache-control']]).toEqual([302, 'no-store']);
  const link = String(redirect.headers.location);
  expect(link).toContain('X-Amz-Expires=60');
  const followed = await send({ method: 'GET', url: link, headers: { range: 'bytes=0-99' } });
  expect([followed.status, followed.body.equals(content.txt.subarray(0, 100))]).toEqual([206, true]);
  expect(followed.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(followed.headers['content-disposition']).toMatch(/^attachment;.*Gr%C3%BC%C3%9Fe\.txt$/);
  const altered = await send({ method: 'GET', url: link.replace('attachment', 'inline') });
  expect(altered.status).toBe(403);
  expect((await head(`${baseUrl}/api/chat/files/${text.id}/content?disposition=attachment`, room.visitor)).status).toBe(
    200,
  );
});

test('an empty file is one; a removed one is gone from the bucket, and so is an upload that its client ends', async () => {
  const { baseUrl, dataDir } = server();
  const room = newChatRoom();
  const before = await storedFiles(dataDir);
  const empty = await create({ baseUrl, token: room.visitor, length: 0, metadata: { filename: 'empty.txt' } });
  const added = (await storedFiles(dataDir)).filter((key) => !before.includes(key));
  expect(added).toHaveLength(1);
  const path = `/api/chat/files/${fileIdOf(empty)}/`;
  const link = await get(baseUrl, `${path.slice(0, -1)}/content`, room.visitor);
  const content = await send({ method: 'GET', url: String(link.headers.location) });
  expect([content.status, content.body.length]).toEqual([200, 0]);
  const removed = await send({
    method: 'DELETE',
    url: baseUrl + path,
    headers: { authorization: `Bearer ${room.visitor}` },
  });
  expect(removed.status).toBe(204);
  expect(await storedFiles(dataDir)).toEqual(before);

  const body = mp4File(6 * MIB);
  const begun = await create({ baseUrl, token: room.visitor, length: 7 * MIB, body, metadata: { filename: 'b.mp4' } });
  expect(await unfinishedBytes(dataDir)).not.toEqual([]);
  expect((await terminate(begun.url, room.visitor)).status).toBe(204);
  expect([await storedFiles(dataDir), await unfinishedBytes(dataDir)]).toEqual([before, []]);
});

test('files verify holds rows against the bucket; another’s objects in it are not touched', async () => {
  const { baseUrl, env } = server();
  const room = newChatRoom();
  const file = await shareFile({ baseUrl, room, body: pngFile(), name: 'a.png' });
  const client = testS3Client(bucket());
  await client.send(new PutObjectCommand({ Bucket: bucket().bucket, Key: 'somebody/else.bin', Body: 'x' }));
  const well = await runCommandHere(['files', 'verify', '--deep'], env);
  expect([well.code, well.stderr]).toEqual([0, expect.any(String)]);
  const { searchParams, pathname } = new URL(file.url);
  expect(searchParams.get('signature')).not.toBeNull();
  const key = pathname.replace('/media/', '');
  await client.send(new DeleteObjectCommand({ Bucket: bucket().bucket, Key: key }));
  const ill = await runCommandHere(['files', 'verify'], env);
  expect([ill.code, ill.stdout]).toEqual([1, expect.stringContaining('missing')]);
  expect(await objectKeys(bucket())).toContain('somebody/else.bin');
  client.destroy();
});

describe('doctor', () => {
  const storageLine = (stdout: string) => /^. storage: .*(?:\n {4}.*)?/m.exec(stdout)?.[0];

  test('tries the bucket and leaves nothing in it', async () => {
    const before = await objectKeys(bucket());
    const { stdout } = await runCommandHere(['doctor'], server().env);
    expect(storageLine(stdout)).toMatch(
      /^✓ storage: the bucket test-\w+ at http:.* written, copied, read and deleted$/,
    );
    expect(stdout).not.toContain(join(server().dataDir, 'media'));
    expect(await objectKeys(bucket())).toEqual(before);
  });

  test.each([
    ['no such bucket', { AWS_STORAGE_BUCKET_NAME: 'not-there' }, 'Make the bucket'],
    ['a wrong secret', { AWS_SECRET_ACCESS_KEY: 'wrong' }, 'Correct AWS_SECRET_ACCESS_KEY'],
    ['an unknown key', { AWS_ACCESS_KEY_ID: 'nobody' }, 'Correct AWS_ACCESS_KEY_ID'],
    ['nobody at the address', { AWS_S3_ENDPOINT_URL: 'http://127.0.0.1:9' }, 'Is AWS_S3_ENDPOINT_URL right'],
  ])('%s: what to do', async (_fault, settings, remedy) => {
    const { code, stdout } = await runCommandHere(['doctor'], { ...server().env, ...settings });
    expect([code, storageLine(stdout)]).toEqual([1, expect.stringContaining(`→ ${remedy}`)]);
  });
});

test('a store that is away: not ready, HEAD still answers, PATCH may be tried again, and all goes on when it is back', async () => {
  const proxy = await startTcpProxy({ targetPort: Number(new URL(bucket().endpoint).port) });
  const room = newChatRoom();
  const away = await startChatdrop({ env: { AWS_S3_ENDPOINT_URL: `http://127.0.0.1:${proxy.port}` } });
  try {
    const body = mp4File(MIB);
    const { baseUrl } = away;
    const created = await create({
      baseUrl,
      token: room.visitor,
      length: body.length,
      metadata: { filename: 'a.mp4' },
    });
    proxy.refuse(true);
    expect((await get(baseUrl, '/readyz')).status).toBe(503);
    expect(offsetOf(await head(created.url, room.visitor))).toBe(0);
    const refused = await patch({ url: created.url, token: room.visitor, offset: 0, body });
    expect([refused.status, codeOf(refused)]).toEqual([503, 'storage-unavailable']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    await away.kill('SIGKILL');
    proxy.refuse(false);
    await away.restart();
    const taken = await patch({ url: created.url, token: room.visitor, offset: 0, body });
    expect([taken.status, Number.isInteger(fileIdOf(taken))]).toEqual([204, true]);
  } finally {
    await away.stop();
    await proxy.stop();
  }
});

test('two nodes on one PostgreSQL: an upload begun at one goes on at the other', async () => {
  const postgres = await startPostgres();
  const nodes: Chatdrop[] = [];
  try {
    const settings = { DATABASE_URL: postgres.url, AWS_STORAGE_BUCKET_NAME: bucket().bucket };
    for (let node = 0; node < 2; node += 1) nodes.push(await startChatdrop({ env: settings }));
    const [first, second] = nodes as [Chatdrop, Chatdrop];
    const room = newChatRoom();
    const body = mp4File(6 * MIB);
    const metadata = { filename: 'film.mp4' };
    const created = await create({ baseUrl: first.baseUrl, token: room.visitor, length: body.length, metadata });
    await patch({ url: created.url, token: room.visitor, offset: 0, body: body.subarray(0, 5 * MIB) });
    await first.kill('SIGKILL');
    const url = created.url.replace(first.baseUrl, second.baseUrl);
    const offset = await eventually('the dead node’s lock is free', async () => {
      const answer = await head(url, room.visitor);
      return answer.status === 200 && offsetOf(answer);
    });
    expect(offset).toBe(5 * MIB);
    const last = await patch({ url, token: room.visitor, offset, body: body.subarray(offset) });
    const content = await get(second.baseUrl, `/api/chat/files/${fileIdOf(last)}/content`, room.visitor);
    expect(await sha256Of(content.body)).toBe(await sha256Of(body));
  } finally {
    for (const node of nodes) await node.stop();
    await postgres.close();
  }
});
