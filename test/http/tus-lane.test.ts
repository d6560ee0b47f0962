/** An upload is answered the same by the short way and by the long one, whatever is wrong with it. */
import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { createOrigins } from '../../server/auth/origins.ts';
import { addressOf, createHttpServer, listen } from '../../server/http/http-server.ts';
import { createAnswerProblem } from '../../server/http/problem-responses.ts';
import { createTusLane } from '../../server/http/tus-lane.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, pngFile } from '../services/fixtures.ts';
import { agentToken, brokenTokens, visitorToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import type { WireAnswer } from '../services/wire.ts';

const PAGE = 'https://shop.example';
const METRICS_TOKEN = 'a-token-for-the-metrics-of-the-lane';
const server = chatdropForSuite({
  env: {
    ALLOWED_ORIGINS: PAGE,
    CHAT_UPLOAD_RATE_LIMIT: '10',
    FILES_ORIGIN: 'http://files.example',
    PUBLIC_URL: 'http://chat.example',
    LOG_LEVEL: 'debug',
    METRICS_TOKEN,
  },
});
/** It names the method that is sent, and so changes nothing but the way. */
const LONG_WAY = 'x-http-method-override';
/** Two requests never have these in common. */
const OF_ONE_REQUEST = ['date', 'x-request-id', 'location', 'chat-file-id', 'upload-expires'];

type Headers = Record<string, string | undefined>;

describe('POST', () => {
  const post = (token: string | undefined, headers: Headers = {}, body: Buffer | undefined = pngFile()) =>
    create({ baseUrl: server().baseUrl, token, body, metadata: { filename: 'a.png' }, headers });
  test.each<[string, number, (room: ReturnType<typeof newChatRoom>, way: Headers) => Promise<WireAnswer>]>([
    ['a file', 201, ({ visitor }, way) => post(visitor, way)],
    ['an agent that names no session', 400, ({ company }, way) => post(agentToken(company), way)],
    ['a page that may', 201, ({ visitor }, way) => post(visitor, { ...way, origin: PAGE })],
    ['a page that may not', 201, ({ visitor }, way) => post(visitor, { ...way, origin: 'https://evil.example' })],
    ['no token', 401, (_room, way) => post(undefined, way)],
    ['a bad token', 401, ({ company, session }, way) => post(brokenTokens(company, session).malformed, way)],
    ['a cookie and no page', 403, ({ visitor }, way) => post(undefined, { ...way, cookie: `chatdrop=${visitor}` })],
    [
      'a cookie and a page',
      201,
      ({ visitor }, way) => post(undefined, { ...way, cookie: `chatdrop=${visitor}`, origin: PAGE }),
    ],
    ['another version', 412, ({ visitor }, way) => post(visitor, { ...way, 'tus-resumable': '0.2.2' })],
    ['no length', 400, ({ visitor }, way) => post(visitor, { ...way, 'upload-length': undefined })],
    ['a large file', 413, ({ visitor }, way) => post(visitor, { ...way, 'upload-length': String(2 ** 50) })],
    ['a program', 415, ({ visitor }, way) => post(visitor, way, exeFile(5000))],
    [
      'no bytes yet',
      201,
      ({ visitor }, way) => create({ baseUrl: server().baseUrl, token: visitor, length: 9, headers: way }),
    ],
    ['the origin of files', 404, ({ visitor }, way) => post(visitor, { ...way, host: 'files.example' })],
  ])('%s: %i', async (_what, status, ask) => {
    // Each way a room of its own: the limits of one are not the other's.
    const short = await ask(newChatRoom(), {});
    const long = await ask(newChatRoom(), { [LONG_WAY]: 'POST' });
    expect(short.status).toBe(status);
    expect(shape(short)).toEqual(shape(long));
  });

  test('above the limit', async () => {
    const [short, long] = [newChatRoom(), newChatRoom()];
    for (const { visitor } of [short, long])
      for (let n = 0; n < 10; n += 1) expect((await post(visitor)).status).toBe(201);
    const answers = [await post(short.visitor), await post(long.visitor, { [LONG_WAY]: 'POST' })] as const;
    expect(answers[0].status).toBe(429);
    expect(shape(answers[0])).toEqual(shape(answers[1]));
  });
});

describe('PATCH', () => {
  const WHOLE = pngFile();
  test.each<[string, number, Headers, Buffer?]>([
    ['all bytes', 204, {}],
    ['the first bytes', 204, {}, WHOLE.subarray(0, 100)],
    ['a wrong offset', 409, { 'upload-offset': '5' }],
    ['another type of body', 415, { 'content-type': 'text/plain' }],
    ['more than announced', 413, {}, Buffer.alloc(WHOLE.length + 1)],
    ['somebody else', 404, { authorization: `Bearer ${visitorToken('another', 'session')}` }],
  ])('%s: %i', async (_what, status, headers, body = WHOLE) => {
    const answers: WireAnswer[] = [];
    for (const way of [{}, { [LONG_WAY]: 'PATCH' }]) {
      const { visitor: token } = newChatRoom();
      const { url } = await create({ baseUrl: server().baseUrl, token, length: WHOLE.length });
      answers.push(await patch({ url, token, offset: 0, body, headers: { ...way, ...headers } }));
    }
    expect(answers[0]?.status).toBe(status);
    expect(shape(answers[0])).toEqual(shape(answers[1]));
  });
});

test('both ways are in the log with their request, and counted as the same route', async () => {
  const { visitor: token } = newChatRoom();
  const answers = [
    await create({ baseUrl: server().baseUrl, token, length: 1 }),
    await create({ baseUrl: server().baseUrl, token, length: 1, headers: { [LONG_WAY]: 'POST' } }),
  ];
  const lines = await eventually('both are in the log', () => {
    const found = server()
      .logs()
      .split('\n')
      .filter((line) => answers.some(({ headers }) => line.includes(`"request_id":"${headers['x-request-id']}"`)))
      .map((line) => JSON.parse(line));
    return found.length === 2 && found;
  });
  for (const line of lines)
    expect(line).toMatchObject({ msg: 'request', method: 'POST', path: '/api/chat/tus/', status: 201 });
  const text = await (
    await fetch(`${server().baseUrl}/metrics`, { headers: { authorization: `Bearer ${METRICS_TOKEN}` } })
  ).text();
  const routes = text.match(/^chatdrop_http_requests_total\{method="POST",[^}]*status="201"\}/gm);
  expect(routes).toEqual(['chatdrop_http_requests_total{method="POST",route="/api/chat/tus",status="201"}']);
});

