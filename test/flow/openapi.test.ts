/** Real answers are what `/openapi.json` says. */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { bearer, get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented, type ExpectDocumented } from '../services/documented.ts';
import { pngFile } from '../services/fixtures.ts';
import { create, head, patch, terminate } from '../services/tus-wire.ts';
import { jsonOf, send } from '../services/wire.ts';

const server = chatdropForSuite();
let expectDocumented: ExpectDocumented;
beforeAll(async () => {
  expectDocumented = createExpectDocumented(jsonOf(await get(server().baseUrl, '/openapi.json')));
});

test('the document is kept by browsers and asked for anew by its ETag', async () => {
  const { baseUrl } = server();
  const answer = await get(baseUrl, '/openapi.json');
  expect([answer.status, answer.headers['content-type']]).toEqual([200, expect.stringContaining('application/json')]);
  expect(jsonOf<{ openapi: string }>(answer).openapi).toBe('3.1.0');
  const again = await get(baseUrl, '/openapi.json', undefined, { 'if-none-match': String(answer.headers.etag) });
  expect([again.status, again.body.length]).toEqual([304, 0]);
});

describe('answers are as documented', () => {
  test('files: list, one, bytes, links, limits, removal', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const file = await shareFile({ baseUrl, room, body: pngFile(), name: 'photo.png' });
    const ofSession = `?company_id=${room.company}&session_id=${room.session}`;
    const one = `/api/chat/files/${file.id}/`;
    const range = { range: 'bytes=0-3' };
    for (const [route, answer] of [
      ['GET /api/chat/files/', await get(baseUrl, `/api/chat/files/${ofSession}&limit=1`, room.visitor)],
      ['GET /api/chat/files/', await get(baseUrl, '/api/chat/files/?limit=0', room.visitor)],
      ['GET /api/chat/files/', await get(baseUrl, '/api/chat/files/')],
      ['GET /api/chat/files/{id}/', await get(baseUrl, one, room.visitor)],
      ['GET /api/chat/files/{id}/', await get(baseUrl, one, newChatRoom().visitor)],
      ['GET /api/chat/files/{id}/content', await get(baseUrl, `${one}content`, room.visitor)],
      ['GET /api/chat/files/{id}/content', await get(baseUrl, `${one}content`, room.visitor, range)],
      ['GET /media/{key}', await send({ method: 'GET', url: file.url })],
      ['GET /media/{key}', await get(baseUrl, '/media/chat/x')],
      ['GET /api/chat/config/', await get(baseUrl, '/api/chat/config/', room.visitor)],
      ['DELETE /api/chat/files/{id}/', await call('DELETE', one, room.visitor)],
      ['DELETE /api/chat/sessions/{session}/', await call('DELETE', `/api/chat/sessions/${room.session}/`, room.agent)],
    ] as const)
      expectDocumented(route, answer);
  });

  test('tus: creation, offset, bytes, end; and what is unfinished', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const body = pngFile();
    const created = await create({
      baseUrl,
      token: room.visitor,
      length: body.length,
      metadata: { filename: 'a.png' },
    });
    expectDocumented('POST /api/chat/tus/', created);
    expectDocumented('POST /api/chat/tus/', await create({ baseUrl, token: room.visitor, body }));
    const deferred = await create({ baseUrl, token: room.visitor, deferLength: true });
    expectDocumented('HEAD /api/chat/tus/{id}', await head(deferred.url, room.visitor));
    const listed = await get(baseUrl, '/api/chat/uploads/', room.visitor);
    expect(jsonOf<{ uploads: unknown[] }>(listed).uploads).toHaveLength(2);
    expectDocumented('GET /api/chat/uploads/', listed);
    expectDocumented(
      'GET /api/chat/uploads/',
      await get(baseUrl, `/api/chat/uploads/?session_id=${room.session}`, room.agent),
    );
    const upload = { url: created.url, token: room.visitor };
    expectDocumented('PATCH /api/chat/tus/{id}', await patch({ ...upload, offset: 7, body }));
    expectDocumented('PATCH /api/chat/tus/{id}', await patch({ ...upload, offset: 0, body: body.subarray(0, 20) }));
    expectDocumented('PATCH /api/chat/tus/{id}', await patch({ ...upload, offset: 20, body: body.subarray(20) }));
    expectDocumented('HEAD /api/chat/tus/{id}', await head(created.url, room.visitor));
    expectDocumented('DELETE /api/chat/tus/{id}', await terminate(deferred.url, room.visitor));
    expectDocumented('HEAD /api/chat/tus/{id}', await head(deferred.url, room.visitor));
    const part = await create({ baseUrl, token: room.visitor, body, headers: { 'upload-concat': 'partial' } });
    expectDocumented('POST /api/chat/tus/', part);
    expectDocumented('HEAD /api/chat/tus/{id}', await head(part.url, room.visitor));
    const joined = { 'upload-concat': `final;${new URL(part.url).pathname}` };
    expectDocumented('POST /api/chat/tus/', await create({ baseUrl, token: room.visitor, headers: joined }));
    const wrong = { 'upload-checksum': 'sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=' };
    expectDocumented('POST /api/chat/tus/', await create({ baseUrl, token: room.visitor, body, headers: wrong }));
    expectDocumented('OPTIONS /api/chat/tus/', await call('OPTIONS', '/api/chat/tus/'));
  });

  test('the session, the server and the pages', async () => {
    const { baseUrl } = server();
    const { visitor } = newChatRoom();
    expectDocumented('POST /api/auth/session/', await call('POST', '/api/auth/session/', visitor));
    expectDocumented('POST /api/auth/session/', await call('POST', '/api/auth/session/'));
    expectDocumented('DELETE /api/auth/session/', await call('DELETE', '/api/auth/session/'));
    for (const path of ['/healthz', '/readyz', '/openapi.json', '/', '/demo/', '/dashboard/', '/problems/'])
      expectDocumented(`GET ${path}`, await get(baseUrl, path));
    expectDocumented('GET /widget/{name}', await get(baseUrl, '/widget/none.js'));
    expectDocumented('POST /demo/tokens', await call('POST', '/demo/tokens'));
  });
});

describe('in development mode', () => {
  const development = chatdropForSuite({ development: true });

  test('the demo’s answers are as documented', async () => {
    const { baseUrl } = development();
    expectDocumented('GET /', await get(baseUrl, '/'));
    expectDocumented('POST /demo/tokens', await send({ method: 'POST', url: `${baseUrl}/demo/tokens` }));
  });
});

test('the file that the README shows is one', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, shown = ''] = /^A file:\n\n```json\n([\s\S]*?)```/m.exec(readme) ?? [];
  const body = Buffer.from(shown.replace('…', 'x'));
  const answer = { status: 200, headers: { 'content-type': 'application/json' }, body };
  expect(() => expectDocumented('GET /api/chat/files/{id}/', answer)).not.toThrow();
});

async function call(method: string, path: string, token?: string) {
  return await send({ method, url: server().baseUrl + path, headers: bearer(token) });
}
