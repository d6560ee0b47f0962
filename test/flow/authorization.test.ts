/** Who may do what: every token fault is 401, what is not visible is 404, what is stated but not allowed is 403. */
import { describe, expect, test } from 'vitest';
import type { FileList } from '../../server/contract/chat-file.ts';
import { bearer, codeOf, get, listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile } from '../services/fixtures.ts';
import { agentToken, brokenTokens, nowSeconds, signToken, visitorToken } from '../services/tokens.ts';
import { create, head, offsetOf, patch, TUS_PATH, terminate } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const server = chatdropForSuite();
/** Half of it is more than the first bytes that a verdict waits for. */
const BYTES = 20_000;
const HALF = 10_000;
const file = pngFile({ bytes: BYTES });

describe('a token with a fault is 401 everywhere, and does nothing', () => {
  test.each(Object.keys(brokenTokens('c', 's')))('%s', async (fault) => {
    const room = newChatRoom();
    const token = brokenTokens(room.company, room.session)[fault];
    const upload = await halfUpload(room);
    const shared = await shareFile({ baseUrl: server().baseUrl, room, body: file });

    const answers = await everyCall({ token, room, uploadUrl: upload.url, fileId: shared.id });
    expect(statusesOf(answers)).toEqual(sameForEach(answers, 401));
    const codes = Object.entries(answers).filter(([call]) => call !== 'tus HEAD');
    for (const [, answer] of codes) {
      expect(codeOf(answer)).toBe(fault === 'expired' ? 'token-expired' : 'unauthenticated');
    }
    expect(offsetOf(await head(upload.url, room.visitor))).toBe(HALF);
    expect((await listFiles(server().baseUrl, room)).count).toBe(1);
    expect(await listUploads(server().baseUrl, room)).toHaveLength(1);
  });

  test('a header that is not Bearer is 401', async () => {
    const { visitor } = newChatRoom();
    for (const authorization of [visitor, `Basic ${visitor}`, 'Bearer', 'Bearer  ', `Bearer ${visitor} ${visitor}`]) {
      const answer = await get(server().baseUrl, '/api/chat/config/', undefined, { authorization });
      expect(answer.status).toBe(401);
    }
  });

  test('a token in the query does not count over HTTP', async () => {
    const { visitor } = newChatRoom();
    expect((await get(server().baseUrl, `/api/chat/config/?token=${visitor}`)).status).toBe(401);
  });

  test('a token that is not valid yet is 401', async () => {
    const { company, session } = newChatRoom();
    const token = visitorToken(company, session, { nbf: nowSeconds() + 3600 });
    expect((await get(server().baseUrl, '/api/chat/config/', token)).status).toBe(401);
  });
});

describe('what another may not see is 404 on every verb, and stays as it is', () => {
  const strangers: Record<string, (room: ChatRoom) => string> = {
    'a visitor of another company': () => newChatRoom().visitor,
    'a visitor of another company with a session of the same name': (room) =>
      visitorToken(newChatRoom().company, room.session),
    'a visitor of another session': (room) => newChatRoom(room.company).visitor,
    'an agent of another company': () => newChatRoom().agent,
    'an agent bound to another session': (room) => agentToken(room.company, 'agent-1', 'another-session'),
  };

  test.each(Object.keys(strangers))('%s', async (who) => {
    const room = newChatRoom();
    const token = strangers[who]?.(room);
    const upload = await halfUpload(room);
    const shared = await shareFile({ baseUrl: server().baseUrl, room, body: file });

    const named = await callsByName({ token, uploadUrl: upload.url, fileId: shared.id });
    expect(statusesOf(named)).toEqual(sameForEach(named, 404));
    const stated = await callsByStatement({ token, room });
    expect(statusesOf(stated)).toEqual(sameForEach(stated, 403));

    expect(offsetOf(await head(upload.url, room.visitor))).toBe(HALF);
    expect((await listFiles(server().baseUrl, room)).files.map(({ id }) => id)).toEqual([shared.id]);
    expect(await listUploads(server().baseUrl, room)).toHaveLength(1);
  });

  test('another uploader of the same session: the upload URL is the uploader’s alone', async () => {
    const room = newChatRoom();
    const byVisitor = await halfUpload(room);
    const byAgent = await halfUpload(room, room.agent);
    const tries = {
      'agent on visitor’s': await callsOnUpload(room.agent, byVisitor.url),
      'visitor on agent’s': await callsOnUpload(room.visitor, byAgent.url),
      'another agent on agent’s': await callsOnUpload(agentToken(room.company, 'agent-2'), byAgent.url),
    };
    for (const answers of Object.values(tries)) expect(statusesOf(answers)).toEqual(sameForEach(answers, 404));
    expect(offsetOf(await head(byVisitor.url, room.visitor))).toBe(HALF);
    expect(offsetOf(await head(byAgent.url, room.agent))).toBe(HALF);
  });

  test('an upload URL and a file id that exist nowhere look the same as foreign ones', async () => {
    const room = newChatRoom();
    const foreign = newChatRoom();
    const shared = await shareFile({ baseUrl: server().baseUrl, room: foreign, body: file });
    const hidden = await get(server().baseUrl, `/api/chat/files/${shared.id}/`, room.visitor);
    const missing = await get(server().baseUrl, '/api/chat/files/987654321/', room.visitor);
    const told = (answer: typeof hidden) => ({ ...jsonOf<object>(answer), request_id: 'its own' });
    expect([hidden.status, told(hidden)]).toEqual([missing.status, told(missing)]);
  });
});

