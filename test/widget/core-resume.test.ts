/** The widget's core goes on by itself through everything a network and a server do, and never sends a byte twice that was kept. */
import { appendFile, open } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { listFiles, listUploads } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import type { CorePage } from '../services/core-page.ts';
import { coreSuite, MIB, TUS } from '../services/core-suite.ts';
import { eventually } from '../services/eventually.ts';
import { mp4Stream, pngFile, sha256Of } from '../services/fixtures.ts';

/** Waits in here are the core's own deadlines: 10 and 20 seconds. */
const LONG_MS = 120_000;
/** Bytes a second: a busy browser is asked in time, and does what it is told before the file is there. */
const SLOW = 3 * MIB;
const suite = coreSuite();
const optionsOf = ({ company, session, visitor }: ChatRoom) => ({
  companyId: company,
  sessionId: session,
  jwt: visitor,
});

async function visitorPage(room: ChatRoom): Promise<CorePage> {
  const core = await suite.open();
  await core.start(optionsOf(room));
  await core.until('live', ({ connection }) => connection.state === 'live');
  return core;
}

const shared =
  (name: string) =>
  ({ files, uploads }: Awaited<ReturnType<CorePage['state']>>) =>
    files.some((file) => file.name === name) && uploads.length === 0;

const onItsWay =
  (bytes: number) =>
  ({ uploads }: Awaited<ReturnType<CorePage['state']>>) =>
    (uploads[0]?.sentBytes ?? 0) > bytes;

/** One upload was made, the file came once, and its bytes are right. */
async function expectOnce(room: ChatRoom, core: CorePage, name: string, mebibytes: number): Promise<void> {
  expect((await core.shared()).map((file) => file.name)).toEqual([name]);
  expect((await listFiles(suite.server.baseUrl, room)).count).toBe(1);
  expect(suite.front.count('POST', TUS)).toBe(1);
  expect(suite.front.count('DELETE', TUS)).toBe(0);
  expect(await suite.sha256Of(room, name)).toBe(await sha256Of(mp4Stream(mebibytes * MIB)));
}

