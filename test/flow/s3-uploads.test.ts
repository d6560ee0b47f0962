/** The whole server with its files in a bucket: nothing on the disk, nothing left in the bucket but the shared files. */
import { readdir } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { get, storedFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { mp4File, pngFile, sha256Of, textFile } from '../services/fixtures.ts';
import { begunMultiparts, bucketAt, type TestBucket } from '../services/shared-s3.ts';
import { create, fileIdOf, head, offsetOf, patch } from '../services/tus-wire.ts';
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