describe('the files of a whole company', () => {
  test('are for an agent whose token names no session; nobody else gets more than their session', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const mine = await shareFile({ baseUrl: server().baseUrl, room, body: file });
    const others = await shareFile({ baseUrl: server().baseUrl, room: other, body: file });
    const listed = async (token: string, query = '') => {
      const answer = await get(server().baseUrl, `/api/chat/files/${query}`, token);
      if (answer.status !== 200) return answer.status;
      return jsonOf<FileList>(answer).files.map(({ id }) => id);
    };
    expect(await listed(room.agent)).toEqual([mine.id, others.id]);
    expect(await listed(room.agent, `?company_id=${room.company}&order=newest`)).toEqual([others.id, mine.id]);
    expect(await listed(room.agent, `?session_id=${other.session}`)).toEqual([others.id]);
    expect(await listed(room.visitor)).toEqual([mine.id]);
    expect(await listed(room.visitor, `?company_id=${room.company}`)).toEqual([mine.id]);
    const bound = agentToken(room.company, 'agent-2', room.session);
    expect(await listed(bound)).toEqual([mine.id]);
    expect(await listed(bound, `?session_id=${other.session}`)).toBe(403);
    expect(await listed(newChatRoom().agent)).toEqual([]);
    expect(await listed(newChatRoom().agent, `?company_id=${room.company}`)).toBe(403);
  });

  test.each(['order=up', 'kind=program', 'session_id='])('%s is 400', async (query) => {
    expect((await get(server().baseUrl, `/api/chat/files/?${query}`, newChatRoom().agent)).status).toBe(400);
  });
});

describe('who may see and do', () => {
  test('the visitor on a second device goes on with the same upload', async () => {
    const room = newChatRoom();
    const upload = await halfUpload(room);
    const secondDevice = visitorToken(room.company, room.session, { sub: 'another-device' });
    const patched = await patch({ url: upload.url, token: secondDevice, offset: HALF, body: file.subarray(HALF) });
    expect([patched.status, offsetOf(patched)]).toEqual([204, BYTES]);
  });

  test('an agent reaches every session of the company, and names one to share', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    await shareFile({ baseUrl: server().baseUrl, room, body: file });
    await shareFile({ baseUrl: server().baseUrl, room: other, token: room.agent, body: file });
    expect((await listFiles(server().baseUrl, room, '', room.agent)).files).toMatchObject([{ uploader: 'user' }]);
    expect((await listFiles(server().baseUrl, other, '', room.agent)).files).toMatchObject([{ uploader: 'agent' }]);
    const unnamed = await create({ baseUrl: server().baseUrl, token: room.agent, body: file });
    expect([unnamed.status, codeOf(unnamed)]).toEqual([400, 'invalid-request']);
  });

  test('others’ unfinished uploads are listed without their URL and key', async () => {
    const room = newChatRoom();
    await halfUpload(room, room.visitor, { filename: 'mine.png', file_key: 'key-1' });
    const [mine] = await listUploads(server().baseUrl, room);
    expect(mine).toMatchObject({ name: 'mine.png', offset: HALF, size: BYTES, uploader: 'user', file_key: 'key-1' });
    expect(new URL(String(mine?.upload_url), server().baseUrl).pathname).toContain(TUS_PATH);
    const [seen] = await listUploads(server().baseUrl, room, room.agent);
    expect(seen).toMatchObject({ name: 'mine.png', offset: HALF, uploader: 'user', state: 'uploading' });
    expect(seen).not.toHaveProperty('upload_url');
    expect(seen).not.toHaveProperty('file_key');
  });

  test('a visitor removes their own file, not the agent’s; an agent removes any', async () => {
    const room = newChatRoom();
    const mine = await shareFile({ baseUrl: server().baseUrl, room, body: file });
    const second = await shareFile({ baseUrl: server().baseUrl, room, body: file });
    const agents = await shareFile({ baseUrl: server().baseUrl, room, token: room.agent, body: file });
    const forbidden = await remove(agents.id, room.visitor);
    expect([forbidden.status, codeOf(forbidden)]).toEqual([403, 'forbidden']);
    expect((await listFiles(server().baseUrl, room)).count).toBe(3);
    expect((await remove(mine.id, room.visitor)).status).toBe(204);
    expect((await remove(second.id, room.agent)).status).toBe(204);
    expect((await listFiles(server().baseUrl, room)).files.map(({ id }) => id)).toEqual([agents.id]);
  });

  test('the uploader is the token’s, whatever the request says', async () => {
    const room = newChatRoom();
    const created = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      body: file,
      metadata: { filename: 'a.png', company_id: room.company, session_id: room.session },
    });
    expect(created.status).toBe(201);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ uploader: 'user' }]);
  });
});

