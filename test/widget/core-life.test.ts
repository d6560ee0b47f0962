/** The widget's core over its life: callbacks, several files, storage that is blocked, the wake lock, transform, and its end. */
import { expect, onTestFinished, test } from 'vitest';
import { bearer, listFiles, listUploads, shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { launchWholeChromium } from '../services/chromium.ts';
import type { CorePage } from '../services/core-page.ts';
import { coreSuite, MIB, TUS } from '../services/core-suite.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, pngFile, sha256Of, textFile } from '../services/fixtures.ts';
import { send } from '../services/wire.ts';

declare global {
  /** Requests that the page made after `destroy`. */
  var sentLate: number;
}

const LONG_MS = 120_000;
const suite = coreSuite();
const optionsOf = ({ company, session }: ChatRoom, jwt: string) => ({ companyId: company, sessionId: session, jwt });

async function livePage(room: ChatRoom, jwt = room.visitor, init?: () => void): Promise<CorePage> {
  const core = await suite.open(init);
  await core.start(optionsOf(room, jwt));
  await core.until('live', ({ connection }) => connection.state === 'live');
  return core;
}

test('ten files at once: each is shared once, and both sides are told once of each', async () => {
  const room = newChatRoom();
  const [visitor, agent] = [await livePage(room), await livePage(room, room.agent)];
  const names = Array.from({ length: 10 }, (_, at) => `picture-${at}.png`);
  const paths = await Promise.all(
    names.map((name, at) => suite.fileNamed(name, pngFile({ bytes: 200_000, seed: at + 1 }))),
  );
  await visitor.add(...paths);
  for (const side of [visitor, agent]) {
    await side.until('all are shared', ({ files, uploads }) => files.length === 10 && uploads.length === 0);
    expect((await side.shared()).map(({ name }) => name).sort()).toEqual(names);
  }
  expect(suite.front.count('POST', TUS)).toBe(10);
  expect((await listFiles(suite.server.baseUrl, room)).count).toBe(10);
});

test('the same file twice at once, and again later: three messages', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  await core.page.evaluate(() => {
    const file = new File([new Uint8Array(300_000).fill(65)], 'same.txt', { type: 'text/plain' });
    globalThis.core.chat.add([file, file]);
    Object.assign(globalThis, { file });
  });
  await core.until('two', ({ files, uploads }) => files.length === 2 && uploads.length === 0);
  await core.page.evaluate(() => globalThis.core.chat.add([(globalThis as unknown as { file: File }).file]));
  await core.until('three', ({ files, uploads }) => files.length === 3 && uploads.length === 0);
  expect(new Set((await core.shared()).map(({ id }) => id)).size).toBe(3);
  expect(suite.front.count('POST', TUS)).toBe(3);
});

test('what happened while away comes after the reconnect: in order, once, and the removed file is gone', async () => {
  const room = newChatRoom();
  const baseUrl = suite.server.baseUrl;
  const first = await shareFile({ baseUrl, room, body: textFile(), name: 'first.txt' });
  const core = await livePage(room, room.agent);
  suite.front.refuseSockets(true);
  // The transport that is left would bring the events too.
  suite.front.setRule(({ path }) => (path.startsWith('/socket.io/') ? { status: 503 } : undefined));
  await core.until('away', ({ connection }) => connection.state === 'reconnecting');
  await shareFile({ baseUrl, room, body: textFile(80), name: 'second.txt' });
  await send({
    method: 'DELETE',
    url: `${baseUrl}/api/chat/files/${first.id}/`,
    headers: bearer(room.visitor),
  });
  await shareFile({ baseUrl, room, body: textFile(90), name: 'third.txt' });
  suite.front.setRule(null);
  suite.front.refuseSockets(false);
  await core.until('back', ({ connection, files }) => connection.state === 'live' && files.length === 2);
  expect((await core.shared()).map(({ name }) => name)).toEqual(['second.txt', 'third.txt']);
  expect((await core.state()).files.map(({ name }) => name)).toEqual(['second.txt', 'third.txt']);
  suite.wire.cut();
  await core.until('away again', ({ connection }) => connection.state !== 'live');
  await core.until('back again', ({ connection }) => connection.state === 'live');
  expect(await core.shared()).toHaveLength(2);
});

