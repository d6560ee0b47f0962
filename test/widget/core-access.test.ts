/** The widget's core with tokens that end, tokens that come later, the cookie, and those that are refused. */
import { expect, test } from 'vitest';
import { listFiles, shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { coreSuite, MIB, TUS } from '../services/core-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4Stream, pngFile, sha256Of } from '../services/fixtures.ts';
import { agentToken, nowSeconds, signToken, visitorToken } from '../services/tokens.ts';

const LONG_MS = 240_000;
/** Long enough to be let in and to begin an upload, on any machine; shorter than that upload takes. */
const SHORT_SECONDS = 10;
const suite = coreSuite();

test(
  '50 MB with tokens of three seconds: one creation, no restart, one renewal for all who ask',
  async () => {
    const room = newChatRoom();
    const core = await suite.open();
    const givenAt: number[] = [];
    await core.start({ companyId: room.company, sessionId: room.session }, () => {
      givenAt.push(performance.now());
      const iat = nowSeconds();
      return visitorToken(room.company, room.session, { iat, exp: iat + 3 });
    });
    await core.until('live', ({ connection }) => connection.state === 'live');
    suite.wire.rate(6 * MIB);
    await core.add(await suite.bigFile('tokens.mp4', 50));
    await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0, LONG_MS);
    expect(givenAt.length).toBeGreaterThan(2);
    // None is renewed within a second, however many ask; a busy machine only takes longer between two.
    const gaps = givenAt.slice(1).map((at, index) => at - Number(givenAt[index]));
    expect(Math.min(...gaps)).toBeGreaterThan(900);
    expect(suite.front.count('POST', TUS)).toBe(1);
    expect(await suite.sha256Of(room, 'tokens.mp4')).toBe(await sha256Of(mp4Stream(50 * MIB)));
    expect(await core.page.evaluate(() => globalThis.core.errors)).toEqual([]);
  },
  LONG_MS,
);

test(
  'a jwt alone runs out in the middle: it says so, waits without asking the server, and setToken sets all going',
  async () => {
    const room = newChatRoom();
    const core = await suite.open();
    const film = await suite.bigFile('signed-out.mp4', 40);
    const jwt = visitorToken(room.company, room.session, { exp: nowSeconds() + SHORT_SECONDS });
    await core.start({ companyId: room.company, sessionId: room.session, jwt });
    await core.until('live', ({ connection }) => connection.state === 'live');
    suite.wire.rate(2 * MIB);
    await core.add(film);
    const waiting = await core.until('expired', ({ access, uploads }) => {
      return access === 'expired' && uploads[0]?.wait?.reason === 'sign-in';
    });
    expect(waiting.uploads[0]?.sentBytes).toBeGreaterThan(0);
    const errors = await core.page.evaluate(() => globalThis.core.errors);
    expect(errors.map(({ code }) => code)).toEqual(['token-expired']);
    await core.until('not live', ({ connection }) => connection.state === 'reconnecting');
    const asked = suite.front.requests.length;
    await core.page.evaluate((id) => globalThis.core.chat.retry(id), waiting.uploads[0]?.id ?? '');
    await core.until('waits again', ({ uploads }) => uploads[0]?.wait?.reason === 'sign-in');
    expect(suite.front.requests.length).toBe(asked);

    suite.wire.rate(Number.POSITIVE_INFINITY);
    await core.page.evaluate((token) => globalThis.core.chat.setToken(token), room.visitor);
    const done = await core.until(
      'shared',
      ({ files, uploads }) => files.length === 1 && uploads.length === 0,
      LONG_MS,
    );
    expect(done.access).toBe('ok');
    await core.until('live again', ({ connection }) => connection.state === 'live');
    expect(suite.front.count('POST', TUS)).toBe(1);
    expect(await suite.sha256Of(room, 'signed-out.mp4')).toBe(await sha256Of(mp4Stream(40 * MIB)));
  },
  LONG_MS,
);

test(
  'a getToken that fails for a while: access is lost and comes back by itself',
  async () => {
    const room = newChatRoom();
    const core = await suite.open();
    let isDown = true;
    await core.start({ companyId: room.company, sessionId: room.session }, () => {
      if (isDown) throw new Error('the page’s own server is away');
      return room.visitor;
    });
    await core.add(await suite.fileNamed('later.png', pngFile({ bytes: 300_000 })));
    await core.until('waits', ({ access, uploads }) => {
      return access === 'expired' && uploads[0]?.wait?.reason === 'sign-in';
    });
    expect(suite.front.count('GET', '/api/')).toBe(0);
    isDown = false;
    const { access } = await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0);
    expect(access).toBe('ok');
  },
  LONG_MS,
);

