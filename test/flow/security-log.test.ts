/** What the log tells of who was turned away and who got in, that nobody can write into it or fill it, and what ends up in no log. */
import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { bearer, codeOf, get, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, pngFile } from '../services/fixtures.ts';
import { plainSocket } from '../services/plain-socket.ts';
import { recordSocket } from '../services/socket-recorder.ts';
import { agentToken, signToken, visitorToken } from '../services/tokens.ts';
import { create } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const server = chatdropForSuite({
  env: { ADMIN_TOKEN, ADMIN_ADDRESSES: '192.0.2.0/24, 127.0.0.1', TRUST_PROXY: '1', WS_TOKEN_IN_QUERY: 'false' },
});
const WAIT_MS = 60_000;
const from = (address: string) => ({ 'x-forwarded-for': address });

// biome-ignore lint/suspicious/noExplicitAny: lines are looked into freely
type Line = Record<string, any>;

/** Whole lines only: the last one may be on its way. */
function lines(): Line[] {
  const whole = server().logs().split('\n').slice(0, -1);
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
}

const linesOf = (address: string) => lines().filter((line) => line.address === address);

async function lineOf(address: string, holds: (line: Line) => boolean = () => true): Promise<Line> {
  return eventually(`a line of ${address}`, () => linesOf(address).find(holds), WAIT_MS);
}

describe('a refusal is logged: what, when in UTC, where, from where and who', () => {
  test('a token that is none, or of another key, has expired, or is missing', async () => {
    const { company, session } = newChatRoom();
    const cases: [string, string | undefined, string][] = [
      ['192.0.2.1', 'not-a-token', 'unauthenticated'],
      [
        '192.0.2.2',
        signToken({ company_id: company, role: 'agent', sub: 'a' }, { secret: 'x'.repeat(40) }),
        'unauthenticated',
      ],
      ['192.0.2.3', visitorToken(company, session, { exp: 1 }), 'token-expired'],
      ['192.0.2.4', undefined, 'unauthenticated'],
    ];
    for (const [address, token, code] of cases) {
      await get(server().baseUrl, '/api/chat/config/?token=hidden', token, from(address));
      const line = await lineOf(address);
      expect(line).toMatchObject({ event: 'refused', code, status: 401, method: 'GET', path: '/api/chat/config/' });
      expect(line).toMatchObject({ host: hostname(), pid: server().pid, address });
      expect(line.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(Math.abs(Date.parse(line.time) - Date.now())).toBeLessThan(10 * WAIT_MS);
    }
  });

  test('what is another’s, by whoever asked for it: 404 and 403 alike', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const file = await shareFile({ baseUrl, room, body: pngFile() });
    const stranger = agentToken('another-company', 'mallory');
    await get(baseUrl, `/api/chat/files/${file.id}/`, stranger, from('192.0.2.11'));
    await get(baseUrl, `/api/chat/files/?company_id=${room.company}`, stranger, from('192.0.2.12'));
    await get(baseUrl, `/media/chat/x?expires=1&signature=abc`, undefined, from('192.0.2.13'));
    const who = { company: 'another-company', role: 'agent', subject: 'mallory', session: null };
    expect(await lineOf('192.0.2.11')).toMatchObject({ code: 'not-found', ...who });
    expect(await lineOf('192.0.2.12')).toMatchObject({ code: 'forbidden', ...who });
    expect(await lineOf('192.0.2.13')).toMatchObject({ code: 'link-invalid', path: '/media/chat/x' });
    // A wrong address of nobody is no security event.
    await get(baseUrl, '/nothing', undefined, from('192.0.2.14'));
    await get(baseUrl, '/api/chat/config/', undefined, from('192.0.2.14'));
    expect(await lineOf('192.0.2.14')).toMatchObject({ code: 'unauthenticated' });
    expect(linesOf('192.0.2.14')).toHaveLength(1);
  });

  test('a forbidden file, a foreign page with the cookie, and wrong input', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    await create({
      baseUrl,
      token: room.visitor,
      body: exeFile(),
      metadata: { filename: 'a.png' },
      headers: from('192.0.2.21'),
    });
    expect(await lineOf('192.0.2.21')).toMatchObject({
      status: 415,
      company: room.company,
      session: room.session,
      role: 'user',
    });
    const headers = { cookie: `chatdrop=${room.agent}`, origin: 'https://evil.test', ...from('192.0.2.22') };
    await send({ method: 'DELETE', url: `${baseUrl}/api/chat/files/1/`, headers });
    expect(await lineOf('192.0.2.22')).toMatchObject({ code: 'forbidden', method: 'DELETE' });
    await get(baseUrl, '/api/chat/files/?limit=x', room.agent, from('192.0.2.23'));
    expect(await lineOf('192.0.2.23')).toMatchObject({ code: 'invalid-request', company: room.company });
  });

  test('over both kinds of sockets: a handshake, an origin, and a message', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const refused = recordSocket({ baseUrl, auth: { token: 'none' }, extraHeaders: from('192.0.2.31') });
    expect(await lineOf('192.0.2.31')).toMatchObject({ event: 'refused', code: 'unauthenticated' });
    const foreign = { origin: 'https://evil.test', ...from('192.0.2.32') };
    await get(baseUrl, '/socket.io/?EIO=4&transport=polling', undefined, foreign);
    expect(await lineOf('192.0.2.32')).toMatchObject({ code: 'forbidden', path: '/socket.io/' });
    const handshake = {
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    };
    await get(baseUrl, `/ws/chat/${room.company}/${room.session}/?token=none`, undefined, {
      ...handshake,
      ...from('192.0.2.33'),
    });
    expect(await lineOf('192.0.2.33')).toMatchObject({
      code: 'unauthenticated',
      path: `/ws/chat/${room.company}/${room.session}/`,
    });
    const inside = recordSocket({ baseUrl, auth: { token: room.visitor }, extraHeaders: from('192.0.2.34') });
    await inside.waitForEvent('connection_established', WAIT_MS);
    inside.socket.emit('join', { session_id: 'of-somebody-else' });
    expect(await lineOf('192.0.2.34')).toMatchObject({
      code: 'forbidden',
      company: room.company,
      session: room.session,
    });
    refused.close();
    inside.close();
  });
});

