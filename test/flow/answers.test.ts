/** What holds for every answer, whichever route, fault or protocol it comes from: headers, content types, methods, caches. */
import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { bearer, get, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile, textFile } from '../services/fixtures.ts';
import { routesOfServer } from '../services/server-routes.ts';
import { jsonOf, send, type WireAnswer } from '../services/wire.ts';

const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const PUBLIC_URL = 'https://files.test';
const ALLOWED = 'https://shop.test';
const server = chatdropForSuite({ env: { ADMIN_TOKEN, PUBLIC_URL, ALLOWED_ORIGINS: ALLOWED } });
const VERBS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const PAGES = ['/embed/?company_id=acme', '/dashboard/', '/admin/'];
/** Long enough for the handshake of a WebSocket that is refused. */
const HANDSHAKE = {
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

type Named = [string, WireAnswer];
let room: ChatRoom;
let routes: { path: string; verbs: string[] }[];
/** Of every route by every verb, and of what is no route. */
let answers: Named[];

beforeAll(async () => {
  room = newChatRoom();
  const { baseUrl } = server();
  const file = await shareFile({ baseUrl, room, body: pngFile(), name: 'a.png' });
  const note = await shareFile({ baseUrl, room, body: textFile(), name: 'a.txt' });
  const linkOf = ({ url }: { url: string }) => url.slice(PUBLIC_URL.length);
  routes = routesOfServer().map(({ path, verbs }) => ({
    path,
    verbs: verbs.includes('GET') ? [...verbs, 'HEAD'] : verbs,
  }));
  answers = [];
  const ask = async (method: string, path: string, headers: Record<string, string | undefined> = {}) =>
    answers.push([
      `${method} ${path}`,
      await send({ method, url: baseUrl + path, headers: { connection: 'close', ...headers } }),
    ]);
  for (const path of new Set(routes.map((route) => filled(route.path, file.id))))
    for (const method of VERBS) {
      const token = path.startsWith('/api/admin/') ? ADMIN_TOKEN : room.agent;
      // What would take something away is asked without the right to.
      await ask(
        method,
        path,
        method === 'DELETE' || method === 'PUT' ? {} : { ...bearer(token), 'tus-resumable': '1.0.0' },
      );
    }
  for (const path of [linkOf(file), linkOf(note), `${linkOf(file)}x`, '/widget.js', '/widget/chat-files.js', ...PAGES])
    await ask('GET', path);
  await ask('GET', `/api/chat/files/${file.id}/content`, { ...bearer(room.agent), range: 'bytes=9999-' });
  await ask('GET', '/openapi.json', { 'if-none-match': String((await get(baseUrl, '/openapi.json')).headers.etag) });
  await ask('GET', '/%E0%A4%A');
  await ask('GET', '/nothing/here');
  await ask('GET', '/socket.io/?EIO=4&transport=polling');
  await ask('GET', '/socket.io/?EIO=4&transport=polling', { origin: 'https://evil.test' });
  await ask('GET', '/ws/chat/acme/s/?token=x', HANDSHAKE);
  await ask('GET', '/ws/chat/acme/s/', { ...HANDSHAKE, origin: 'https://evil.test' });
  answers.push(['no HTTP at all', await raw('NONSENSE\r\n\r\n')]);
  answers.push([
    'a header that is too large',
    await raw(`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`),
  ]);
});

describe('headers that browsers obey', () => {
  test('are on every answer: HSTS, nosniff, a policy with frame-ancestors, a referrer policy, a resource policy', () => {
    expect(answers.length).toBeGreaterThan(150);
    for (const [what, { headers }] of answers) {
      expect([what, headers['strict-transport-security']]).toEqual([what, 'max-age=63072000; includeSubDomains']);
      expect([what, headers['x-content-type-options']]).toEqual([what, 'nosniff']);
      expect([what, headers['referrer-policy']]).toEqual([what, 'no-referrer']);
      expect([what, headers['cross-origin-resource-policy']]).toEqual([
        what,
        expect.stringMatching(/^(same|cross)-origin$/),
      ]);
      const policy = directivesOf(headers['content-security-policy']);
      expect([what, policy['default-src'], policy['frame-ancestors'] !== undefined]).toEqual([what, "'none'", true]);
    }
  });

  test('let other pages have what is public or has a link of its own, and nothing else', () => {
    const open = answers.filter(([, { headers }]) => headers['cross-origin-resource-policy'] === 'cross-origin');
    expect(open.length).toBeGreaterThan(3);
    for (const [what] of open) expect(what).toMatch(/^\w+ \/(?:media|widget)/);
    const bytes = answers.find(([what]) => /^GET .*\/content$/.test(what))?.[1];
    expect([bytes?.status, bytes?.headers['cross-origin-resource-policy']]).toEqual([200, 'same-origin']);
  });

  test('pages run their own scripts only, say where to report what they may not, and keep their window to themselves', () => {
    for (const page of PAGES) {
      const { status, headers } = answerOf(`GET ${page}`);
      expect([page, status, headers['content-type']]).toEqual([page, 200, 'text/html; charset=utf-8']);
      expect([page, headers['cross-origin-opener-policy']]).toEqual([page, 'same-origin']);
      expect(headers['reporting-endpoints']).toBe('csp="/api/csp-reports/"');
      const policy = directivesOf(headers['content-security-policy']);
      expect(policy).toMatchObject({
        'script-src': "'self'",
        'style-src': "'self'",
        'object-src': "'none'",
        'base-uri': "'none'",
        'form-action': "'none'",
        'report-uri': '/api/csp-reports/',
        'report-to': 'csp',
      });
      expect(String(headers['content-security-policy'])).not.toMatch(/unsafe-|\bhttp:|\bws:|\*/);
    }
    expect(directivesOf(answerOf('GET /dashboard/').headers['content-security-policy'])['frame-ancestors']).toBe(
      "'none'",
    );
    const embed = directivesOf(answerOf(`GET ${PAGES[0]}`).headers['content-security-policy']);
    expect(embed['frame-ancestors']).toBe(`'self' ${ALLOWED}`);
  });

  test('Access-Control-Allow-Origin is an allowed origin’s own name, or * on the widget’s files, and never for another', async () => {
    for (const origin of [
      'https://evil.test',
      'null',
      'https://shop.test.evil.test',
      'http://shop.test',
      `${ALLOWED}:444`,
    ])
      for (const path of [
        '/api/chat/files/',
        '/openapi.json',
        '/api/admin/jobs/',
        '/nothing',
        '/socket.io/?EIO=4&transport=polling',
      ]) {
        const { headers } = await get(server().baseUrl, path, room.agent, { origin });
        const names = Object.keys(headers).filter((name) => name.startsWith('access-control-allow-origin'));
        expect([origin, path, names]).toEqual([origin, path, []]);
      }
    const allowed = await get(server().baseUrl, '/api/chat/files/', room.agent, { origin: ALLOWED });
    expect([allowed.headers['access-control-allow-origin'], allowed.headers.vary]).toEqual([ALLOWED, 'Origin']);
    expect(answerOf('GET /widget.js').headers['access-control-allow-origin']).toBe('*');
    for (const [what, { headers }] of answers)
      if (headers['access-control-allow-origin'] === '*') expect(what).toMatch(/^\w+ \/widget/);
  });
});

describe('bodies', () => {
  test('say what they are: text with its charset, JSON that is JSON, and no body without a type', () => {
    for (const [what, { headers, body, status }] of answers) {
      if (body.length === 0) continue;
      const type = String(headers['content-type']);
      expect([what, type]).toEqual([
        what,
        expect.stringMatching(/^[a-z]+\/[a-z.+-]+(; charset=utf-8)?(; version=[\d.]+)?/i),
      ]);
      if (/^text\//.test(type)) expect([what, type]).toEqual([what, expect.stringMatching(/charset=utf-8/i)]);
      expect([what, type]).toEqual([what, expect.not.stringMatching(/xml/)]);
      if (/json/.test(type)) expect(() => JSON.parse(body.toString()), what).not.toThrow();
      if (status >= 400) expect([what, type]).toEqual([what, expect.stringMatching(/^application\/(problem\+)?json/)]);
    }
  });

  test('of errors are generic: no stack, no path, no statement, no word of the inside', () => {
    const refused = answers.filter(([, { status }]) => status >= 400);
    expect(refused.length).toBeGreaterThan(80);
    for (const [what, { body, status }] of refused) {
      expect([what, status < 500]).toEqual([what, true]);
      expect([what, body.toString()]).toEqual([
        what,
        expect.not.stringMatching(
          /node_modules|\.ts\b|\.js:\d|\bat \w+ \(|select |insert |sqlite|knex|postgres|ENOENT|eyJ/i,
        ),
      ]);
    }
  });

  test('no callback makes a script of an answer, and no script has a word of who asks for it', async () => {
    const { baseUrl } = server();
    const token = bearer(room.agent);
    const cookie = { cookie: `chatdrop=${room.agent}` };
    for (const path of ['/api/chat/files/?', '/api/chat/config/?', '/openapi.json?']) {
      const answer = await get(baseUrl, `${path}callback=run&jsonp=run`, room.agent);
      expect([path, [200, 400].includes(answer.status)]).toEqual([path, true]);
      expect([path, answer.headers['content-type']]).toEqual([
        path,
        expect.stringMatching(/^application\/(problem\+)?json/),
      ]);
      expect(() => JSON.parse(answer.body.toString())).not.toThrow();
    }
    for (const path of ['/widget.js', '/widget/chat-files.js', '/widget/dashboard.js', '/widget/embed.js']) {
      const forNobody = await send({ method: 'GET', url: baseUrl + path });
      const forSomebody = await send({ method: 'GET', url: baseUrl + path, headers: { ...token, ...cookie } });
      expect([path, forNobody.status, forSomebody.body.equals(forNobody.body)]).toEqual([path, 200, true]);
      expect(forNobody.body.toString()).not.toMatch(/eyJ[\w-]{10}/);
    }
  });
});

test('a value is a value: no quote, percent sign or statement in a query, a path or a name does more than stand there', async () => {
  const { baseUrl } = server();
  const chat = newChatRoom();
  const names = ["a' or '1'='1.png", "b'; drop table chat_files; --.png", 'c%_\\.png'];
  for (const name of names) await shareFile({ baseUrl, room: chat, body: pngFile(), name });
  const found = async (query: string) => {
    const answer = await get(baseUrl, `/api/chat/files/?${query}`, chat.visitor);
    expect(answer.status).toBe(200);
    return jsonOf<{ files: { name: string }[] }>(answer)
      .files.map(({ name }) => name)
      .sort();
  };
  const all = await found('');
  expect(all).toHaveLength(3);
  const values = ["' or 1=1 --", "x' union select 1 --", '%', '_', '\\', '*', '"', '?', '$1'];
  for (const value of values) {
    const q = encodeURIComponent(value);
    expect([value, await found(`q=${q}`)]).toEqual([value, all.filter((name) => name.includes(value))]);
    expect(await found(`mime_type=${q}`)).toEqual([]);
    // An underscore may be the name of a chat, of which there is nothing here.
    for (const path of [`/api/chat/files/${q}/`, `/api/chat/sessions/${q}/archive/`, `/api/chat/tus/${q}`])
      expect([path, (await get(baseUrl, path, chat.agent)).status >= 400]).toEqual([
        path,
        value !== '_' || !path.includes('sessions'),
      ]);
  }
  expect(await found('')).toEqual(all);
});

describe('methods', () => {
  test('that a route does not have are refused, on every route', () => {
    const byPath = new Map<string, Set<string>>();
    for (const { path, verbs } of routes) byPath.set(path, new Set([...(byPath.get(path) ?? []), ...verbs]));
    for (const [path, verbs] of byPath) {
      if (path === '/api/chat/tus/{id}') continue;
      for (const method of VERBS.filter((verb) => !verbs.has(verb) && verb !== 'OPTIONS')) {
        const { status } = answerOf(`${method} ${filled(path, 1)}`, path);
        expect([method, path, [401, 404, 405].includes(status)]).toEqual([method, path, true]);
      }
    }
    for (const method of ['GET', 'PUT', 'POST'])
      expect([method, answerOf(`${method} /api/chat/tus/x`).status]).toEqual([method, method === 'PUT' ? 401 : 404]);
  });

  test('that are safe change nothing: every route that changes something has a verb that says so', () => {
    const changing = routes.filter(({ path }) => /session|links|keys|tus$|upload$|tokens|reports/.test(path));
    const allowed = /^\/(api\/chat\/sessions|api\/admin|media|api\/chat\/files)/;
    for (const { path, verbs } of changing.filter(({ verbs }) => verbs.includes('GET'))) {
      expect([path, verbs.filter((verb) => verb !== 'GET' && verb !== 'HEAD')]).toEqual([path, []]);
      expect(path).toMatch(allowed);
    }
  });

  test('none is led from http to https: who speaks http to the API is not helped to go on', () => {
    const led = answers.filter(
      ([, { status, headers }]) => (status >= 300 && status !== 304 && status < 400) || headers.location,
    );
    expect(led.map(([what]) => what)).toEqual([]);
  });
});

describe('caches', () => {
  test('keep nothing that needs a token, and no page by the name of another file', async () => {
    const { baseUrl } = server();
    for (const path of ['/api/chat/files/', '/api/chat/config/', '/api/chat/uploads/', '/api/chat/sessions/'])
      expect([path, (await get(baseUrl, path, room.agent)).headers['cache-control']]).toEqual([path, 'no-store']);
    const admin = await get(baseUrl, '/api/admin/audit/', ADMIN_TOKEN);
    expect(admin.headers['cache-control']).toBe('no-store');
    const tricks = ['/x.css', '/x.js', ';x.css', '%2Fx.css', '%0Ax.css', '/../x.css', '.css'];
    for (const path of [
      '/dashboard',
      '/embed',
      '/api/chat/files',
      '/api/chat/config',
      '/api/auth/session',
      '/openapi.json',
    ])
      for (const trick of tricks) {
        const { status, headers } = await get(baseUrl, path + trick, room.agent);
        expect([path + trick, status >= 400, headers['cache-control']]).toEqual([path + trick, true, 'no-store']);
      }
  });
});

function filled(path: string, file: number): string {
  return path
    .replace('/files/{id}', `/files/${file}`)
    .replace('{name}', 'chat-files.js')
    .replaceAll(/\{[a-z]+\}/g, 'x');
}

function answerOf(what: string, path = ''): WireAnswer {
  const found = answers.find(
    ([name]) => name === what || (path.includes('/files/{id}') && name.replace(/files\/\d+/, 'files/1') === what),
  );
  if (found === undefined) throw new Error(`nobody asked for ${what}`);
  return found[1];
}

function directivesOf(policy: unknown): Record<string, string | undefined> {
  const parts = String(policy).split(/;\s*/);
  return Object.fromEntries(parts.map((part) => [part.split(' ')[0] ?? '', part.split(' ').slice(1).join(' ')]));
}

/** What is no request of an HTTP client; the answer is read to its end. */
function raw(text: string): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(server().port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8').on('data', (piece) => {
      answer += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => {
      const [head = '', body = ''] = answer.split('\r\n\r\n');
      const [status = '', ...lines] = head.split('\r\n');
      const headers = Object.fromEntries(
        lines.map((line) => [line.split(': ')[0]?.toLowerCase(), line.split(': ')[1]]),
      );
      resolve({ status: Number(status.split(' ')[1]), headers, body: Buffer.from(body) });
    });
  });
}
