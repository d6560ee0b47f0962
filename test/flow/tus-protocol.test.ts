/** What the tus endpoint adds to the specification, which tus-conformance.test.ts holds it to: CORS, its URLs, the file's id. */
import { describe, expect, test } from 'vitest';
import { get, listFiles } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile, textFile } from '../services/fixtures.ts';
import { create, fileIdOf, head, offsetOf, patch, TUS_PATH } from '../services/tus-wire.ts';
import { send, type WireAnswer } from '../services/wire.ts';

const PAGE = 'https://shop.example';
const server = chatdropForSuite({ env: { ALLOWED_ORIGINS: PAGE } });
const ONE_DAY_MS = 24 * 3600 * 1000;

describe('OPTIONS', () => {
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
    const needed = ['authorization', 'tus-resumable', 'upload-offset', 'upload-length', 'upload-metadata'];
    for (const name of [...needed, 'upload-defer-length', 'upload-concat', 'upload-checksum'])
      expect(allowedHeaders).toContain(name);
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

describe('HEAD', () => {
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

  test('is how a client comes back, which is counted: once, however often it asks, and not before a byte is there', async () => {
    const { url, visitor, room, rest } = await halfUpload();
    for (let time = 0; time < 3; time += 1) expect(offsetOf(await head(url, visitor))).toBe(500);
    await patch({ url, token: visitor, offset: 500, body: rest.subarray(0, 100) });
    expect(offsetOf(await head(url, visitor))).toBe(600);
    await patch({ url, token: visitor, offset: 600, body: rest.subarray(100) });
    expect((await head(url, visitor)).status).toBe(200);
    const fresh = await create({ baseUrl: server().baseUrl, token: visitor, length: 1000 });
    expect(offsetOf(await head(fresh.url, visitor))).toBe(0);
    const database = await server().openDatabase();
    const rows = database('uploads').where({ company_id: room.company, session_id: room.session });
    await eventually('both are counted', async () => {
      const counted = await rows.clone().orderBy('state').pluck('resumes');
      expect(counted).toEqual([2, 0]);
      return true;
    });
    await database.destroy();
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
});

describe('GET', () => {
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