describe('the admin token', () => {
  test('opens a route, and that is logged; guesses are logged, and end after twenty a minute from one address', async () => {
    const { baseUrl } = server();
    const ask = (token: string, address: string) => get(baseUrl, '/api/admin/jobs/', token, from(address));
    expect((await ask(ADMIN_TOKEN, '192.0.2.41')).status).toBe(200);
    expect(await lineOf('192.0.2.41')).toMatchObject({
      event: 'operator',
      status: 200,
      method: 'GET',
      path: '/api/admin/jobs/',
    });
    const statuses: number[] = [];
    for (let guess = 0; guess < 20; guess += 1)
      statuses.push((await ask(`guess-number-${guess}`, '192.0.2.42')).status);
    expect(statuses).toEqual(Array(20).fill(401));
    // Should the minute end in between, the count begins anew: then the next guesses fill it.
    const [limited, right] = await eventually(
      'the right token waits too',
      async () => {
        const answers = [await ask('another-guess', '192.0.2.42'), await ask(ADMIN_TOKEN, '192.0.2.42')] as const;
        return answers.every(({ status }) => status === 429) && answers;
      },
      WAIT_MS,
    );
    expect([codeOf(limited), codeOf(right)]).toEqual(['rate-limited', 'rate-limited']);
    expect(Number(right.headers['retry-after'])).toBeGreaterThan(0);
    expect((await ask(ADMIN_TOKEN, '192.0.2.43')).status).toBe(200);
    expect((await lineOf('192.0.2.42', ({ code }) => code === 'rate-limited')).status).toBe(429);
    expect(linesOf('192.0.2.42').filter(({ code }) => code === 'unauthenticated').length).toBeGreaterThanOrEqual(20);
    expect(server().logs()).not.toMatch(/guess-number|the-operator-and/);
  });

  test('is of no use from an address that ADMIN_ADDRESSES does not name', async () => {
    const ask = (address: string) => get(server().baseUrl, '/api/admin/jobs/', ADMIN_TOKEN, from(address));
    expect([codeOf(await ask('203.0.113.1')), (await ask('192.0.2.45')).status]).toEqual(['forbidden', 200]);
    expect((await ask('2001:db8::1')).status).toBe(403);
    expect(await lineOf('203.0.113.1')).toMatchObject({
      event: 'refused',
      code: 'forbidden',
      path: '/api/admin/jobs/',
    });
  });

  test('that is not sent is no guess: who has none may ask again', async () => {
    const { baseUrl } = server();
    for (let turn = 0; turn < 25; turn += 1)
      expect((await get(baseUrl, '/api/admin/jobs/', undefined, from('192.0.2.44'))).status).toBe(401);
    expect((await get(baseUrl, '/api/admin/jobs/', ADMIN_TOKEN, from('192.0.2.44'))).status).toBe(200);
  });
});

test('a token in the address of a WebSocket is not taken where WS_TOKEN_IN_QUERY=false, one in a header or a subprotocol is', async () => {
  const { port } = server();
  const room = newChatRoom();
  const path = `/ws/chat/${room.company}/${room.session}/`;
  const byQuery = plainSocket(`ws://127.0.0.1:${port}${path}?token=${room.visitor}`);
  expect((await byQuery.refused).status).toBe(401);
  for (const options of [
    { protocols: ['chatdrop', room.visitor] },
    { headers: { authorization: `Bearer ${room.visitor}` } },
  ]) {
    const socket = plainSocket(`ws://127.0.0.1:${port}${path}`, options);
    await socket.waitFor('connection_established');
    socket.close();
  }
});