test('an answer that cannot be sent ends the connection, is in the log, and is no other request’s matter', async () => {
  const lines: unknown[] = [];
  const log = pino({}, { write: (line) => void lines.push(JSON.parse(line)) });
  const caller = { company: 'c', role: 'user', session: 's', subject: null, expiresAt: 0, signedBy: 'a key' } as const;
  const http = createHttpServer();
  const lane = createTusLane({
    log,
    path: '/tus',
    tus: {
      said: {},
      // No header may hold a line break: Node refuses the whole head.
      post: async (answer) => answer.set('Location', answer.req.headers['x-name'] === undefined ? '/tus/a' : '/tus/\n'),
      patch: async () => {},
    },
    origins: createOrigins({ allowedOrigins: [], publicUrl: undefined, development: false }),
    authenticateToken: async () => caller,
    clientAddress: () => '192.0.2.1',
    creationLimits: { standings: async () => [] },
    answerProblem: createAnswerProblem(log, { refused: () => {} }),
    noteAnswer: () => {},
    draining: new AbortController().signal,
  });
  http.on('request', (request, response) => void lane(request, response));
  await listen(http, '127.0.0.1', 0);
  const ask = (headers: Record<string, string>) =>
    fetch(`${addressOf(http, '127.0.0.1')}/tus`, {
      method: 'POST',
      headers: { authorization: 'Bearer a', ...headers },
    });
  try {
    await expect(ask({ 'x-name': 'b' })).rejects.toThrow('fetch failed');
    expect(lines).toMatchObject([{ level: 50, method: 'POST', path: '/tus', msg: 'an answer could not be sent' }]);
    expect((await ask({})).headers.get('location')).toBe('/tus/a');
    expect(lines).toHaveLength(1);
  } finally {
    http.closeAllConnections();
    http.close();
  }
});

function shape(answer: WireAnswer | undefined): unknown {
  if (answer === undefined) return undefined;
  const headers = Object.entries(answer.headers).filter(([name]) => !OF_ONE_REQUEST.includes(name));
  return {
    status: answer.status,
    there: OF_ONE_REQUEST.map((name) => name in answer.headers),
    // Seconds pass, and both count at the same address.
    headers: headers.map(([name, value]) => `${name}: ${String(value).replace(/(;[rt]=|^)\d+/g, '$1N')}`).sort(),
    body: answer.body
      .toString()
      .replace(/"request_id":"\w+"/, '')
      .replace(/in \d+ seconds/, ''),
  };
}