test(
  'with neither jwt nor getToken the cookie speaks: for list, upload and socket, and the server says which side it is',
  async () => {
    const room = newChatRoom();
    await shareFile({ baseUrl: suite.server.baseUrl, room, body: pngFile(), name: 'before.png' });
    const core = await suite.open();
    const url = suite.baseUrl;
    await core.page
      .context()
      .addCookies([{ name: 'chatdrop', value: room.agent, url, httpOnly: true, sameSite: 'Lax' }]);
    await core.start({ companyId: room.company, sessionId: room.session, jwt: undefined });
    await core.until('live', ({ connection }) => connection.state === 'live');
    await core.add(await suite.bigFile('cookie.mp4', 8));
    await core.until('shared', ({ files, uploads }) => files.length === 2 && uploads.length === 0);
    const { files, side } = await core.state();
    expect(side).toBe('agent');
    expect(files.map(({ uploader }) => uploader)).toEqual(['user', 'agent']);
    const sides = await core.page.evaluate(() => globalThis.core.sides);
    expect([...new Set(sides)]).toEqual(['agent']);
    const calls = suite.front.requests.filter(({ path }) => path.startsWith('/api/'));
    expect(calls.length).toBeGreaterThan(5);
    expect(calls.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
  },
  LONG_MS,
);

test(
  'the cookie ends, and is renewed by another tab: the upload goes on when this one is looked at',
  async () => {
    const room = newChatRoom();
    const core = await suite.open();
    const cookie = { name: 'chatdrop', url: suite.baseUrl, httpOnly: true };
    const film = await suite.bigFile('cookie-ends.mp4', 40);
    const short = visitorToken(room.company, room.session, { exp: nowSeconds() + SHORT_SECONDS });
    await core.page.context().addCookies([{ ...cookie, value: short }]);
    await core.start({ companyId: room.company, sessionId: room.session });
    suite.wire.rate(2 * MIB);
    await core.add(film);
    await core.until('signed out', ({ access, uploads }) => {
      return access === 'expired' && uploads[0]?.wait?.reason === 'sign-in';
    });
    await core.page.context().addCookies([{ ...cookie, value: room.visitor }]);
    suite.wire.rate(Number.POSITIVE_INFINITY);
    await core.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0, LONG_MS);
    expect(suite.front.count('POST', TUS)).toBe(1);
  },
  LONG_MS,
);

test(
  'an agent’s token says its side at once; another company’s is refused, and so is a forged one',
  async () => {
    const room = newChatRoom();
    const core = await suite.open();
    const options = { companyId: room.company, sessionId: room.session };
    const sides = await core.page.evaluate(
      ([given, agent, visitor]) => {
        const create = (jwt: string) => {
          const chat = globalThis.core.createChatFiles({ ...given, jwt });
          const { side } = chat;
          chat.destroy();
          return side;
        };
        return [create(agent), create(visitor)];
      },
      [options, room.agent, room.visitor] as const,
    );
    expect(sides).toEqual(['agent', 'user']);

    await core.start({ ...options, jwt: agentToken('another-company') });
    await core.until('refused', ({ access, connection }) => access === 'refused' && connection.state === 'refused');
    expect(await core.page.evaluate(() => globalThis.core.errors.map(({ code }) => code))).toEqual(['forbidden']);
    await core.page.evaluate((token) => globalThis.core.chat.setToken(token), room.agent);
    await core.until('let in', ({ access, connection }) => access === 'ok' && connection.state === 'live');

    const forged = await suite.open();
    const jwt = signToken(
      { company_id: room.company, session_id: room.session, role: 'user' },
      { secret: 'another-secret-of-more-than-thirty-two-bytes' },
    );
    const before = suite.front.requests.length;
    const asked = (isSocket: boolean) =>
      suite.front.requests.slice(before).filter(({ path }) => path.startsWith('/socket.io/') === isSocket);
    await forged.start({ ...options, jwt });
    await forged.until('refused', ({ access }) => access === 'refused');
    expect(await forged.page.evaluate(() => globalThis.core.errors.map(({ code }) => code))).toEqual([
      'unauthenticated',
    ]);
    // The configuration, the list, and the unfinished uploads; a connection may be on its way when they are refused.
    await eventually('three are refused', () => asked(false).filter(({ status }) => status === 401).length === 3);
    await forged.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 3000)));
    expect(asked(false)).toHaveLength(3);
    expect(asked(true).length).toBeLessThanOrEqual(1);
    expect((await listFiles(suite.server.baseUrl, room)).count).toBe(0);
  },
  LONG_MS,
);