describe('the log', () => {
  test('is lines of JSON whatever a client sends; nothing of it makes a line of its own, or names a token', async () => {
    const { baseUrl } = server();
    const room = newChatRoom();
    const forged = '/api/chat/files/%0A%7B%22level%22:10,%22msg%22:%22forged%22%7D%1B[2J';
    await get(baseUrl, forged, room.agent, from('192.0.2.51'));
    await get(baseUrl, `/api/chat/files/${room.agent}/`, room.agent, from('192.0.2.52'));
    const hostile = agentToken(room.company, 'a\n{"level":10,"msg":"forged"}\u001b[2J\u2028');
    await get(baseUrl, '/api/chat/files/0/', hostile, from('192.0.2.53'));
    expect((await lineOf('192.0.2.51')).path).toBe(forged);
    expect((await lineOf('192.0.2.52')).path).toBe('/api/chat/files/…/');
    expect((await lineOf('192.0.2.53')).subject).toContain('forged');
    expect(lines().some(({ msg }) => msg === 'forged')).toBe(false);
    expect(server().logs()).not.toContain('\u001b');
    expect(server().logs()).not.toMatch(/eyJ[\w-]{10}/);
  });

  test('is not filled by one who is refused again and again: sixty lines a minute of an address, the last says so', async () => {
    const { baseUrl } = server();
    const address = '192.0.2.61';
    const startedAt = performance.now();
    const refuse = () => get(baseUrl, '/api/chat/config/', undefined, from(address));
    for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 20 }, refuse));
    const last = await lineOf(address, ({ silent_seconds }) => silent_seconds !== undefined);
    expect(last.silent_seconds).toBeGreaterThan(0);
    // On a slow machine they may have come in more than one minute.
    const minutes = Math.floor((performance.now() - startedAt) / 60_000) + 2;
    expect(linesOf(address).length).toBeLessThanOrEqual(60 * minutes);
    await get(baseUrl, '/api/chat/config/', undefined, from('192.0.2.62'));
    await lineOf('192.0.2.62');
  });

  test('has what browsers report of the policy of a page, without queries, and nothing of what is no report', async () => {
    const url = `${server().baseUrl}/api/csp-reports/`;
    const report = (body: string, type: string, address: string) =>
      send({ method: 'POST', url, body, headers: { 'content-type': type, ...from(address) } });
    const legacy = {
      'csp-report': {
        'document-uri': 'https://files.test/dashboard/?secret=1#chat',
        'effective-directive': 'script-src-elem',
        'blocked-uri': 'https://evil.test/x.js?y',
        'line-number': 7,
      },
    };
    const said = { documentURL: 'https://files.test/embed/?c', effectiveDirective: 'img-src', blockedURL: 'inline' };
    const modern = [{ type: 'csp-violation', age: 1, url: 'https://files.test/', body: said }];
    const answers = [
      await report(JSON.stringify(legacy), 'application/csp-report', '192.0.2.71'),
      await report(JSON.stringify(modern), 'application/reports+json', '192.0.2.72'),
      await report('{"other": 1}', 'application/json', '192.0.2.73'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([204, 204, 204]);
    expect((await report('x'.repeat(20_000), 'application/csp-report', '192.0.2.74')).status).toBe(400);
    const page = 'https://files.test/dashboard/';
    expect((await lineOf('192.0.2.71')).report).toEqual({
      page,
      directive: 'script-src-elem',
      blocked: 'https://evil.test/x.js',
      line: 7,
    });
    expect((await lineOf('192.0.2.72')).report).toEqual({
      page: 'https://files.test/embed/',
      directive: 'img-src',
      blocked: 'inline',
    });
    expect(linesOf('192.0.2.73')).toEqual([]);
  });

  test('names a fault of the database with its statement, and none of the values: a key stays a secret', async () => {
    const database = await server().openDatabase();
    const secret = 'a-secret-key-of-a-company-that-nobody-may-read';
    const path = `${server().baseUrl}/api/admin/companies/${newChatRoom().company}/keys/`;
    await database.schema.renameTable('company_keys', 'company_keys_away');
    const answer = await send({
      method: 'POST',
      url: path,
      headers: bearer(ADMIN_TOKEN),
      body: JSON.stringify({ key: secret }),
    });
    await database.schema.renameTable('company_keys_away', 'company_keys');
    await database.destroy();
    expect([answer.status, codeOf(answer)]).toEqual([500, 'server-error']);
    expect(answer.body.toString()).not.toMatch(/company_keys|select|insert|sqlite/i);
    const line = await eventually('the fault is logged', () => lines().find(({ level }) => level === 50), WAIT_MS);
    expect(line.err.message).toContain('company_keys');
    expect(server().logs()).not.toContain(secret);
  });
});