test('a program is refused by its first bytes, before the rest is sent; onError gets the file', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  await core.add(await suite.fileNamed('holiday.png', exeFile(24 * MIB)));
  const { uploads } = await core.until('refused', (state) => state.uploads[0]?.status === 'failed');
  expect(uploads[0]?.failure).toMatchObject({ code: 'executable', canRetry: false });
  expect(suite.front.count('PATCH', TUS)).toBe(0);
  expect(await core.page.evaluate(() => globalThis.core.errors.map(({ code }) => code))).toEqual(['executable']);
  expect(await listUploads(suite.server.baseUrl, room)).toEqual([]);
});

test('a large file costs no request more for its small first piece', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  await core.add(await suite.bigFile('chunks.mp4', 20));
  await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0);
  expect(suite.front.count('POST', TUS)).toBe(1);
  expect(suite.front.count('PATCH', TUS)).toBe(4);
  expect(suite.front.count('HEAD', TUS)).toBe(0);
});

const STORAGES: Record<string, () => void> = {
  'that throws when it is named': () => {
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('blocked', 'SecurityError');
        },
      });
  },
  'that is null': () => {
    for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])
      Object.defineProperty(window, name, { value: null });
  },
  'that is full': () => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  },
};

test.each(Object.entries(STORAGES))('with a storage %s it uploads, and resumes after a reload', async (_, init) => {
  const room = newChatRoom();
  const core = await livePage(room, room.visitor, init);
  const path = await suite.fileNamed('blocked.png', pngFile({ bytes: MIB }));
  suite.front.setRule(({ method, path: to }) => (method === 'PATCH' && to.startsWith(TUS) ? 'swallow' : undefined));
  await core.add(path);
  await core.until('on its way', ({ uploads }) => (uploads[0]?.sentBytes ?? 0) > 100_000);
  await core.page.reload();
  suite.front.setRule(null);
  await core.page.waitForFunction(() => globalThis.core !== undefined);
  await core.start(optionsOf(room, room.visitor));
  const { unfinished } = await core.until('offered', (state) => state.unfinished.length === 1);
  expect(await core.goOn(unfinished[0]?.id ?? '', path)).toBe(true);
  await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0);
  expect(suite.front.count('POST', TUS)).toBe(1);
});

test('it leaves nothing in the browser’s storages', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  await core.add(await suite.bigFile('trace.mp4', 6));
  await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0);
  const left = await core.page.evaluate(async () => [
    localStorage.length,
    sessionStorage.length,
    (await indexedDB.databases()).length,
    document.cookie,
  ]);
  expect(left).toEqual([0, 0, 0, '']);
});

test('destroy in the middle, twice: no request after it, no DELETE, and the upload stays on the server', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  suite.wire.rate(3 * MIB);
  await core.add(await suite.bigFile('destroyed.mp4', 30), await suite.bigFile('queued.mp4', 30, 2));
  await core.until('on its way', ({ uploads }) => (uploads[0]?.sentBytes ?? 0) > 6 * MIB);
  await core.page.evaluate(() => {
    globalThis.core.chat.destroy();
    const { send } = XMLHttpRequest.prototype;
    globalThis.sentLate = 0;
    XMLHttpRequest.prototype.send = function (body) {
      globalThis.sentLate += 1;
      send.call(this, body);
    };
    globalThis.core.chat.destroy();
    globalThis.core.chat.add([new File(['late'], 'late.txt')]);
  });
  // What was on the wire by then may still arrive at the other end, on a busy machine a while later: the page says what is new.
  const asked = await eventually('nothing more arrives', async () => {
    const before = suite.front.requests.length;
    await core.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 1000)));
    return suite.front.requests.length === before && before;
  });
  const sentLate = await core.page.evaluate(async () => {
    window.dispatchEvent(new Event('online'));
    document.dispatchEvent(new Event('visibilitychange'));
    await new Promise((resolve) => setTimeout(resolve, 4000));
    return globalThis.sentLate;
  });
  expect(sentLate).toBe(0);
  const arrivedLate = suite.front.requests.slice(asked).map(({ method, path }) => `${method} ${path}`);
  expect(arrivedLate.filter((line) => !line.startsWith('PATCH'))).toEqual([]);
  expect(suite.front.count('DELETE', '/')).toBe(0);
  const names = (await listUploads(suite.server.baseUrl, room)).map(({ name }) => name);
  expect(names).toContain('destroyed.mp4');
});

