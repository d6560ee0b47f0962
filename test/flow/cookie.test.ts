/** The cookie session: how it is made, what it opens, and that no foreign page can use it to change anything. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { bearer, codeOf, get, listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile } from '../services/fixtures.ts';
import { recordSocket, type SocketRecorder } from '../services/socket-recorder.ts';
import { brokenTokens, nowSeconds, visitorToken } from '../services/tokens.ts';
import { create, head, offsetOf, patch, TUS_PATH, terminate } from '../services/tus-wire.ts';
import { send, type WireAnswer } from '../services/wire.ts';

const ALLOWED = 'https://shop.example';
const server = chatdropForSuite({ env: { ALLOWED_ORIGINS: ALLOWED } });
const BYTES = 20_000;
const HALF = 10_000;
const file = pngFile({ bytes: BYTES });
const COOKIE = /^chatdrop=([^;]+); Max-Age=(\d+); Path=\/; HttpOnly; SameSite=Lax$/;

type Headers = Record<string, string>;

describe('making and clearing', () => {
  test('the cookie holds the token as long as that lasts, and scripts cannot read it', async () => {
    const { company, session } = newChatRoom();
    const token = visitorToken(company, session, { exp: nowSeconds() + 600 });
    const made = await openSession(bearer(token));
    expect([made.status, made.body.length]).toEqual([204, 0]);
    expect(made.headers['cache-control']).toBe('no-store');
    const [, value, maxAge] = COOKIE.exec(cookieOf(made)) ?? [];
    expect(value).toBe(token);
    expect(Number(maxAge)).toBeGreaterThan(500);
    expect(Number(maxAge)).toBeLessThanOrEqual(600);
  });

  test('a token for a hundred years makes a cookie for the 400 days that browsers allow', async () => {
    const { company, session } = newChatRoom();
    for (const exp of [nowSeconds() + 100 * 365 * 86_400, 1e300]) {
      const made = await openSession(bearer(visitorToken(company, session, { exp })));
      expect(COOKIE.exec(cookieOf(made))?.[2]).toBe(String(400 * 86_400));
    }
  });

  test.each(Object.keys(brokenTokens('c', 's')))('no cookie of a token with a fault: %s', async (fault) => {
    const { company, session } = newChatRoom();
    const made = await openSession(bearer(brokenTokens(company, session)[fault]));
    expect([made.status, made.headers['set-cookie']]).toEqual([401, undefined]);
  });

  test('no cookie of a cookie: the token has to be sent', async () => {
    const made = await openSession({ ...cookie(newChatRoom().visitor), origin: ALLOWED });
    expect([made.status, made.headers['set-cookie']]).toEqual([401, undefined]);
  });

  test('a token that no cookie can hold is refused with the reason, and not dropped by the browser in silence', async () => {
    const { company, session } = newChatRoom();
    const made = await openSession(bearer(visitorToken(company, session, { more: 'x'.repeat(3200) })));
    expect([made.status, codeOf(made)]).toEqual([400, 'invalid-request']);
    expect(made.body.toString()).toMatch(/a cookie holds 4088/);
  });

  test.each<[string, (room: ChatRoom) => Headers]>([
    ['of a good cookie', (room) => cookie(room.visitor)],
    ['of an expired one', (room) => cookie(String(brokenTokens(room.company, room.session).expired))],
    ['of none at all', () => ({})],
    ['from an allowed page', (room) => ({ ...cookie(room.visitor), origin: ALLOWED })],
  ])('clearing %s', async (_name, headersFor) => {
    const answer = await closeSession(headersFor(newChatRoom()));
    expect([answer.status, cookieOf(answer)]).toEqual([204, 'chatdrop=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax']);
  });

  test.each(foreignPages())('a foreign page signs nobody in or out: %s', async (_name, headers) => {
    const { visitor } = newChatRoom();
    for (const answer of [
      await openSession({ ...bearer(visitor), ...headers }),
      await closeSession({ ...cookie(visitor), ...headers }),
    ]) {
      expect([answer.status, codeOf(answer), answer.headers['set-cookie']]).toEqual([403, 'forbidden', undefined]);
    }
  });

  test('other verbs are not allowed', async () => {
    for (const method of ['GET', 'PUT', 'PATCH']) {
      const answer = await send({ method, url: `${server().baseUrl}/api/auth/session/` });
      expect(answer.status).toBe(405);
    }
  });
});

describe('with PUBLIC_URL https', () => {
  const secure = chatdropForSuite({ env: { PUBLIC_URL: 'https://files.example' } });

  test('the cookie is Secure, when made and when cleared', async () => {
    const url = `${secure().baseUrl}/api/auth/session/`;
    for (const method of ['POST', 'DELETE']) {
      const answer = await send({ method, url, headers: bearer(newChatRoom().visitor) });
      expect(cookieOf(answer)).toMatch(/; HttpOnly; Secure; SameSite=Lax$/);
    }
  });

  test('the host of the request is no origin of ours: PUBLIC_URL is', async () => {
    const { visitor } = newChatRoom();
    const change = (origin: string) =>
      create({ baseUrl: secure().baseUrl, body: file, headers: { ...cookie(visitor), origin } });
    expect((await change(secure().baseUrl)).status).toBe(403);
    expect((await change('https://files.example')).status).toBe(201);
  });
});

describe('whose request it is', () => {
  test('a bearer token wins over the cookie, also a bad one', async () => {
    const room = newChatRoom();
    const other = newChatRoom();
    const list = (headers: Headers) =>
      get(server().baseUrl, `/api/chat/files/?company_id=${room.company}`, undefined, headers);
    expect((await list({ ...cookie(other.visitor), authorization: `Bearer ${room.visitor}` })).status).toBe(200);
    expect((await list({ ...cookie(room.visitor), authorization: `Bearer ${other.visitor}` })).status).toBe(403);
    for (const authorization of ['Bearer', 'Bearer ', 'Bearer x', 'bearer x', `Bearer ${room.visitor} x`])
      expect((await list({ ...cookie(room.visitor), authorization })).status).toBe(401);
    // A proxy's own password is no token of ours.
    expect((await list({ ...cookie(room.visitor), authorization: 'Basic dTpw' })).status).toBe(200);
  });

  test.each(Object.keys(brokenTokens('c', 's')))('a cookie with a fault is 401: %s', async (fault) => {
    const room = newChatRoom();
    const token = brokenTokens(room.company, room.session)[fault] ?? '';
    const answer = await get(server().baseUrl, '/api/chat/config/', undefined, cookie(token));
    expect([answer.status, codeOf(answer)]).toEqual([401, fault === 'expired' ? 'token-expired' : 'unauthenticated']);
  });

  test('two cookies of the name are refused: the other may be a neighbouring host’s', async () => {
    const { visitor } = newChatRoom();
    const other = newChatRoom().visitor;
    for (const text of [
      `chatdrop=${other}; chatdrop=${visitor}`,
      `chatdrop=${visitor};chatdrop =x`,
      'chatdrop=; chatdrop=',
    ]) {
      expect((await get(server().baseUrl, '/api/chat/config/', undefined, { cookie: text })).status).toBe(401);
    }
  });

  test('other cookies do not matter', async () => {
    const text = `a=1; xchatdrop=2; chatdrop2=3; __proto__=4; =5; chatdrop=${newChatRoom().visitor}; b`;
    expect((await get(server().baseUrl, '/api/chat/config/', undefined, { cookie: text })).status).toBe(200);
  });
});

/** Pages that are not ours, as a browser would name them. */
function foreignPages(): Array<[string, Headers]> {
  return [
    ['another origin', { origin: 'https://evil.example' }],
    ['an origin that begins alike', { origin: `${ALLOWED}.evil.example` }],
    ['an origin that ends alike', { origin: 'https://evilshop.example' }],
    ['a neighbouring host', { origin: 'https://a.shop.example' }],
    ['the allowed host over http', { origin: 'http://shop.example' }],
    ['the allowed host on another port', { origin: `${ALLOWED}:8443` }],
    ['another port of this host', { origin: 'http://127.0.0.1:1' }],
    ['an opaque origin (a sandboxed frame)', { origin: 'null' }],
    ['an empty Origin', { origin: '' }],
    ['two origins in one', { origin: `${ALLOWED}, https://evil.example` }],
    ['a foreign Origin with a kind Referer', { origin: 'https://evil.example', referer: `${ALLOWED}/` }],
    ['a foreign Origin that says same-origin', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
    ['no Origin, but cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['no Origin, but same-site', { 'sec-fetch-site': 'same-site' }],
  ];
}

describe('every change, from every page that is not ours', () => {
  let room: ChatRoom;
  let uploadUrl: string;
  let fileId: number;
  let requests: Array<[string, (headers: Headers) => Promise<WireAnswer>]>;
  beforeAll(async () => {
    room = newChatRoom();
    fileId = (await shareFile({ baseUrl: server().baseUrl, room, body: file })).id;
    const { baseUrl } = server();
    uploadUrl = (await create({ baseUrl, token: room.visitor, length: BYTES, body: file.subarray(0, HALF) })).url;
    const request = (method: string, path: string, more: Headers) => (headers: Headers) =>
      send({ method, url: new URL(path, baseUrl).href, headers: { ...headers, ...more } });
    const tus = { 'tus-resumable': '1.0.0' };
    requests = [
      ['POST tus', (headers) => create({ baseUrl, body: file, headers })],
      ['POST tus as a form would', request('POST', TUS_PATH, { 'content-type': 'text/plain', 'content-length': '0' })],
      ['PATCH tus', (headers) => patch({ url: uploadUrl, offset: HALF, body: file.subarray(HALF), headers })],
      ['DELETE tus', (headers) => terminate(uploadUrl, undefined, headers)],
      ['POST tus as DELETE', request('POST', uploadUrl, { ...tus, 'x-http-method-override': 'DELETE' })],
      ['GET tus as DELETE', request('GET', uploadUrl, { ...tus, 'x-http-method-override': 'DELETE' })],
      ['HEAD tus as delete', request('HEAD', uploadUrl, { ...tus, 'x-http-method-override': 'delete' })],
      ['POST tus as HEAD', request('POST', uploadUrl, { ...tus, 'x-http-method-override': 'HEAD' })],
      ['PUT tus', request('PUT', uploadUrl, tus)],
      ['DELETE file', request('DELETE', `/api/chat/files/${fileId}/`, {})],
      ['DELETE session', request('DELETE', `/api/chat/sessions/${room.session}/`, {})],
    ];
  });

  test.each([...foreignPages(), ['none at all', {}], ['none, typed in', { 'sec-fetch-site': 'none' }]] as Array<
    [string, Headers]
  >)('is 403 and does nothing: %s', async (_name, headers) => {
    const { baseUrl } = server();
    for (const token of [room.visitor, room.agent]) {
      for (const [name, request] of requests) {
        const answer = await request({ ...cookie(token), ...headers });
        expect([name, answer.status]).toEqual([name, 403]);
        if (!name.startsWith('HEAD')) expect([name, codeOf(answer)]).toEqual([name, 'forbidden']);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
        expect(answer.headers['access-control-allow-credentials']).toBeUndefined();
      }
    }
    expect(offsetOf(await head(uploadUrl, room.visitor))).toBe(HALF);
    expect((await listFiles(baseUrl, room)).files.map(({ id }) => id)).toEqual([fileId]);
    expect(await listUploads(baseUrl, room)).toHaveLength(1);
  });

  test('every route of the table that changes something is behind the check, also one that comes later', async () => {
    const table = readFileSync(new URL('../../server/http/http-app.ts', import.meta.url), 'utf8');
    const routes = [...table.matchAll(/\.(post|patch|put|delete|all)\(\s*([^,]+),\s*caller/g)];
    expect(routes.length).toBeGreaterThan(3);
    for (const [, verb = '', path = ''] of routes) {
      const url = path.replaceAll(/['`]/g, '').replace(/(?:\$\{)?TUS_PATH\}?/, TUS_PATH);
      for (const method of verb === 'all' ? ['POST', 'PATCH', 'PUT', 'DELETE'] : [verb.toUpperCase()]) {
        const call = `${method} ${url.replace('//', '/').replaceAll(/:\w+/g, 'x')}`;
        const answer = await send({
          method,
          url: server().baseUrl + call.split(' ')[1],
          headers: { ...cookie(room.agent), origin: 'https://evil.example', 'tus-resumable': '1.0.0' },
        });
        expect([call, answer.status]).toEqual([call, 403]);
      }
    }
  });
});

describe('our own pages', () => {
  test.each<[string, () => Headers]>([
    ['an allowed Origin', () => ({ origin: ALLOWED })],
    ['the server’s own Origin', () => ({ origin: server().baseUrl })],
    ['no Origin, but same-origin', () => ({ 'sec-fetch-site': 'same-origin' })],
  ])('change with the cookie alone: %s', async (_name, headersOf) => {
    const room = newChatRoom();
    const { baseUrl } = server();
    const headers = { ...cookie(room.visitor), ...headersOf() };
    const made = await create({ baseUrl, length: BYTES, body: file.subarray(0, HALF), headers });
    expect(made.status).toBe(201);
    expect(offsetOf(await head(made.url, undefined, headers))).toBe(HALF);
    const patched = await patch({ url: made.url, offset: HALF, body: file.subarray(HALF), headers });
    expect(patched.status).toBe(204);
    const id = String(patched.headers['chat-file-id']);
    const removed = await send({ method: 'DELETE', url: `${baseUrl}/api/chat/files/${id}/`, headers });
    expect(removed.status).toBe(204);
  });

  test('programs with a bearer token need no Origin, whatever cookie they carry', async () => {
    const room = newChatRoom();
    const made = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body: file,
      headers: cookie(newChatRoom().visitor),
    });
    expect(made.status).toBe(201);
  });
});

describe('reading', () => {
  test('the cookie reads without an Origin, as pictures and links do', async () => {
    const room = newChatRoom();
    const shared = await shareFile({ baseUrl: server().baseUrl, room, body: file });
    for (const path of ['/api/chat/config/', '/api/chat/files/', `/api/chat/files/${shared.id}/content`]) {
      const answer = await get(server().baseUrl, path, undefined, cookie(room.visitor));
      expect([path, answer.status]).toEqual([path, 200]);
      expect(answer.headers['cache-control']).toMatch(/no-store|private/);
    }
  });

  test('credentials are allowed to our pages by name, and to no other page', async () => {
    const { visitor } = newChatRoom();
    const cors = async (origin: string, method = 'GET', more: Headers = {}) => {
      const url = `${server().baseUrl}/api/chat/config/`;
      const { headers } = await send({ method, url, headers: { ...cookie(visitor), origin, ...more } });
      expect(headers.vary).toMatch(/\bOrigin\b/i);
      return [headers['access-control-allow-origin'], headers['access-control-allow-credentials']];
    };
    const preflight = { 'access-control-request-method': 'DELETE' };
    expect(await cors(ALLOWED)).toEqual([ALLOWED, 'true']);
    expect(await cors(ALLOWED, 'OPTIONS', preflight)).toEqual([ALLOWED, 'true']);
    for (const [, { origin }] of foreignPages()) {
      if (origin === undefined) continue;
      expect(await cors(origin)).toEqual([undefined, undefined]);
      expect(await cors(origin, 'OPTIONS', preflight)).toEqual([undefined, undefined]);
    }
  });
});

describe('Socket.IO', () => {
  const opened: SocketRecorder[] = [];
  beforeEach(() => {
    for (const recorder of opened.splice(0)) recorder.close();
  });
  afterAll(() => {
    for (const recorder of opened) recorder.close();
  });
  const connect = async (headers: Headers, auth: Record<string, unknown> = {}, transport?: 'polling') => {
    const recorder = recordSocket({
      baseUrl: server().baseUrl,
      auth,
      extraHeaders: headers,
      ...(transport === undefined ? {} : { transports: [transport] }),
    });
    opened.push(recorder);
    const { name } = await recorder.waitFor(({ name }) => ['connection_established', 'connect_error'].includes(name));
    return name;
  };

  test('the cookie counts with an allowed Origin', async () => {
    const room = newChatRoom();
    for (const transport of [undefined, 'polling'] as const) {
      expect(await connect({ ...cookie(room.visitor), origin: ALLOWED }, {}, transport)).toBe('connection_established');
      const own = { ...cookie(room.visitor), 'sec-fetch-site': 'same-origin' };
      expect(await connect(own, {}, transport)).toBe('connection_established');
    }
  });

  test.each([...foreignPages(), ['none at all', {}]] as Array<[string, Headers]>)(
    'the cookie alone does not do from a page that is not ours: %s',
    async (_name, headers) => {
      const { visitor } = newChatRoom();
      expect(await connect({ ...cookie(visitor), ...headers })).toBe('connect_error');
      expect(await connect({ ...cookie(visitor), ...headers }, {}, 'polling')).toBe('connect_error');
    },
  );

  test('a token in the handshake wins over the cookie, also a bad or empty one', async () => {
    const room = newChatRoom();
    const headers = { ...cookie(room.visitor), origin: ALLOWED };
    expect(await connect(headers, { token: '' })).toBe('connect_error');
    expect(await connect(headers, { token: 'x' })).toBe('connect_error');
    const other = newChatRoom();
    expect(await connect(headers, { token: other.visitor, session_id: other.session })).toBe('connection_established');
  });
});

test('in development mode the demo page’s origin counts, and loopback names only', async () => {
  const development = await startChatdrop({ development: true });
  try {
    const url = `${development.baseUrl}/api/auth/session/`;
    const status = async (headers: Headers) => (await send({ method: 'DELETE', url, headers })).status;
    expect(await status({ origin: development.baseUrl })).toBe(204);
    expect(await status({ origin: 'http://evil.example', host: 'evil.example' })).toBe(421);
    expect(await status({ origin: `http://localhost:${development.port}` })).toBe(403);
  } finally {
    await development.stop();
  }
});

function cookie(token: string): Headers {
  return { cookie: `chatdrop=${token}` };
}

async function openSession(headers: Record<string, string | undefined>): Promise<WireAnswer> {
  return await send({ method: 'POST', url: `${server().baseUrl}/api/auth/session/`, headers });
}

async function closeSession(headers: Headers): Promise<WireAnswer> {
  return await send({ method: 'DELETE', url: `${server().baseUrl}/api/auth/session/`, headers });
}

function cookieOf(answer: WireAnswer): string {
  return String(answer.headers['set-cookie']);
}