describe('the cookie', () => {
  test('is made of a bearer token, opens the API, and is cleared', async () => {
    const room = newChatRoom();
    const url = `${server().baseUrl}/api/auth/session/`;
    const made = await send({ method: 'POST', url, headers: bearer(room.visitor) });
    expect(made.status).toBeLessThan(300);
    const cookie = String(made.headers['set-cookie']);
    expect(cookie).toMatch(/^chatdrop=/);
    expect(cookie).toMatch(/httponly/i);
    expect(cookie).toMatch(/samesite=/i);
    const pair = cookie.split(';')[0] ?? '';
    const listed = await get(
      server().baseUrl,
      `/api/chat/files/?company_id=${room.company}&session_id=${room.session}`,
      undefined,
      { cookie: pair },
    );
    expect(listed.status).toBe(200);
    const cleared = await send({ method: 'DELETE', url, headers: { cookie: pair } });
    expect(cleared.status).toBeLessThan(300);
    expect(String(cleared.headers['set-cookie'])).toMatch(/^chatdrop=;|max-age=0|expires=Thu, 01 Jan 1970/i);
  });

  test('is not made of a bad token', async () => {
    const { company } = newChatRoom();
    const bad = signToken({ company_id: company, role: 'agent', sub: 'a' }, { secret: 'x'.repeat(40) });
    const url = `${server().baseUrl}/api/auth/session/`;
    const answer = await send({ method: 'POST', url, headers: bearer(bad) });
    expect(answer.status).toBe(401);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });
});

type Calls = Record<string, WireAnswer>;

async function everyCall(on: { token: string | undefined; room: ChatRoom; uploadUrl: string; fileId: number }) {
  return { ...(await callsByName(on)), ...(await callsByStatement(on)) };
}

/** Every call that names a file or an upload. */
async function callsByName(on: { token: string | undefined; uploadUrl: string; fileId: number }): Promise<Calls> {
  const { baseUrl } = server();
  const path = `/api/chat/files/${on.fileId}/`;
  return {
    ...(await callsOnUpload(on.token, on.uploadUrl)),
    'GET file': await get(baseUrl, path, on.token),
    'GET content': await get(baseUrl, `${path}content`, on.token),
    'DELETE file': await remove(on.fileId, on.token),
  };
}

async function callsOnUpload(token: string | undefined, url: string): Promise<Calls> {
  return {
    'tus HEAD': await head(url, token),
    'tus PATCH': await patch({ url, token, offset: HALF, body: file.subarray(HALF) }),
    'tus DELETE': await terminate(url, token),
  };
}

/** Every call that states a company and session. */
async function callsByStatement(on: { token: string | undefined; room: ChatRoom }): Promise<Calls> {
  const { baseUrl } = server();
  const { company, session } = on.room;
  const query = `?company_id=${company}&session_id=${session}`;
  return {
    'tus POST': await create({
      baseUrl,
      token: on.token,
      body: file,
      metadata: { company_id: company, session_id: session },
    }),
    'GET files': await get(baseUrl, `/api/chat/files/${query}`, on.token),
    'GET uploads': await get(baseUrl, `/api/chat/uploads/${query}`, on.token),
  };
}

async function remove(id: number, token: string | undefined): Promise<WireAnswer> {
  return await send({
    method: 'DELETE',
    url: `${server().baseUrl}/api/chat/files/${id}/`,
    headers: bearer(token),
  });
}

async function halfUpload(room: ChatRoom, token = room.visitor, metadata: Record<string, string> = {}) {
  const created = await create({
    baseUrl: server().baseUrl,
    token,
    length: BYTES,
    body: file.subarray(0, HALF),
    metadata: { session_id: room.session, ...metadata },
  });
  expect(created.status).toBe(201);
  return created;
}

function statusesOf(answers: Calls): Record<string, number> {
  return Object.fromEntries(Object.entries(answers).map(([call, { status }]) => [call, status]));
}

function sameForEach(answers: Calls, status: number): Record<string, number> {
  return Object.fromEntries(Object.keys(answers).map((call) => [call, status]));
}
