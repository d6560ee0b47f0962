/** tus 1.0.0 on the wire: what each verb answers, in the words of the specification. */
import { describe, expect, test } from 'vitest';
import { get, listFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pdfFile, pngFile, textFile } from '../services/fixtures.ts';
import { create, encodeMetadata, fileIdOf, head, offsetOf, patch, TUS_PATH, terminate } from '../services/tus-wire.ts';
import { send, type WireAnswer } from '../services/wire.ts';

const PAGE = 'https://shop.example';
const server = chatdropForSuite({ env: { ALLOWED_ORIGINS: PAGE } });
const MAX_BYTES = 25 * 1024 * 1024;
const ONE_DAY_MS = 24 * 3600 * 1000;

describe('OPTIONS', () => {
  test.each(['/api/chat/tus/', '/api/chat/tus'])('%s tells what is spoken, without a token', async (path) => {
    const answer = await send({ method: 'OPTIONS', url: server().baseUrl + path });
    expect([200, 204]).toContain(answer.status);
    expect(answer.headers).toMatchObject({ 'tus-version': '1.0.0', 'tus-max-size': String(MAX_BYTES) });
    const extensions = String(answer.headers['tus-extension']).split(',');
    expect(extensions).toEqual(
      expect.arrayContaining([
        'creation',
        'creation-with-upload',
        'creation-defer-length',
        'expiration',
        'termination',
      ]),
    );
  });

  test('is answered to an allowed page, and to no other', async () => {
    const ask = (origin: string) =>
      send({
        method: 'OPTIONS',
        url: server().baseUrl + TUS_PATH,
        headers: {
          origin,
          'access-control-request-method': 'PATCH',
          'access-control-request-headers': 'authorization,tus-resumable,upload-offset,content-type',
        },
      });
    const allowed = await ask(PAGE);
    expect([200, 204]).toContain(allowed.status);
    expect(allowed.headers['access-control-allow-origin']).toBe(PAGE);
    expect(allowed.headers['access-control-allow-methods']).toMatch(/PATCH/);
    const allowedHeaders = String(allowed.headers['access-control-allow-headers']).toLowerCase();
    for (const name of ['authorization', 'tus-resumable', 'upload-offset', 'upload-length', 'upload-metadata']) {
      expect(allowedHeaders).toContain(name);
    }
    const stranger = await ask('https://evil.example');
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('a page may read the headers that a tus client needs', async () => {
    const room = newChatRoom();
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      length: 10,
      headers: { origin: PAGE },
    });
    expect(created.headers['access-control-allow-origin']).toBe(PAGE);
    const exposed = String(created.headers['access-control-expose-headers']).toLowerCase();
    for (const name of [
      'location',
      'upload-offset',
      'upload-length',
      'upload-expires',
      'tus-resumable',
      'chat-file-id',
      'retry-after',
    ]) {
      expect(exposed).toContain(name);
    }
  });
});