test('a double mount, as React’s StrictMode does it, is harmless', async () => {
  const room = newChatRoom();
  const core = await suite.open();
  await core.page.evaluate(
    (options) => globalThis.core.createChatFiles(options).destroy(),
    optionsOf(room, room.visitor),
  );
  await core.start(optionsOf(room, room.visitor));
  await core.until('live', ({ connection }) => connection.state === 'live');
  await core.add(await suite.fileNamed('strict.txt', textFile()));
  await core.until('shared', ({ files, uploads }) => files.length === 1 && uploads.length === 0);
  expect(await core.shared()).toHaveLength(1);
});

test('a callback that throws stops nothing', async () => {
  const room = newChatRoom();
  const core = await suite.open();
  const faults: string[] = [];
  core.page.on('pageerror', ({ message }) => faults.push(message));
  await core.page.evaluate(
    (options) => {
      globalThis.core.chat = globalThis.core.createChatFiles({
        ...options,
        onFileShared: () => {
          throw new Error('the page’s own mistake');
        },
      });
    },
    optionsOf(room, room.visitor),
  );
  await core.until('live', ({ connection }) => connection.state === 'live');
  await core.add(await suite.fileNamed('one.txt', textFile(50)), await suite.fileNamed('two.txt', textFile(60)));
  await core.until('shared', ({ files, uploads }) => files.length === 2 && uploads.length === 0);
  await expect.poll(() => faults, { timeout: 60_000 }).toEqual(['the page’s own mistake', 'the page’s own mistake']);
});

test('transform: runs before the key, two at once, and where it fails the original is sent', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  await core.add(await suite.fileNamed('warm-up.txt', textFile()));
  const most = await core.page.evaluate(async () => {
    let running = 0;
    let mostRunning = 0;
    const transform = async (file: File) => {
      running += 1;
      mostRunning = Math.max(mostRunning, running);
      await new Promise((resolve) => setTimeout(resolve, 100));
      running -= 1;
      if (file.name === 'fails.txt') throw new Error('cannot be made smaller');
      return new File([file.slice(0, 10)], `small-${file.name}`, { type: file.type });
    };
    const files = ['a.txt', 'b.txt', 'c.txt', 'fails.txt'].map((name) => new File(['x'.repeat(1000)], name));
    globalThis.core.chat.add(files, { transform });
    await new Promise<void>((resolve) => {
      const stop = globalThis.core.chat.state.subscribe(() => {
        if (globalThis.core.chat.state.get().files.length < 5) return;
        stop();
        resolve();
      });
    });
    return mostRunning;
  });
  expect(most).toBe(2);
  const { files } = await core.state();
  expect(Object.fromEntries(files.map(({ name, size }) => [name, size]))).toEqual({
    'warm-up.txt': 64,
    'small-a.txt': 10,
    'small-b.txt': 10,
    'small-c.txt': 10,
    'fails.txt': 1000,
  });
});

