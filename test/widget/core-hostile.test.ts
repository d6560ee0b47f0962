/** The widget's core among answers that are none, absurd waits, and clocks that jump. */
import { expect, test } from 'vitest';
import { createHostTokens } from '../../widget/frame/host-tokens.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { coreSuite, MIB, TUS } from '../services/core-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4Stream, pngFile, sha256Of, textFile } from '../services/fixtures.ts';

const LONG_MS = 60_000;
const suite = coreSuite();

test.each([
  [503, '0'],
  [429, 'Thu, 01 Jan 1970 00:00:00 GMT'],
])('%i with Retry-After “%s” again and again: no storm of requests, and then it goes on', async (status, wait) => {
  const room = newChatRoom();
  const core = await suite.open();
  await core.start({ companyId: room.company, sessionId: room.session, jwt: room.visitor });
  await core.until('live', ({ connection }) => connection.state === 'live');
  let refused = 0;
  suite.front.setRule(({ method, path }) => {
    if (method !== 'POST' || !path.startsWith(TUS)) return undefined;
    refused += 1;
    return { status, headers: { 'retry-after': wait } };
  });
  await core.add(await suite.fileNamed('patient.txt', textFile(500)));
  await core.until('refused for the third time', () => refused >= 3);
  const before = refused;
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(refused - before).toBeLessThanOrEqual(3);
  suite.front.setRule(null);
  await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0, LONG_MS);
});

test(
  'a captive portal answers everything with its own page: the upload waits, and goes on where it was',
  async () => {
    const room = newChatRoom();
    const core = await suite.open();
    await core.start({ companyId: room.company, sessionId: room.session, jwt: room.visitor });
    await core.until('live', ({ connection }) => connection.state === 'live');
    suite.wire.rate(3 * MIB);
    await core.add(await suite.bigFile('portal.mp4', 24));
    await core.until('under way', ({ uploads }) => (uploads[0]?.sentBytes ?? 0) > 6 * MIB);
    const page = { status: 200, headers: { 'content-type': 'text/html' }, body: '<h1>Welcome to the train</h1>' };
    suite.front.refuseSockets(true);
    suite.front.setRule(({ path }) => (path.startsWith('/api/') ? page : undefined));
    await core.until('waits', ({ uploads }) => uploads[0]?.status === 'waiting', LONG_MS);
    // All else that asks meanwhile is none the wiser either, and breaks nothing.
    await core.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    suite.front.setRule(null);
    suite.front.refuseSockets(false);
    suite.wire.rate(Number.POSITIVE_INFINITY);
    await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0, LONG_MS);
    expect(suite.front.count('POST', TUS)).toBe(1);
    expect(await suite.sha256Of(room, 'portal.mp4')).toBe(await sha256Of(mp4Stream(24 * MIB)));
  },
  LONG_MS * 2,
);

test(
  'a phone whose clock is set back an hour, in the middle of a creation whose answer is lost: a few requests, one upload',
  async () => {
    const room = newChatRoom();
    const core = await suite.open(() => {
      const real = Date.now;
      Object.assign(globalThis, { clockOffsetMs: 0 });
      Date.now = () => real() + (globalThis as unknown as { clockOffsetMs: number }).clockOffsetMs;
    });
    await core.start({ companyId: room.company, sessionId: room.session, jwt: room.visitor });
    await core.until('live', ({ connection }) => connection.state === 'live');
    let lost = 0;
    suite.front.setRule(({ method, path }) => {
      if (method !== 'POST' || !path.startsWith(TUS)) return undefined;
      lost += 1;
      return 'mute';
    });
    await core.add(await suite.fileNamed('clock.png', pngFile({ bytes: 300_000 })));
    await eventually('the creation is lost', () => lost > 0);
    await core.page.evaluate(() => Object.assign(globalThis, { clockOffsetMs: -3_600_000 }));
    const asked = () => suite.front.count('GET', '/api/chat/uploads/');
    const before = asked();
    await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0, LONG_MS);
    expect(asked() - before).toBeLessThan(15);
    expect(lost).toBe(1);
  },
  LONG_MS * 2,
);

test('a page whose getToken hangs once is asked again; its late answer counts too', async () => {
  let asked = 0;
  const tokens = createHostTokens(() => {
    asked += 1;
  });
  const [first, second] = [tokens.get(), tokens.get()];
  expect(asked).toBe(2);
  tokens.receive('late');
  expect(await Promise.all([first, second])).toEqual(['late', 'late']);
  const third = tokens.get();
  tokens.receive(null);
  await expect(third).rejects.toThrow('no token');
});