describe('creation', () => {
  test.each(['/api/chat/tus/', '/api/chat/tus'])('POST %s answers 201 with a relative Location', async (path) => {
    const { visitor } = newChatRoom();
    const created = await create({ baseUrl: server().baseUrl, token: visitor, length: 100, path });
    expect(created.status).toBe(201);
    expect(created.headers['tus-resumable']).toBe('1.0.0');
    expect(created.headers.location).toMatch(/^\/api\/chat\/tus\/[^/?#]+$/);
    expectExpiry(created);
    const stood = await head(created.url, visitor);
    expect([stood.status, offsetOf(stood)]).toEqual([200, 0]);
  });

  test('Location does not repeat a foreign Host header', async () => {
    const { visitor } = newChatRoom();
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https,http' };
    const created = await create({ baseUrl: server().baseUrl, token: visitor, length: 100, headers });
    expect(created.status).toBe(201);
    expect(created.headers.location).not.toContain('evil');
  });

  test('every upload gets a URL of its own', async () => {
    const { visitor } = newChatRoom();
    const one = await create({ baseUrl: server().baseUrl, token: visitor, length: 100 });
    const two = await create({ baseUrl: server().baseUrl, token: visitor, length: 100 });
    expect(one.url).not.toBe(two.url);
  });

  test('with the whole file in it finishes at once', async () => {
    const room = newChatRoom();
    const body = pngFile({ bytes: 3000 });
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body,
      metadata: { filename: 'a.png' },
    });
    expect([created.status, offsetOf(created)]).toEqual([201, 3000]);
    const { files } = await listFiles(server().baseUrl, room);
    expect(files).toMatchObject([{ id: fileIdOf(created), name: 'a.png', size: 3000, mime_type: 'image/png' }]);
  });

  test('with the first part in it goes on by PATCH', async () => {
    const room = newChatRoom();
    const file = pngFile({ bytes: 9000 });
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      length: 9000,
      body: file.subarray(0, 5000),
    });
    expect([created.status, offsetOf(created)]).toEqual([201, 5000]);
    expect(created.headers['chat-file-id']).toBeUndefined();
    const patched = await patch({ url: created.url, token: room.visitor, offset: 5000, body: file.subarray(5000) });
    expect([patched.status, offsetOf(patched)]).toEqual([204, 9000]);
    expect(await content(fileIdOf(patched), room.visitor)).toEqual(file);
  });

  test.each([
    ['neither length nor deferred length', {}],
    ['both', { 'upload-length': '10', 'upload-defer-length': '1' }],
    ['a negative length', { 'upload-length': '-1' }],
    ['a length that is no number', { 'upload-length': 'ten' }],
    ['a fraction', { 'upload-length': '1.5' }],
    ['a length beyond all numbers', { 'upload-length': '9'.repeat(30) }],
    ['a deferred length other than 1', { 'upload-defer-length': '2' }],
    ['metadata that is not base64', { 'upload-length': '10', 'upload-metadata': 'filename %%%' }],
  ])('%s is refused as the client’s mistake', async (_what, headers) => {
    const room = newChatRoom();
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, headers });
    expect([400, 413]).toContain(created.status);
    expect(created.headers.location).toBeUndefined();
  });

  test('an empty file is shared at once', async () => {
    const room = newChatRoom();
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      length: 0,
      metadata: { filename: 'empty.txt', filetype: 'text/plain' },
    });
    expect([created.status, offsetOf(await head(created.url, room.visitor))]).toEqual([201, 0]);
    const { files } = await listFiles(server().baseUrl, room);
    expect(files).toMatchObject([{ id: fileIdOf(created), name: 'empty.txt', size: 0 }]);
    expect((await content(fileIdOf(created), room.visitor)).length).toBe(0);
  });
});

describe('deferred length', () => {
  test('is named by a later PATCH, once', async () => {
    const room = newChatRoom();
    const file = pngFile({ bytes: 6000 });
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, deferLength: true });
    expect(created.status).toBe(201);
    const before = await head(created.url, room.visitor);
    expect(before.headers).toMatchObject({ 'upload-defer-length': '1', 'upload-offset': '0' });
    expect(before.headers['upload-length']).toBeUndefined();

    const first = await patch({ url: created.url, token: room.visitor, offset: 0, body: file.subarray(0, 4000) });
    expect([first.status, offsetOf(first)]).toEqual([204, 4000]);
    const second = await patch({
      url: created.url,
      token: room.visitor,
      offset: 4000,
      body: file.subarray(4000, 5000),
      headers: { 'upload-length': '6000' },
    });
    expect([second.status, offsetOf(second)]).toEqual([204, 5000]);
    const known = await head(created.url, room.visitor);
    expect(known.headers).toMatchObject({ 'upload-length': '6000', 'upload-offset': '5000' });
    expect(known.headers['upload-defer-length']).toBeUndefined();

    const changed = await patch({
      url: created.url,
      token: room.visitor,
      offset: 5000,
      body: file.subarray(5000, 5500),
      headers: { 'upload-length': '7000' },
    });
    expect(changed.status).toBe(400);
    expect(offsetOf(await head(created.url, room.visitor))).toBe(5000);

    const last = await patch({ url: created.url, token: room.visitor, offset: 5000, body: file.subarray(5000) });
    expect([last.status, offsetOf(last)]).toEqual([204, 6000]);
    expect(await content(fileIdOf(last), room.visitor)).toEqual(file);
  });

  test('may be named together with the last bytes', async () => {
    const room = newChatRoom();
    const file = pdfFile(2000);
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, deferLength: true });
    const headers = { 'upload-length': '2000' };
    const patched = await patch({ url: created.url, token: room.visitor, offset: 0, body: file, headers });
    expect([patched.status, offsetOf(patched)]).toEqual([204, 2000]);
    expect(await content(fileIdOf(patched), room.visitor)).toEqual(file);
  });

  test('less than what has arrived is refused', async () => {
    const room = newChatRoom();
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, deferLength: true });
    await patch({ url: created.url, token: room.visitor, offset: 0, body: pngFile({ bytes: 3000 }) });
    const headers = { 'upload-length': '2000' };
    const answer = await patch({ url: created.url, token: room.visitor, offset: 3000, body: Buffer.alloc(0), headers });
    expect(answer.status).toBe(400);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  });
});