describe('while the page lives', () => {
  test(
    'an answer to the creation is lost, then a HEAD and a PATCH fall into a black hole',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      const left = new Map<string, 'mute' | 'swallow'>([
        ['POST', 'mute'],
        ['HEAD', 'swallow'],
        ['PATCH', 'swallow'],
      ]);
      suite.front.setRule(({ method, path }) => {
        const action = path.startsWith(TUS) ? left.get(method) : undefined;
        left.delete(method);
        return action;
      });
      await core.add(await suite.bigFile('hole.mp4', 12));
      await core.until('shared', shared('hole.mp4'), LONG_MS);
      expect(left.size).toBe(0);
      await expectOnce(room, core, 'hole.mp4', 12);
      expect(await listUploads(suite.server.baseUrl, room)).toEqual([]);
    },
    LONG_MS,
  );

  test(
    '423, 429, 500, 503, 401 and a proxy’s own page, on every verb: the reasons are told, nothing is sent anew',
    async () => {
      const room = newChatRoom();
      const core = await suite.open();
      await core.start({ companyId: room.company, sessionId: room.session }, () => room.visitor);
      const left: Record<string, { status: number; headers?: Record<string, string>; body?: string }[]> = {
        POST: [
          { status: 429, headers: { 'Retry-After': '1' } },
          { status: 429, headers: { 'Retry-After': '1' } },
          { status: 503 },
        ],
        PATCH: [{ status: 500 }, { status: 423 }, { status: 502, body: '<html>Bad Gateway' }, { status: 401 }],
        HEAD: [{ status: 503 }, { status: 401 }, { status: 423 }],
      };
      suite.front.setRule(({ method, path }) => (path.startsWith(TUS) ? left[method]?.shift() : undefined));
      await core.add(await suite.bigFile('faults.mp4', 12));
      await core.until('shared', shared('faults.mp4'), LONG_MS);
      expect(Object.values(left).flat()).toEqual([]);
      const seen = await core.page.evaluate(() => globalThis.core.seen);
      for (const reason of ['rate-limit', 'server', 'busy', 'token']) expect(seen).toContain(`waiting:${reason}`);
      expect(seen).not.toContain('failed');
      expect((await listFiles(suite.server.baseUrl, room)).count).toBe(1);
      // Three were refused by the front: one reached the server.
      expect(suite.front.count('POST', TUS)).toBe(4);
      expect(await suite.sha256Of(room, 'faults.mp4')).toBe(await sha256Of(mp4Stream(12 * MIB)));
    },
    LONG_MS,
  );

  test(
    'offline for a while: it says that it waits for the network, and goes on',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      suite.wire.rate(SLOW);
      await core.add(await suite.bigFile('offline.mp4', 24));
      await core.until('on its way', onItsWay(6 * MIB));
      await core.page.context().setOffline(true);
      await core.until('waits', ({ uploads }) => uploads[0]?.wait?.reason === 'network');
      suite.wire.rate(Number.POSITIVE_INFINITY);
      await core.page.context().setOffline(false);
      await core.until('shared', shared('offline.mp4'), LONG_MS);
      await expectOnce(room, core, 'offline.mp4', 24);
      expect(suite.front.requests.filter(({ status }) => status === 409 || status === 412)).toEqual([]);
    },
    LONG_MS,
  );

  test(
    'the network is switched under it: every connection is cut',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      suite.wire.rate(SLOW);
      await core.add(await suite.bigFile('switch.mp4', 24));
      for (const place of [4, 10, 16]) {
        await core.until('on its way', onItsWay(place * MIB));
        suite.wire.cut();
      }
      suite.wire.rate(Number.POSITIVE_INFINITY);
      await core.until('shared', shared('switch.mp4'), LONG_MS);
      await expectOnce(room, core, 'switch.mp4', 24);
    },
    LONG_MS,
  );

  test(
    'the server is killed and started again',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      suite.wire.rate(SLOW);
      await core.add(await suite.bigFile('restart.mp4', 30));
      await core.until('on its way', onItsWay(8 * MIB));
      await suite.server.kill('SIGKILL');
      await core.until('waits', ({ uploads }) => uploads[0]?.status === 'waiting');
      suite.wire.rate(Number.POSITIVE_INFINITY);
      await suite.server.restart();
      await core.until('shared', shared('restart.mp4'), LONG_MS);
      await expectOnce(room, core, 'restart.mp4', 30);
    },
    LONG_MS,
  );

  test(
    'a server that forgets an upload gets it anew, as one file',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      suite.wire.rate(SLOW);
      await core.add(await suite.bigFile('forgotten.mp4', 12));
      const { uploads } = await core.until('on its way', onItsWay(2 * MIB));
      await core.page.evaluate((id) => globalThis.core.chat.pause(id), uploads[0]?.id ?? '');
      const [upload] = await eventually('it is listed', async () => {
        const listed = await listUploads(suite.server.baseUrl, room);
        return listed.length === 1 && listed;
      });
      await core.page.evaluate(
        async ([url, token]) => {
          const headers = { Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0' };
          await fetch(String(url), { method: 'DELETE', headers });
        },
        [upload?.upload_url, room.visitor],
      );
      suite.wire.rate(Number.POSITIVE_INFINITY);
      await core.page.evaluate((id) => globalThis.core.chat.resume(id), uploads[0]?.id ?? '');
      await core.until('shared', shared('forgotten.mp4'), LONG_MS);
      expect(suite.front.count('POST', TUS)).toBe(2);
      expect((await listFiles(suite.server.baseUrl, room)).count).toBe(1);
    },
    LONG_MS,
  );

  test(
    'a tab that sleeps while its connections die wakes up and goes on',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      suite.wire.rate(SLOW);
      await core.add(await suite.bigFile('sleep.mp4', 24));
      await core.until('on its way', onItsWay(6 * MIB));
      const lifecycle = await core.page.context().newCDPSession(core.page);
      await lifecycle.send('Page.setWebLifecycleState', { state: 'frozen' });
      suite.wire.hole(true);
      await new Promise((resolve) => setTimeout(resolve, 12_000));
      suite.wire.hole(false);
      suite.wire.rate(Number.POSITIVE_INFINITY);
      await lifecycle.send('Page.setWebLifecycleState', { state: 'active' });
      await core.until('shared', shared('sleep.mp4'), LONG_MS);
      await expectOnce(room, core, 'sleep.mp4', 24);
    },
    LONG_MS,
  );
});

