/** A policy for one company: live in a running server, by API and by command line, with no effect on any other company. */
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { bearer, codeOf, get, listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { createExpectDocumented } from '../services/documented.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { sendMultipart } from '../services/multipart.ts';
import { cornersOf, photo, placeIn } from '../services/pictures.ts';
import { plainSocket } from '../services/plain-socket.ts';
import { runCommand, runCommandHere } from '../services/run-command.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create, head, patch } from '../services/tus-wire.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const KIB = 1024;
const MIB = 1024 * KIB;
const OURS = 'https://shop.example';
const server = chatdropForSuite({
  env: {
    ADMIN_TOKEN,
    CHAT_MAX_FILE_SIZE: '1MB',
    CHAT_UPLOAD_RATE_LIMIT: '50',
    CHAT_COMPANY_QUOTA: '30MB',
    ALLOWED_ORIGINS: OURS,
  },
});

const policyPath = (company: string) => `/api/admin/companies/${company}/policy/`;
const admin = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
  send({
    method,
    url: server().baseUrl + path,
    headers: { ...bearer(ADMIN_TOKEN), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  });

async function setPolicy(company: string, policy: Record<string, unknown>): Promise<void> {
  const answer = await admin('PUT', policyPath(company), policy);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString()}`);
}

const start = (room: ChatRoom, length: number, token = room.visitor, metadata: Record<string, string> = {}) =>
  create({ baseUrl: server().baseUrl, token, length, metadata: { session_id: room.session, ...metadata } });
const refusalOf = (answer: WireAnswer) => [answer.status, codeOf(answer)];
const config = async (token: string) =>
  jsonOf<Record<string, unknown>>(await get(server().baseUrl, '/api/chat/config/', token));

describe('by the command line', () => {
  test('a running server has it without a restart, and loses it again', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    expect(refusalOf(await start(room, 2 * MIB))).toEqual([413, 'file-too-large']);
    const set = await runCommand(
      ['company', 'set', room.company, 'max_file_size=2MB', 'retention_user_seconds=90d', 'quota=none'],
      server().env,
    );
    expect([set.code, set.stderr]).toEqual([0, '']);
    expect(set.stdout).toMatch(/^max_file_size +company +2097152$/m);
    expect(set.stdout).toMatch(/^retention_user_seconds +company +7776000$/m);
    expect(set.stdout).toMatch(/^quota +company +none$/m);
    expect(set.stdout).toMatch(/^uploads_per_minute +settings +50$/m);
    await eventually('the server knows', async () => (await start(room, 2 * MIB)).status === 201);
    expect((await config(room.visitor)).max_file_size).toBe(2 * MIB);
    expect(refusalOf(await start(room, 2 * MIB + 1))).toEqual([413, 'file-too-large']);
    expect(refusalOf(await start(other, 2 * MIB))).toEqual([413, 'file-too-large']);
    expect((await runCommandHere(['company', 'unset', room.company, 'max_file_size'], server().env)).code).toBe(0);
    await eventually('it is as in the settings', async () => (await start(room, 2 * MIB)).status === 413);
    const shown = JSON.parse((await runCommandHere(['company', 'show', room.company, '--json'], server().env)).stdout);
    expect(shown).toMatchObject({
      company_id: room.company,
      policy: { retention_user_seconds: 7_776_000, quota: null },
      effective: { max_file_size: MIB, quota: null, strip_metadata: true },
      keys: [],
    });
    const listed = await runCommandHere(['company', 'list', '--json'], server().env);
    expect(listed.stdout.split('\n').map((line) => line && JSON.parse(line))).toContainEqual(
      expect.objectContaining({ company_id: room.company, keys: 0, version: shown.version }),
    );
  });

  test('every wrong word is named at once, and nothing is changed', async () => {
    const { company } = newChatRoom();
    const words = ['max_file_size=huge', 'colour=red', 'quota', 'strip_metadata=perhaps', 'allowed_types_user=im age'];
    const wrong = await runCommandHere(['company', 'set', company, 'uploads_per_minute=3', ...words], server().env);
    expect(wrong.code).toBe(2);
    for (const fault of [
      'max_file_size: “huge” is not a size',
      'colour: there is no such field',
      'quota: lacks its value',
      'strip_metadata: “perhaps”',
      'allowed_types_user.0: is no type',
    ])
      expect(wrong.stderr).toContain(fault);
    for (const args of [['set', company], ['set', 'a/b', 'quota=1GB'], ['unset', company, 'colour'], ['show']])
      expect((await runCommandHere(['company', ...args], server().env)).code).toBe(2);
    expect(jsonOf(await admin('GET', policyPath(company)))).toMatchObject({ version: 0, policy: {} });
  });
});

describe('each field has its effect, at once, and on no other company', () => {
  test('types, for visitors and for agents', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { allowed_types_user: ['text/plain'], allowed_types_agent: ['image/*'] });
    const png = pngFile({ bytes: 2000 });
    const named = { filename: 'a.png' };
    expect(refusalOf(await start(room, 100, room.visitor, named))).toEqual([415, 'type-not-allowed']);
    // And what the name does not say, the bytes do.
    const nameless = await create({ baseUrl: server().baseUrl, token: room.visitor, body: png });
    expect(refusalOf(nameless)).toEqual([415, 'type-not-allowed']);
    await shareFile({ baseUrl: server().baseUrl, room, token: room.agent, body: png });
    await shareFile({ baseUrl: server().baseUrl, room: other, body: png });
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ uploader: 'agent' }]);
    expect((await config(room.visitor)).allowed_types).toEqual(['text/plain']);
    expect((await config(room.agent)).allowed_types).toEqual(['image/*']);
    expect((await config(other.visitor)).allowed_types).not.toEqual(['text/plain']);
  });

  test('a type that is forbidden by the time the file is whole is not shared', async () => {
    const room = newChatRoom();
    const png = pngFile({ bytes: 3000 });
    const { url } = await create({
      baseUrl: server().baseUrl,
      token: room.visitor,
      length: 3000,
      body: png.subarray(0, 10),
    });
    await setPolicy(room.company, { allowed_types_user: ['text/plain'] });
    const last = await patch({ url, token: room.visitor, offset: 10, body: png.subarray(10) });
    expect(refusalOf(last)).toEqual([415, 'type-not-allowed']);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
  });

  test('size, also above the settings, in one request and of parts; Tus-Max-Size is the largest of all', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { max_file_size: 3 * MIB });
    const options = await send({ method: 'OPTIONS', url: `${server().baseUrl}/api/chat/tus/` });
    expect(Number(options.headers['tus-max-size'])).toBeGreaterThanOrEqual(3 * MIB);
    const large = pngFile({ bytes: 2 * MIB });
    expect((await shareFile({ baseUrl: server().baseUrl, room, body: large })).size).toBe(2 * MIB);
    const partial = { 'upload-concat': 'partial' };
    const part = (of: ChatRoom, length: number) =>
      create({ baseUrl: server().baseUrl, token: of.visitor, length, headers: partial });
    expect([(await part(room, 2 * MIB)).status, (await part(other, 2 * MIB)).status]).toEqual([201, 413]);
    // Of a length that comes later, so that only its bytes say it.
    const deferred = await create({ baseUrl: server().baseUrl, token: other.visitor, deferLength: true });
    const tooMuch = await patch({ url: deferred.url, token: other.visitor, offset: 0, body: large });
    expect(tooMuch.status).toBe(413);
    const begun = await start(room, 2 * MIB);
    await setPolicy(room.company, { max_file_size: 10 * KIB });
    // What has begun goes on.
    expect((await patch({ url: begun.url, token: room.visitor, offset: 0, body: large })).status).toBe(204);
    expect(refusalOf(await start(room, 11 * KIB))).toEqual([413, 'file-too-large']);
  });

  test('uploads a minute, of a user and of an address', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { uploads_per_minute: 2 });
    const statuses: number[] = [];
    for (let times = 0; times < 4; times += 1) statuses.push((await start(room, 10)).status);
    expect(statuses).toEqual([201, 201, 429, 429]);
    expect((await start(room, 10)).headers['ratelimit-policy']).toBe('"user";q=2;w=60, "address";q=20;w=60');
    const many = Array.from({ length: 20 }, () => newChatRoom(room.company));
    for (const each of many) await start(each, 10);
    expect((await start(newChatRoom(room.company), 10)).status).toBe(429);
    expect((await start(other, 10)).headers['ratelimit-policy']).toBe('"user";q=50;w=60, "address";q=500;w=60');
    await setPolicy(room.company, { uploads_per_minute: 100 });
    expect((await start(room, 10)).status).toBe(201);
  });

  test('unfinished uploads, their bytes, and the quota; null is no bound', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { max_pending_uploads: 2 });
    const started = [await start(room, 10), await start(room, 10), await start(room, 10)];
    expect(started.map(({ status }) => status)).toEqual([201, 201, 429]);
    await setPolicy(room.company, { max_pending_size: 30 });
    expect([(await start(room, 10)).status, (await start(room, 1)).status]).toEqual([201, 429]);
    await setPolicy(room.company, { quota: 40 });
    expect([(await start(room, 10)).status, refusalOf(await start(room, 1))]).toEqual([201, [507, 'quota-exceeded']]);
    expect((await start(other, 100)).status).toBe(201);
    await setPolicy(room.company, { quota: null, max_pending_size: 60 * MIB });
    for (let times = 0; times < 31; times += 1) expect((await start(room, MIB)).status).toBe(201);
  });

  test('files of one side of a chat: shared and on their way; a removed one makes room, the other side has its own', async () => {
    const room = newChatRoom();
    const { baseUrl } = server();
    await setPolicy(room.company, { max_files: 3 });
    const first = await shareFile({ baseUrl, room, body: Buffer.alloc(0) });
    await shareFile({ baseUrl, room, body: Buffer.alloc(0) });
    const pending = await start(room, 10);
    expect([pending.status, refusalOf(await start(room, 0))]).toEqual([201, [507, 'quota-exceeded']]);
    const ofTheAgent = { baseUrl, token: room.agent, length: 0, metadata: { session_id: room.session } };
    expect((await create(ofTheAgent)).status).toBe(201);
    expect((await start(newChatRoom(room.company), 0)).status).toBe(201);
    await send({ method: 'DELETE', url: `${baseUrl}/api/chat/files/${first.id}/`, headers: bearer(room.visitor) });
    expect([(await start(room, 0)).status, (await start(room, 0)).status]).toEqual([201, 507]);
  });

  test('bytes a day: a file that is removed stays counted, an upload that ends without one does not', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { bytes_per_day: 10_000 });
    const file = await shareFile({ baseUrl: server().baseUrl, room, body: pngFile({ bytes: 6000 }) });
    const removed = await send({
      method: 'DELETE',
      url: `${server().baseUrl}/api/chat/files/${file.id}/`,
      headers: bearer(room.visitor),
    });
    expect(removed.status).toBe(204);
    const begun = await start(room, 4000);
    expect(refusalOf(await start(room, 1))).toEqual([507, 'quota-exceeded']);
    await send({ method: 'DELETE', url: begun.url, headers: { ...bearer(room.visitor), 'tus-resumable': '1.0.0' } });
    expect((await start(room, 3999)).status).toBe(201);
    expect(refusalOf(await start(newChatRoom(room.company), 2))).toEqual([507, 'quota-exceeded']);
    expect((await start(other, 20_000)).status).toBe(201);
  });

  test('origins: CORS, the cookie, sockets and the frame', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    const theirs = 'https://acme.example';
    await setPolicy(room.company, { allowed_origins: [theirs] });
    const call = (origin: string, token: string) => get(server().baseUrl, '/api/chat/config/', token, { origin });
    const allowed = await call(theirs, room.visitor);
    expect([allowed.status, allowed.headers['access-control-allow-origin']]).toEqual([200, theirs]);
    expect([(await call(OURS, room.visitor)).status, (await call(theirs, other.visitor)).status]).toEqual([403, 403]);
    expect((await call(OURS, other.visitor)).status).toBe(200);
    const nobodys = await call('https://evil.example', room.visitor);
    expect(nobodys.headers['access-control-allow-origin']).toBeUndefined();

    const signIn = (origin: string) =>
      send({
        method: 'POST',
        url: `${server().baseUrl}/api/auth/session/`,
        headers: { ...bearer(room.visitor), origin },
      });
    expect([(await signIn(theirs)).status, (await signIn(OURS)).status]).toEqual([204, 403]);

    const socket = (origin: string) =>
      plainSocket(`${server().baseUrl}/ws/chat/${room.company}/${room.session}/?token=${room.visitor}`, {
        headers: { origin },
      });
    const open = socket(theirs);
    await open.waitFor('connection_established');
    open.close();
    expect(await socket(OURS).refused).toMatchObject({ status: 403, code: 'forbidden' });

    const ancestors = async (company: string) =>
      (await get(server().baseUrl, `/embed/?company_id=${company}`)).headers['content-security-policy'];
    expect(await ancestors(room.company)).toMatch(`frame-ancestors 'self' ${theirs}`);
    expect(await ancestors(room.company)).not.toMatch(OURS);
    expect(await ancestors(other.company)).toMatch(`frame-ancestors 'self' ${OURS}`);
  });
});

describe('by the API', () => {
  test('it is shown, replaced and cleared as documented; a change that was not seen is 412', async () => {
    const { company } = newChatRoom();
    const expectDocumented = createExpectDocumented(jsonOf(await get(server().baseUrl, '/openapi.json')));
    const documented = (route: string, answer: WireAnswer) => {
      expectDocumented(route, answer);
      return answer;
    };
    const path = policyPath(company);
    const route = '/api/admin/companies/{company}/policy/';
    const first = documented(`GET ${route}`, await admin('GET', path));
    expect([first.headers.etag, jsonOf(first)]).toEqual([
      '"0"',
      expect.objectContaining({ policy: {}, updated_at: null }),
    ]);
    const policy = { max_file_size: 5000, allowed_types_user: ['image/*'], quota: null };
    const put = documented(`PUT ${route}`, await admin('PUT', path, policy, { 'if-match': '"0"' }));
    expect([put.status, jsonOf(put)]).toEqual([200, expect.objectContaining({ company_id: company, policy })]);
    const seen = String(put.headers.etag);
    const stale = documented(`PUT ${route}`, await admin('PUT', path, {}, { 'if-match': '"0"' }));
    expect(refusalOf(stale)).toEqual([412, 'precondition-failed']);
    expect(refusalOf(await admin('DELETE', path, undefined, { 'if-match': '"0"' }))).toEqual([
      412,
      'precondition-failed',
    ]);
    const now = await admin('GET', path);
    expect([now.headers.etag, jsonOf(now)]).toEqual([seen, expect.objectContaining({ policy })]);
    expect(jsonOf(now)).toMatchObject({ effective: { max_file_size: 5000, allowed_types_agent: expect.any(Array) } });
    expect((await admin('PUT', path, { quota: 7 }, { 'if-match': `"x", ${seen}` })).status).toBe(200);
    expect((await admin('DELETE', path, undefined, { 'if-match': '*' })).status).toBe(204);
    expect(jsonOf(await admin('GET', path))).toMatchObject({ policy: {} });
    const listed = documented('GET /api/admin/companies/', await admin('GET', '/api/admin/companies/?limit=1000'));
    expect(jsonOf<{ companies: object[] }>(listed).companies).toContainEqual(
      expect.objectContaining({ company_id: company, bytes: 0, keys: 0 }),
    );
    const page = jsonOf<{ companies: { company_id: string }[]; next_after: string }>(
      await admin('GET', '/api/admin/companies/?limit=1'),
    );
    const next = await admin('GET', `/api/admin/companies/?limit=1&after=${page.next_after}`);
    expect(jsonOf<typeof page>(next).companies[0]?.company_id).not.toBe(page.companies[0]?.company_id);
  });

  test('two that change at once from the same version: one is told', async () => {
    const { company } = newChatRoom();
    const answers = await Promise.all(
      [1, 2, 3, 4].map((quota) => admin('PUT', policyPath(company), { quota }, { 'if-match': '"0"' })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
  });

  test('every fault is named at once, and nothing is changed', async () => {
    const { company } = newChatRoom();
    const wrong = await admin('PUT', policyPath(company), {
      max_file_size: -1,
      colour: 'red',
      allowed_types_user: [],
      allowed_types_agent: ['no type'],
      allowed_origins: ['https://a.example/path'],
      jwks_url: 'http://keys.example/',
      max_pending_size: null,
      uploads_per_minute: 1.5,
    });
    expect(refusalOf(wrong)).toEqual([400, 'invalid-request']);
    for (const name of [
      'max_file_size',
      'colour',
      'allowed_types_user',
      'allowed_types_agent.0',
      'allowed_origins.0',
      'jwks_url',
      'max_pending_size',
      'uploads_per_minute',
    ])
      expect(wrong.body.toString()).toContain(`${name}:`);
    for (const body of ['[]', '7', 'null', 'x', `"${'x'.repeat(300_000)}"`]) {
      const answer = await send({
        method: 'PUT',
        url: server().baseUrl + policyPath(company),
        headers: bearer(ADMIN_TOKEN),
        body,
      });
      expect(refusalOf(answer)).toEqual([400, 'invalid-request']);
    }
    expect(jsonOf(await admin('GET', policyPath(company)))).toMatchObject({ version: 0, policy: {} });
    expect((await admin('GET', policyPath('a%2Fb'))).status).toBe(404);
  });

  test('whatever is asked for, and whatever a key or a policy says: no fault of the server', async () => {
    const { company } = newChatRoom();
    const odd = [
      '%00',
      '%FF',
      'a%00b',
      '%ED%A0%80',
      '%F0%9F%98%80',
      "'",
      '%25',
      '99999999999999999999',
      '-1',
      '1e9',
      '%0A',
    ];
    const asked = [
      ...odd.flatMap((value) => [
        `/api/admin/companies/?after=${value}`,
        `/api/admin/deletions/?company_id=${value}`,
        `/api/admin/deletions/?before=${value}`,
        `/api/admin/deletions/${value}/`,
        `/api/admin/infections/?company_id=${value}`,
        `/api/admin/infections/?cursor=${value}`,
        `/api/admin/audit/?company_id=${value}`,
        `/api/admin/audit/?cursor=${value}`,
        `/api/admin/audit/?since=${value}`,
        `/api/admin/jobs/?limit=${value}`,
        `${policyPath(value)}`,
        `/api/admin/companies/${value}/sessions/${value}/export/`,
      ]),
      '/api/admin/audit/?cursor=999999999999999',
      '/api/admin/infections/?cursor=999999999999999',
      '/api/admin/deletions/?before=9007199254740991',
      '/api/admin/deletions/999999999999999/',
      '/api/admin/audit/?since=0000-01-01&until=9999-12-31',
      '/api/admin/companies/?after=a&after=b',
    ];
    const faults: string[] = [];
    for (const path of asked) {
      const { status } = await admin('GET', path);
      if (status >= 500) faults.push(`${path}: ${status}`);
    }
    const texts = ['\u0000', 'a\u0000b', '\ud800', '\u202e', '😀', 'x'.repeat(5000), '__proto__'];
    const keysPath = `/api/admin/companies/${company}/keys/`;
    for (const text of texts) {
      const secret = text.padEnd(40, 'k');
      for (const [method, path, body] of [
        ['PUT', policyPath(company), { jwt_issuer: text }],
        ['PUT', policyPath(company), { jwt_audience: text, allowed_types_user: [text] }],
        ['PUT', policyPath(company), { jwks_url: `https://a.example/${text}` }],
        ['PUT', policyPath(company), { allowed_origins: [`https://${text}.example`] }],
        ['PUT', policyPath(company), JSON.parse(`{"__proto__": 1}`)],
        ['POST', keysPath, { key: secret }],
        ['POST', keysPath, { key: secret, id: text }],
        ['DELETE', `${keysPath}${encodeURIComponent(text.toWellFormed())}/`, undefined],
      ] as const) {
        const { status } = await admin(method, path, body);
        if (status >= 500) faults.push(`${method} ${path} ${JSON.stringify(body)}: ${status}`);
      }
    }
    expect(faults).toEqual([]);
  });

  test('no token but ADMIN_TOKEN reads or writes it', async () => {
    const room = newChatRoom();
    for (const token of [room.visitor, room.agent, agentToken(room.company), visitorToken(room.company, 's')]) {
      const headers = bearer(token);
      const url = server().baseUrl + policyPath(room.company);
      expect((await send({ method: 'PUT', url, headers, body: '{"quota":1}' })).status).toBe(401);
      expect((await send({ method: 'GET', url, headers })).status).toBe(401);
    }
    expect(jsonOf(await admin('GET', policyPath(room.company)))).toMatchObject({ version: 0 });
  });
});

