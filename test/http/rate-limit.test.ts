/** How many uploads may start in a minute: counted by user and by a visitor's address, refused with the time to wait. */
import { describe, expect, test } from 'vitest';
import { rateLimitHeaders } from '../../server/http/limit-creations.ts';
import type { CreateLimiter } from '../../server/http/limiter.ts';
import { createCreationLimits, inMemory } from '../../server/http/rate-limit.ts';
import type { Participant } from '../../server/rules/participant.ts';
import { codeOf, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import type { Chatdrop } from '../services/chatdrop-process.ts';
import { chatdropForSuite } from '../services/chatdrop-suite.ts';
import { pngFile } from '../services/fixtures.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { type Created, create, head } from '../services/tus-wire.ts';
import { jsonOf } from '../services/wire.ts';

const LIMIT = 10;
const server = chatdropForSuite({ env: { CHAT_UPLOAD_RATE_LIMIT: String(LIMIT) } });
const start = (token: string, session: string) =>
  create({ baseUrl: server().baseUrl, token, length: 100, metadata: { session_id: session, filename: 'a.png' } });

async function startMany(times: number, token: string, session: string): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => start(token, session)));
  return answers.map(({ status }) => status).sort();
}

describe('a visitor', () => {
  test('starts as many as are allowed; the next is 429 with the seconds to wait, and leaves nothing', async () => {
    const room = newChatRoom();
    expect(await startMany(LIMIT, room.visitor, room.session)).toEqual(Array(LIMIT).fill(201));
    const refused = await start(room.visitor, room.session);
    expect([refused.status, codeOf(refused), refused.url]).toEqual([429, 'rate-limited', '']);
    const wait = Number(refused.headers['retry-after']);
    expect(Number.isInteger(wait) && wait >= 1 && wait <= 60).toBe(true);
    expect(await listUploads(server().baseUrl, room)).toHaveLength(LIMIT);
  });

  test('on two devices is one user; two sessions at one address are two', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const phone = visitorToken(room.company, room.session, { sub: 'phone' });
    expect(await startMany(6, room.visitor, room.session)).toEqual(Array(6).fill(201));
    expect(await startMany(6, phone, room.session)).toEqual([...Array(4).fill(201), 429, 429]);
    expect((await start(other.visitor, other.session)).status).toBe(201);
  });

  test('who is over the limit goes on with what was started', async () => {
    const room = newChatRoom();
    const body = pngFile();
    const first = await create({ baseUrl: server().baseUrl, token: room.visitor, length: body.length });
    await startMany(LIMIT, room.visitor, room.session);
    expect((await start(room.visitor, room.session)).status).toBe(429);
    expect((await head(first.url, room.visitor)).status).toBe(200);
  });
});

describe('an agent', () => {
  test('is counted by who it is, over all sessions; another agent is another', async () => {
    const room = newChatRoom();
    const other = newChatRoom(room.company);
    const bound = agentToken(room.company, 'agent-1', other.session);
    expect(await startMany(6, room.agent, room.session)).toEqual(Array(6).fill(201));
    expect(await startMany(6, bound, other.session)).toEqual([...Array(4).fill(201), 429, 429]);
    expect((await start(agentToken(room.company, 'agent-2'), room.session)).status).toBe(201);
    expect((await start(room.visitor, room.session)).status).toBe(201);
    const stranger = newChatRoom();
    expect((await start(stranger.agent, stranger.session)).status).toBe(201);
  });
});