describe('HEAD', () => {
  test('of an unfinished upload: offset, length, expiry, metadata, and never cached', async () => {
    const room = newChatRoom();
    const metadata = { filename: 'Ünïcode 写真.png', filetype: 'image/png', file_key: 'key-1' };
    const file = pngFile({ bytes: 5000 });
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, length: 5000, metadata });
    await patch({ url: created.url, token: room.visitor, offset: 0, body: file.subarray(0, 1234) });
    const answer = await head(created.url, room.visitor);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'upload-offset': '1234',
      'upload-length': '5000',
      'tus-resumable': '1.0.0',
      'upload-metadata': encodeMetadata(metadata),
    });
    expect(answer.headers['cache-control']).toContain('no-store');
    expect(answer.headers['chat-file-id']).toBeUndefined();
    expectExpiry(answer);
  });

  test('of a finished one: the file’s id, from PATCH and HEAD alike', async () => {
    const room = newChatRoom();
    const file = textFile(300);
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      length: 300,
      metadata: { filename: 'a.txt' },
    });
    const patched = await patch({ url: created.url, token: room.visitor, offset: 0, body: file });
    expect(patched.status).toBe(204);
    expect(patched.headers['tus-resumable']).toBe('1.0.0');
    const answer = await head(created.url, room.visitor);
    expect(answer.status).toBe(200);
    expect(offsetOf(answer)).toBe(300);
    expect(fileIdOf(answer)).toBe(fileIdOf(patched));
    expect((await listFiles(server().baseUrl, room)).files.map(({ id }) => id)).toEqual([fileIdOf(patched)]);
  });

  test('also with the last slash, and in small PATCHes by either spelling', async () => {
    const room = newChatRoom();
    const file = pngFile({ bytes: 400 });
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, length: 400 });
    const slashed = `${created.url}/`;
    await patch({ url: slashed, token: room.visitor, offset: 0, body: file.subarray(0, 100) });
    const patched = await patch({ url: created.url, token: room.visitor, offset: 100, body: file.subarray(100) });
    expect([patched.status, offsetOf(patched)]).toEqual([204, 400]);
    expect(offsetOf(await head(slashed, room.visitor))).toBe(400);
  });
});

describe('PATCH', () => {
  test.each([
    ['missing', undefined],
    ['not a number', 'abc'],
    ['negative', '-1'],
    ['a fraction', '0.5'],
    ['with a tail', '0x'],
  ])('an Upload-Offset that is %s is 400', async (_what, offset) => {
    const { url, visitor } = await halfUpload();
    const answer = await patch({
      url,
      token: visitor,
      offset: 0,
      body: Buffer.from('x'),
      headers: { 'upload-offset': offset },
    });
    expect(answer.status).toBe(400);
    expect(offsetOf(await head(url, visitor))).toBe(500);
  });

  test.each([0, 499, 501, 1000, 5_000_000_000])('at offset %i instead of 500 is 409 with the right one', async (at) => {
    const { url, visitor } = await halfUpload();
    const answer = await patch({ url, token: visitor, offset: at, body: Buffer.from('x') });
    expect([answer.status, offsetOf(answer)]).toEqual([409, 500]);
    expect(offsetOf(await head(url, visitor))).toBe(500);
  });

  test.each([undefined, 'application/octet-stream', 'text/plain'])('as %s is 415', async (type) => {
    const { url, visitor } = await halfUpload();
    const answer = await patch({
      url,
      token: visitor,
      offset: 500,
      body: Buffer.from('x'),
      headers: { 'content-type': type },
    });
    expect(answer.status).toBe(415);
    expect(offsetOf(await head(url, visitor))).toBe(500);
  });

  test('a creation with a body of another type is 415 and makes nothing', async () => {
    const room = newChatRoom();
    const body = pngFile();
    const headers = { 'content-type': 'image/png' };
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, body, headers });
    expect(created.status).toBe(415);
    expect(created.headers.location).toBeUndefined();
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  });

  test('more bytes than announced do not get in', async () => {
    const { url, visitor, room } = await halfUpload();
    const answer = await patch({ url, token: visitor, offset: 500, body: Buffer.alloc(600) });
    expect([400, 413]).toContain(answer.status);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
    expect(offsetOf(await head(url, visitor))).toBeLessThanOrEqual(1000);
  });

  test('an empty one keeps the offset; at the end it answers the file’s id again', async () => {
    const { url, visitor, room, rest } = await halfUpload();
    const empty = await patch({ url, token: visitor, offset: 500, body: Buffer.alloc(0) });
    expect([empty.status, offsetOf(empty)]).toEqual([204, 500]);
    const last = await patch({ url, token: visitor, offset: 500, body: rest });
    const again = await patch({ url, token: visitor, offset: 1000, body: Buffer.alloc(0) });
    expect([again.status, offsetOf(again)]).toEqual([204, 1000]);
    expect(fileIdOf(again)).toBe(fileIdOf(last));
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
  });

  test('by POST with X-HTTP-Method-Override', async () => {
    const { url, visitor, rest } = await halfUpload();
    const answer = await send({
      method: 'POST',
      url,
      headers: {
        authorization: `Bearer ${visitor}`,
        'tus-resumable': '1.0.0',
        'x-http-method-override': 'PATCH',
        'upload-offset': '500',
        'content-type': 'application/offset+octet-stream',
      },
      body: rest,
    });
    expect([answer.status, offsetOf(answer)]).toEqual([204, 1000]);
  });
});