describe('what happens to files', () => {
  test('pictures keep what their camera wrote where strip_metadata is off, and nowhere else', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { strip_metadata: false });
    const blank = sharp({ create: { width: 20, height: 20, channels: 3, background: 'red' } });
    const body = await blank
      .withExif({ IFD0: { Artist: 'somebody' } })
      .jpeg()
      .toBuffer();
    const sizeIn = async (chat: ChatRoom) => (await shareFile({ baseUrl: server().baseUrl, room: chat, body })).size;
    expect(await sizeIn(room)).toBe(body.length);
    expect(await sizeIn(other)).toBeLessThan(body.length);
  });

  test('large pictures are made smaller where compress_images says so, and nowhere else', async () => {
    const { baseUrl } = server();
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { compress_images: 800 });
    const body = await photo({ width: 1200, height: 900, grain: true, orientation: 6, metadata: true });
    const sent = { baseUrl, body, name: 'a.jpg' };
    const file = await shareFile({ ...sent, room });
    const stored = (await send({ method: 'GET', url: file.url })).body;
    expect(file).toMatchObject({ name: 'a.jpg', mime_type: 'image/jpeg', size: stored.length });
    expect(stored.length).toBeLessThan(body.length / 2);
    expect(await sharp(stored).metadata()).toMatchObject({ format: 'jpeg', width: 600, height: 800 });
    expect(await cornersOf(stored)).toEqual(['#0000ff', '#ff0000', '#ffff00', '#00ff00']);
    expect(await placeIn(stored)).toBeNull();
    // What comes back stays as it is: there is nothing more to gain.
    const again = await shareFile({ ...sent, room, body: stored });
    expect((await send({ method: 'GET', url: again.url })).body.equals(stored)).toBe(true);
    const elsewhere = await shareFile({ ...sent, room: other });
    expect(elsewhere.size).toBeGreaterThan(body.length * 0.9);
    const { code, stdout } = await runCommandHere(
      ['company', 'set', room.company, 'compress_images=none'],
      server().env,
    );
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^compress_images +company +none$/m)]);
    for (const wrong of [100, 20_000, '800', 800.5])
      expect((await admin('PUT', policyPath(room.company), { compress_images: wrong })).status).toBe(400);
  });

  test('encrypted documents are refused where refuse_encrypted is on, and nowhere else', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    await setPolicy(room.company, { refuse_encrypted: true });
    const body = Buffer.from(
      '%PDF-1.4\n1 0 obj <</Type/Catalog>> endobj\nxref\n0 1\n0000000000 65535 f \ntrailer <</Size 2/Root 1 0 R/Encrypt 3 0 R>>\nstartxref\n45\n%%EOF\n',
    );
    const send = (chat: ChatRoom) =>
      create({ baseUrl: server().baseUrl, token: chat.visitor, body, metadata: { filename: 'secret.pdf' } });
    expect(refusalOf(await send(room))).toEqual([422, 'encrypted']);
    expect((await listFiles(server().baseUrl, room)).count).toBe(0);
    expect((await send(other)).status).toBe(201);
  });

  test('scan_required on a server without a scanner: nothing begins, whichever way it comes, and the sentence says why', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    const { baseUrl } = server();
    const body = pngFile();
    const file = { body, name: 'a.png', type: 'image/png' };
    const partial = { 'upload-concat': 'partial' };
    const token = room.visitor;
    const part = await create({ baseUrl, token, body, headers: partial });
    expect((await config(room.visitor)).scans_files).toBe(false);
    await setPolicy(room.company, { scan_required: true });
    const answers = [
      await start(room, 100),
      await start(room, 100, room.agent),
      await create({ baseUrl, token, body }),
      await create({ baseUrl, token, length: 100, headers: partial }),
      await create({ baseUrl, token, headers: { 'upload-concat': `final;${part.url}` } }),
      await sendMultipart({ baseUrl, token, file }),
    ];
    for (const answer of answers) {
      expect(refusalOf(answer)).toEqual([503, 'scanner-unavailable']);
      expect(jsonOf<{ detail: string }>(answer).detail).toMatch(
        /no virus scanner\. Tell whoever runs it: .*CLAMAV_URL/,
      );
      expect(answer.headers['retry-after']).toBe('60');
    }
    expect((await config(room.visitor)).scans_files).toBe(true);
    expect((await listFiles(baseUrl, room)).count).toBe(0);
    expect((await create({ baseUrl, token: other.visitor, body })).status).toBe(201);
    await setPolicy(room.company, { scan_required: false });
    expect(await shareFile({ baseUrl, room, body })).toMatchObject({ scan: 'not_scanned' });
  });

  test('scan_required that comes while an upload is under way: its bytes are kept, and shared when it goes', async () => {
    const room = newChatRoom();
    const { url } = await start(room, 2000);
    await setPolicy(room.company, { scan_required: true });
    const patched = await patch({ url, token: room.visitor, offset: 0, body: pngFile({ bytes: 2000 }) });
    expect(refusalOf(patched)).toEqual([503, 'scanner-unavailable']);
    expect(jsonOf<{ detail: string }>(patched).detail).toContain('no virus scanner');
    expect((await head(url, room.visitor)).status).toBe(423);
    const states = async () => (await listUploads(server().baseUrl, room)).map(({ state }) => state);
    expect([await states(), (await listFiles(server().baseUrl, room)).count]).toEqual([['error'], 0]);
    await setPolicy(room.company, {});
    await eventually('it is shared', async () => (await head(url, room.visitor)).status === 200, 60_000);
    expect((await listFiles(server().baseUrl, room)).files).toMatchObject([{ size: 2000, scan: 'not_scanned' }]);
  });

  test('what is too old in one company is not in another', async () => {
    const [room, other] = [newChatRoom(), newChatRoom()];
    for (const chat of [room, other]) {
      await shareFile({ baseUrl: server().baseUrl, room: chat, body: pngFile() });
      await shareFile({ baseUrl: server().baseUrl, room: chat, token: chat.agent, body: pngFile() });
    }
    await setPolicy(room.company, { retention_user_seconds: 3600 });
    const database = await server().openDatabase();
    await database('chat_files').update({ created_at: Date.now() - 2 * 3_600_000 });
    await database.destroy();
    expect((await runCommandHere(['retention'], server().env)).code).toBe(0);
    expect((await listFiles(server().baseUrl, room)).files.map(({ uploader }) => uploader)).toEqual(['agent']);
    expect((await listFiles(server().baseUrl, other)).count).toBe(2);
  });
});