describe('visitors at one address', () => {
  const USER_LIMIT = 2;
  const ADDRESS_LIMIT = USER_LIMIT * 10;
  const AT_ONCE = 50;
  const env = { CHAT_UPLOAD_RATE_LIMIT: String(USER_LIMIT), PUBLIC_URL: 'https://files.example.com' };
  const behindProxy = chatdropForSuite({ env: { ...env, TRUST_PROXY: '1' } });
  const direct = chatdropForSuite({ env });
  const startFrom = (chatdrop: Chatdrop, room: ChatRoom, forwarded: string, token = room.visitor) =>
    create({
      baseUrl: chatdrop.baseUrl,
      token,
      length: 100,
      metadata: { session_id: room.session },
      headers: { 'x-forwarded-for': forwarded, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'ftp' },
    });
  /** Each with a token and a session that are new, as a page makes them that is loaded again and again. */
  const startFresh = (chatdrop: Chatdrop, addressOf: (n: number) => string) =>
    Promise.all(Array.from({ length: AT_ONCE }, (_, n) => startFrom(chatdrop, newChatRoom(), addressOf(n))));
  const countOf = (answers: Created[], status: number) => answers.filter((answer) => answer.status === status).length;

  test.each<[string, (n: number) => string]>([
    ['by its IPv4 address, whatever the client claims before it', (n) => `198.51.100.${n}, 203.0.113.1`],
    ['by its IPv6 network', (n) => `2001:db8:0:1::${n.toString(16)}`],
  ])('with fresh tokens do not escape the limit: fifty at once, counted %s', async (_name, addressOf) => {
    const answers = await startFresh(behindProxy(), addressOf);
    expect([countOf(answers, 201), countOf(answers, 429)]).toEqual([ADDRESS_LIMIT, AT_ONCE - ADDRESS_LIMIT]);
    const refused = answers.find(({ status }) => status === 429) as Created;
    expect(codeOf(refused)).toBe('rate-limited');
    expect(jsonOf<{ detail: string }>(refused).detail).toContain('this network');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
  });

  test('are not counted together with those at another, nor with agents', async () => {
    await startFresh(behindProxy(), () => '203.0.113.2');
    const room = newChatRoom();
    expect((await startFrom(behindProxy(), room, '203.0.113.2')).status).toBe(429);
    expect((await startFrom(behindProxy(), room, '203.0.113.2', room.agent)).status).toBe(201);
    expect((await startFrom(behindProxy(), room, '203.0.113.3')).status).toBe(201);
    expect((await startFrom(behindProxy(), room, '2001:db8:0:2::1')).status).toBe(201);
  });

  test('who is refused for the address has lost nothing of their own', async () => {
    await startFresh(behindProxy(), () => '203.0.113.4');
    const room = newChatRoom();
    for (let n = 0; n < 5; n += 1) expect((await startFrom(behindProxy(), room, '203.0.113.4')).status).toBe(429);
    const elsewhere = await startFrom(behindProxy(), room, '203.0.113.5');
    expect([elsewhere.status, elsewhere.headers.ratelimit]).toEqual([201, expect.stringMatching(/^"user";r=1;/)]);
  });

  test('without TRUST_PROXY the header is ignored, and that is said once', async () => {
    const answers = await startFresh(direct(), (n) => `203.0.113.${n}`);
    expect([countOf(answers, 201), countOf(answers, 429)]).toEqual([ADDRESS_LIMIT, AT_ONCE - ADDRESS_LIMIT]);
    expect(direct().logs().split('TRUST_PROXY is not set')).toHaveLength(2);
  });

  test('what else a proxy forwards changes no link', async () => {
    const room = newChatRoom();
    const created = await startFrom(behindProxy(), room, '203.0.113.6');
    expect(created.headers.location).toMatch(/^\/api\/chat\/tus\//);
    const token = agentToken(room.company, 'someone');
    const file = await shareFile({ baseUrl: behindProxy().baseUrl, room, token, body: pngFile() });
    expect(file.url).toMatch(/^https:\/\/files\.example\.com\/media\//);
  });
});

describe('the RateLimit headers', () => {
  const env = { CHAT_UPLOAD_RATE_LIMIT: '3', ALLOWED_ORIGINS: 'https://page.example' };
  const limited = chatdropForSuite({ env });
  const POLICY = '"user";q=3;w=60, "address";q=30;w=60';
  const begin = (token: string, session: string, headers = {}) =>
    create({ baseUrl: limited().baseUrl, token, length: 100, metadata: { session_id: session }, headers });

  test('say with every creation what is left, and with 429 that it is nothing; pages of other origins can read them', async () => {
    const room = newChatRoom();
    const answers: Created[] = [];
    for (let n = 0; n < 4; n += 1)
      answers.push(await begin(room.visitor, room.session, { origin: 'https://page.example' }));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 429]);
    const left = answers.map(({ headers }) =>
      /^"user";r=(\d+);t=(\d+), "address";r=(\d+);t=(\d+)$/.exec(String(headers.ratelimit)),
    );
    expect(left.map((parts) => Number(parts?.[1]))).toEqual([2, 1, 0, 0]);
    for (const parts of left) expect(Number(parts?.[2]) >= 1 && Number(parts?.[2]) <= 60).toBe(true);
    const refused = answers.at(-1) as Created;
    // "the Retry-After field value SHOULD NOT reference a point in time earlier than the end of the effective window"
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(Number(left.at(-1)?.[2]));
    for (const { headers } of answers) {
      expect(headers['ratelimit-policy']).toBe(POLICY);
      expect(String(headers['access-control-expose-headers']).split(', ')).toEqual(
        expect.arrayContaining(['RateLimit', 'RateLimit-Policy', 'Retry-After']),
      );
    }
  });

  test('come with a creation that is refused otherwise too, which is not counted; not with other requests', async () => {
    const room = newChatRoom();
    const refused = await begin(room.visitor, room.session, { 'upload-length': '-1' });
    expect([refused.status, refused.headers.ratelimit]).toEqual([400, expect.stringMatching(/^"user";r=3;t=60, /)]);
    const created = await begin(room.visitor, room.session);
    const standing = await head(created.url, room.visitor);
    expect([standing.status, standing.headers.ratelimit, standing.headers['ratelimit-policy']]).toEqual([
      200,
      undefined,
      undefined,
    ]);
  });

  test('name an agent’s own limit only', async () => {
    const room = newChatRoom();
    const { headers } = await begin(room.agent, room.session);
    expect([headers['ratelimit-policy'], headers.ratelimit]).toEqual([
      '"user";q=3;w=60',
      expect.stringMatching(/^"user";r=2;t=\d+$/),
    ]);
  });

  test('are lists of strings with whole numbers', () => {
    const standing = { quota: 5, remaining: 4, resetSeconds: 3, allowed: true };
    expect(rateLimitHeaders([{ policy: 'user', ...standing }])).toEqual({
      'RateLimit-Policy': '"user";q=5;w=60',
      RateLimit: '"user";r=4;t=3',
    });
  });
});