test('transform: an upload of a changed file goes on from the original, that the person chooses again', async () => {
  const room = newChatRoom();
  const core = await livePage(room);
  const path = await suite.fileNamed('original.txt', textFile(400_000));
  suite.front.setRule(({ method, path: to }) => (method === 'PATCH' && to.startsWith(TUS) ? 'swallow' : undefined));
  const pick = async (unfinishedId: string | null) => {
    await core.page.locator('#pick').setInputFiles(path);
    return await core.page.evaluate(async (id) => {
      const file = document.querySelector<HTMLInputElement>('#pick')?.files?.[0] as File;
      const transform = async (whole: File) => new File([whole.slice(0, 200_000)], 'smaller.txt');
      if (id === null) return globalThis.core.chat.add([file], { transform }) === 0;
      return await globalThis.core.chat.goOn(id, file, { transform });
    }, unfinishedId);
  };
  await pick(null);
  await core.until('on its way', ({ uploads }) => (uploads[0]?.sentBytes ?? 0) > 100_000);
  await core.page.reload();
  suite.front.setRule(null);
  await core.page.waitForFunction(() => globalThis.core !== undefined);
  await core.start(optionsOf(room, room.visitor));
  const { unfinished } = await core.until('offered', (state) => state.unfinished.length === 1);
  expect(await pick(unfinished[0]?.id ?? '')).toBe(true);
  const { files } = await core.until('shared', (state) => state.files.length === 1 && state.uploads.length === 0);
  expect(files[0]).toMatchObject({ name: 'smaller.txt', size: 200_000 });
  expect(suite.front.count('POST', TUS)).toBe(1);
});

test(
  'the screen is kept on while an upload runs, and let go when none does; a refusal is survived',
  async () => {
    const room = newChatRoom();
    const whole = await launchWholeChromium();
    onTestFinished(() => whole.close());
    const core = await suite.open(() => {
      const locks: WakeLockSentinel[] = [];
      Object.assign(window, { locks });
      const request = navigator.wakeLock.request.bind(navigator.wakeLock);
      navigator.wakeLock.request = async (type) => {
        const lock = await request(type);
        locks.push(lock);
        return lock;
      };
    }, whole);
    const released = () =>
      core.page.evaluate(() => (window as unknown as { locks: WakeLockSentinel[] }).locks.map((lock) => lock.released));
    await core.start(optionsOf(room, room.visitor));
    suite.wire.rate(MIB);
    await core.add(await suite.bigFile('awake.mp4', 40));
    await expect.poll(released, { timeout: 60_000 }).toEqual([false]);
    const { uploads } = await core.state();
    await core.page.evaluate((id) => globalThis.core.chat.pause(id), uploads[0]?.id ?? '');
    await expect.poll(released, { timeout: 60_000 }).toEqual([true]);
    await core.page.evaluate((id) => globalThis.core.chat.resume(id), uploads[0]?.id ?? '');
    await expect.poll(released, { timeout: 60_000 }).toEqual([true, false]);
    await core.page.evaluate(() => globalThis.core.chat.destroy());
    await expect.poll(released, { timeout: 60_000 }).toEqual([true, true]);

    const refused = await livePage(room, room.visitor, () => {
      navigator.wakeLock.request = () => {
        (window as unknown as { asked: boolean }).asked = true;
        return Promise.reject(new DOMException('low battery', 'NotAllowedError'));
      };
    });
    await refused.add(await suite.bigFile('dark.mp4', 24, 3));
    await refused.page.waitForFunction(() => (window as unknown as { asked?: boolean }).asked);
    suite.wire.rate(Number.POSITIVE_INFINITY);
    await refused.until('shared', ({ files, uploads: left }) => files.length === 1 && left.length === 0, LONG_MS);
    expect(await refused.page.evaluate(() => (window as unknown as { asked: boolean }).asked)).toBe(true);
  },
  LONG_MS,
);

test('it can be imported where there is no browser', async () => {
  expect(typeof window).toBe('undefined');
  const { createChatFiles } = await import('../../widget/core/chat-files.ts');
  expect(createChatFiles).toBeInstanceOf(Function);
});

test('SHA-256 without WebCrypto is SHA-256', async () => {
  const { sha256 } = await import('../../widget/core/sha256.ts');
  for (const length of [0, 1, 55, 56, 63, 64, 65, 3 * MIB + 7]) {
    const bytes = Buffer.alloc(length, 'some bytes');
    expect(Buffer.from(sha256(bytes)).toString('hex')).toBe(await sha256Of(bytes));
  }
});