describe('after the page', () => {
  test(
    'the tab is killed in the middle; another device goes on under another name, and elsewhere the offer goes',
    async () => {
      const room = newChatRoom();
      const path = await suite.bigFile('phone.mp4', 30);
      const renamed = await suite.bigFile('IMG_0001.mp4', 30);
      const other = await suite.bigFile('other.mp4', 30, 7);
      const killed = await visitorPage(room);
      suite.wire.rate(SLOW);
      await killed.add(path);
      await killed.until('on its way', onItsWay(8 * MIB));
      await killed.page.close();

      const [device, watching] = [await visitorPage(room), await visitorPage(room)];
      const { unfinished } = await device.until('offered', (state) => state.unfinished.length === 1);
      expect(unfinished[0]?.offset).toBeGreaterThan(4 * MIB);
      await watching.until('offered there too', (state) => state.unfinished.length === 1);
      const id = unfinished[0]?.id ?? '';
      expect(await device.goOn(id, other)).toBe(false);
      suite.wire.rate(Number.POSITIVE_INFINITY);
      expect(await device.goOn(id, renamed)).toBe(true);
      await device.until('shared', shared('phone.mp4'), LONG_MS);
      await watching.until('no offer', (state) => state.unfinished.length === 0 && state.files.length === 1);
      await expectOnce(room, device, 'phone.mp4', 30);
      const offsets = suite.front.requests
        .filter(({ method, path: to }) => method === 'PATCH' && to.startsWith(TUS))
        .map(({ headers }) => Number(headers['upload-offset']));
      expect(offsets.toSorted((a, b) => a - b)).toEqual(offsets);
    },
    LONG_MS,
  );

  test(
    'what moves in another window is shown as that, and never offered',
    async () => {
      const room = newChatRoom();
      const sender = await visitorPage(room);
      suite.wire.rate(MIB);
      await sender.add(await suite.bigFile('moving.mp4', 36));
      await sender.until('on its way', onItsWay(2 * MIB));
      const beside = await suite.openBeside(sender);
      await beside.start(optionsOf(room));
      const state = await beside.until('seen there', ({ incoming }) => incoming.length === 1);
      expect(state.incoming[0]).toMatchObject({ name: 'moving.mp4', uploader: 'user', state: 'uploading' });
      const offered = beside.until('offered', ({ unfinished }) => unfinished.length > 0, 4000);
      await expect(offered).rejects.toThrow('offered');
      suite.wire.rate(Number.POSITIVE_INFINITY);
      await beside.until('shared', (now) => now.files.length === 1 && now.incoming.length === 0, LONG_MS);
      expect((await beside.state()).unfinished).toEqual([]);
    },
    LONG_MS,
  );

  test('an upload that is given up is offered no more, and is gone on the server', async () => {
    const room = newChatRoom();
    const first = await visitorPage(room);
    suite.wire.rate(SLOW);
    await first.add(await suite.bigFile('discard.mp4', 20));
    await first.until('on its way', onItsWay(4 * MIB));
    await first.page.reload();
    await first.page.waitForFunction(() => globalThis.core !== undefined);
    await first.start(optionsOf(room));
    const { unfinished } = await first.until('offered', (state) => state.unfinished.length === 1);
    await first.page.evaluate((id) => globalThis.core.chat.discard(id), unfinished[0]?.id ?? '');
    expect((await first.state()).unfinished).toEqual([]);
    expect(await listUploads(suite.server.baseUrl, room)).toEqual([]);
  });
});

describe('files that are not what they were', () => {
  test(
    'changed on disk: it asks for the file again, and what was edited between the samples begins anew',
    async () => {
      const room = newChatRoom();
      const core = await visitorPage(room);
      suite.wire.rate(SLOW);
      const path = await suite.bigFile('edited.mp4', 24);
      await core.add(path);
      await core.until('on its way', onItsWay(6 * MIB));
      const handle = await open(path, 'r+');
      await handle.write(Buffer.from('other bytes'), 0, 11, 2 * MIB);
      await handle.close();
      const { uploads } = await core.until('asks', (state) => state.uploads[0]?.status === 'choose-again');
      const id = uploads[0]?.id ?? '';
      expect(await core.chooseAgain(id, await suite.bigFile('another.mp4', 24, 5))).toBe(false);
      suite.wire.rate(Number.POSITIVE_INFINITY);
      expect(await core.chooseAgain(id, path)).toBe(true);
      await core.until('shared', shared('edited.mp4'), LONG_MS);
      const expected = await suite.fileNamed('copy.bin', Buffer.alloc(0));
      for await (const chunk of mp4Stream(24 * MIB)) await appendFile(expected, chunk as Buffer);
      const copy = await open(expected, 'r+');
      await copy.write(Buffer.from('other bytes'), 0, 11, 2 * MIB);
      const bytes = await copy.readFile();
      await copy.close();
      expect(await suite.sha256Of(room, 'edited.mp4')).toBe(await sha256Of(bytes));
      expect((await listFiles(suite.server.baseUrl, room)).count).toBe(1);
    },
    LONG_MS,
  );

  test('two small pictures that differ in one byte are two files, also to a resume', async () => {
    const room = newChatRoom();
    const core = await visitorPage(room);
    const one = pngFile({ bytes: 2 * MIB, seed: 1 });
    const two = Buffer.from(one);
    two[MIB] = (two[MIB] ?? 0) ^ 1;
    suite.front.setRule(({ method, path }) => (method === 'PATCH' && path.startsWith(TUS) ? 'swallow' : undefined));
    await core.add(await suite.fileNamed('one.png', one));
    await eventually('the creation and a PATCH', () => suite.front.count('PATCH', TUS) === 1);
    await core.page.reload();
    await core.page.waitForFunction(() => globalThis.core !== undefined);
    await core.start(optionsOf(room));
    const { unfinished } = await core.until('offered', (state) => state.unfinished.length === 1);
    expect(await core.goOn(unfinished[0]?.id ?? '', await suite.fileNamed('two.png', two))).toBe(false);
  });
});