const limitsOfOne = (createLimiter: CreateLimiter) =>
  createCreationLimits({ policyOf: async () => ({ uploadsPerMinute: 1 }), uploadsPerMinute: 1, createLimiter });

test('partial uploads have a limit of their own, by user and by address, and none once no upload may start', async () => {
  const limits = limitsOfOne(inMemory());
  const person = (session: string): Participant => ({
    company: 'c',
    role: 'user',
    session,
    subject: null,
    expiresAt: 0,
  });
  const startParts = async (times: number, sessionOf: (n: number) => string, address: string) => {
    const parts = Array.from({ length: times }, (_, n) => limits.countPartial(person(sessionOf(n)), address));
    return (await Promise.allSettled(parts)).filter(({ status }) => status === 'fulfilled').length;
  };
  expect(await startParts(50, () => 'one', '203.0.113.1')).toBe(16);
  expect(await startParts(300, (n) => `fresh-${n}`, '203.0.113.2')).toBe(160);
  await limits.countCreation(person('two'), '203.0.113.3');
  expect(await startParts(1, () => 'two', '203.0.113.4')).toBe(0);
});

test('a flood of new users takes no more memory than there are places, and cannot push its own address out', async () => {
  const limits = limitsOfOne(inMemory(20));
  const visitor = (session: string): Participant => ({
    company: 'c',
    role: 'user',
    session,
    subject: null,
    expiresAt: 0,
  });
  let counted = 0;
  for (let n = 0; n < 500; n += 1)
    await limits.countCreation(visitor(`s${n}`), '203.0.113.1').then(
      () => (counted += 1),
      () => {},
    );
  expect(counted).toBe(10);
  await expect(limits.countCreation(visitor('new'), '203.0.113.1')).rejects.toMatchObject({ code: 'rate-limited' });
  await expect(limits.countCreation(visitor('new'), '203.0.113.2')).resolves.toBeUndefined();
});