describe('Tus-Resumable', () => {
  test.each(['0.2.2', '2.0.0', 'x', undefined])('%s is 412 with the version spoken, on every verb', async (version) => {
    const { url, visitor } = await halfUpload();
    const headers = { 'tus-resumable': version };
    const answers = [
      await create({ baseUrl: server().baseUrl, token: visitor, length: 10, headers }),
      await head(url, visitor, headers),
      await patch({ url, token: visitor, offset: 500, body: Buffer.from('x'), headers }),
      await terminate(url, visitor, headers),
    ];
    expect(answers.map(({ status }) => status)).toEqual([412, 412, 412, 412]);
    expect(answers.map((answer) => answer.headers['tus-version'])).toEqual(['1.0.0', '1.0.0', '1.0.0', '1.0.0']);
    expect(offsetOf(await head(url, visitor))).toBe(500);
  });
});

describe('termination', () => {
  test('of an unfinished upload ends it', async () => {
    const { url, visitor } = await halfUpload();
    expect((await terminate(url, visitor)).status).toBe(204);
    expect((await head(url, visitor)).status).toBe(410);
    expect((await patch({ url, token: visitor, offset: 500, body: Buffer.from('x') })).status).toBe(410);
    expect([204, 410]).toContain((await terminate(url, visitor)).status);
  });

  test('of a finished upload ends the tus resource and leaves the file', async () => {
    const room = newChatRoom();
    const file = pngFile({ bytes: 700 });
    const created = await create({ baseUrl: server().baseUrl, token: room.visitor, body: file });
    expect((await terminate(created.url, room.visitor)).status).toBe(204);
    expect((await head(created.url, room.visitor)).status).toBe(410);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
    expect(await content(fileIdOf(created), room.visitor)).toEqual(file);
  });
});

describe('an upload that never was', () => {
  test.each(['nothing', '0'.repeat(32), 'a%2Fb', '..%2F..%2Fetc%2Fpasswd', '%00'])(
    '%s is 404 on every verb',
    async (id) => {
      const { visitor } = newChatRoom();
      const url = `${server().baseUrl}${TUS_PATH}${id}`;
      expect((await head(url, visitor)).status).toBe(404);
      expect((await patch({ url, token: visitor, offset: 0, body: Buffer.from('x') })).status).toBe(404);
      expect((await terminate(url, visitor)).status).toBe(404);
    },
  );

  test('the tus endpoint hands out no bytes', async () => {
    const { url, visitor } = await halfUpload();
    const answer = await send({
      method: 'GET',
      url,
      headers: { authorization: `Bearer ${visitor}`, 'tus-resumable': '1.0.0' },
    });
    expect([404, 405]).toContain(answer.status);
  });
});

/** A PNG of 1000 bytes, 500 of which have arrived. */
async function halfUpload() {
  const room = newChatRoom();
  const file = pngFile({ bytes: 1000 });
  const created = await create({
    baseUrl: server().baseUrl,
    token: room.visitor,
    length: 1000,
    body: file.subarray(0, 500),
  });
  expect(created.status).toBe(201);
  return { url: created.url, visitor: room.visitor, room, rest: file.subarray(500) };
}

async function content(id: number, token: string): Promise<Buffer> {
  const answer = await get(server().baseUrl, `/api/chat/files/${id}/content`, token);
  expect(answer.status).toBe(200);
  return answer.body;
}

/** RFC 9110 date, about a day ahead (UPLOAD_EXPIRY is 24h). */
function expectExpiry(answer: WireAnswer): void {
  const expires = String(answer.headers['upload-expires']);
  expect(new Date(expires).toUTCString()).toBe(expires);
  const inMs = Date.parse(expires) - Date.now();
  expect(inMs).toBeGreaterThan(ONE_DAY_MS - 60_000);
  expect(inMs).toBeLessThan(ONE_DAY_MS + 60_000);
}
