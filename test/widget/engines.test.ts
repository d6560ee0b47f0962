/** The demo page in Firefox and WebKitGTK: what goes over, what is refused, and that nothing stops an upload for good. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { axeFindingsIn } from '../services/axe.ts';
import type { BrowserPage } from '../services/browser-page.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import type { Place } from '../services/deep-query.ts';
import { eventually } from '../services/eventually.ts';
import { launchFirefox } from '../services/firefox.ts';
import { exeFile, mp4Stream, pngFile, sha256Of } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { startWebPage } from '../services/web-page.ts';
import { launchWebKit } from '../services/webkit.ts';
import { jsonOf, send } from '../services/wire.ts';

const MIB = 1024 * 1024;
const FILE_MIB = 40;
/** Slow enough to be caught in the middle on any machine. */
const CRAWL = 256 * 1024;
/** A slow machine needs its time; nothing here waits for the clock. */
const PATIENCE_MS = 60_000;

vi.setConfig({ testTimeout: 180_000 });

type Side = 'user' | 'agent';
type Tokens = { company_id: string; user_token: string };
type Unfinished = { offset: number; upload_url: string };

/** Shared files; uploads on their way carry a status. */
const SHARED = 'article:not([data-status])';
const UPLOAD = 'article[data-status]';

let chats = 0;
let folder: string;
let proxy: TcpProxy;
let server: Chatdrop;
/** One for all tests of an engine, each in a chat of its own: its start is the dearest part of most. */
let page: BrowserPage | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-engines-'));
  const port = await freePort();
  proxy = await startTcpProxy({ targetPort: port });
  server = await startChatdrop({
    port,
    development: true,
    // The page and all its links lead through the proxy.
    env: { PUBLIC_URL: `http://127.0.0.1:${proxy.port}`, CHAT_MAX_FILE_SIZE: '100MB', LOG_LEVEL: 'debug' },
  });
});

afterEach(async ({ task }) => {
  proxy.refuse(false);
  proxy.rate(Number.POSITIVE_INFINITY);
  // What a failure left open is not the next one's.
  if (task.result?.state === 'fail') await closePage();
});

afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe.each([
  { engine: 'Firefox', launch: launchFirefox },
  { engine: 'WebKitGTK', launch: launchWebKit },
])('$engine', ({ launch }) => {
  afterAll(closePage);

  const openDemo = async (session = `#chat-${++chats}`) => {
    page ??= await launch();
    // Of the page that is shown only the hash would change.
    await page.open('about:blank');
    await page.open(`http://127.0.0.1:${proxy.port}/demo/${session}`);
    for (const side of ['user', 'agent'] as const) await page.waitFor({ css: pane(side), text: 'Live' }, PATIENCE_MS);
    return page;
  };

  test('a picture goes over and is shown as one on both sides', async () => {
    const demo = await openDemo();
    const name = 'Grüße aus 東京 (1).png';
    await demo.chooseFiles(pickButton('user'), await fileNamed(name, pngFile({ width: 40, height: 30 })));
    for (const side of ['agent', 'user'] as const) {
      await demo.waitFor(sharedCard(side, name), PATIENCE_MS);
      expect(await demo.texts({ css: [pane(side), SHARED, '.file-name'] })).toEqual([name]);
      await demo.waitFor({ css: [pane(side), SHARED, 'img'] });
    }
    await eventually(
      'both pictures are decoded',
      async () => {
        const widths = await demo.readAll({ css: `${SHARED} img` }, (img) => (img as HTMLImageElement).naturalWidth);
        return widths.length === 2 && widths.every((width) => width === 40);
      },
      PATIENCE_MS,
    );
    await demo.waitUntilGone(uploadCard('user', name));
    expect(await axeFindingsIn(demo, { wholePage: true })).toEqual([]);
  });

  test('a program named .png is refused in a sentence, and the other side sees nothing of it', async () => {
    const demo = await openDemo();
    const name = 'holiday.png';
    await demo.chooseFiles(
      pickButton('user'),
      await fileNamed(name, Buffer.concat([exeFile(), Buffer.alloc(12 * MIB)])),
    );
    await demo.waitFor({ css: [pane('user'), `${UPLOAD}[data-status=failed]`], text: name }, PATIENCE_MS);
    expect(await demo.texts(uploadCard('user', name))).toEqual([expect.stringMatching(/\bprograms?\b.*\./i)]);
    expect(await demo.count({ css: [pane('agent'), 'article'] })).toBe(0);
    expect(await axeFindingsIn(demo)).toEqual([]);
    await demo.click({ css: [pane('user'), 'button'], name: `Dismiss ${name}` });
    await demo.waitUntilGone(uploadCard('user', name));
  });

  test('the connection is cut in the middle and stays away: it says so, and goes on by itself when it is back', async () => {
    const demo = await openDemo();
    const { name, file } = await bigFile('tunnel.mp4');
    proxy.rate(20 * MIB);
    await demo.chooseFiles(pickButton('user'), file);
    await proxy.waitForBytesUp(16 * MIB, PATIENCE_MS);
    const bytesBefore = proxy.bytesUp();
    proxy.refuse(true);
    await demo.waitFor({ css: [pane('user'), UPLOAD], text: 'Waiting for the network' }, PATIENCE_MS);
    await demo.waitFor({ css: pane('agent'), text: 'Reconnecting' }, PATIENCE_MS);
    expect(await axeFindingsIn(demo)).toEqual([]);
    proxy.refuse(false);
    proxy.rate(Number.POSITIVE_INFINITY);
    await demo.waitFor(sharedCard('agent', name), PATIENCE_MS);
    expect(proxy.bytesUp() - bytesBefore).toBeLessThan((FILE_MIB - 10) * MIB);
    await expectSharedOnce(demo, name);
  });

  test('killed in the middle; a new browser is offered the file, gets it renamed, and goes on from its offset', async () => {
    const first = await openDemo();
    const { name, file } = await bigFile('film.mp4');
    const session = await first.evaluate(() => location.hash);
    proxy.rate(20 * MIB);
    await first.chooseFiles(pickButton('user'), file);
    await proxy.waitForBytesUp(16 * MIB, PATIENCE_MS);
    proxy.rate(CRAWL);
    await first.kill();
    page = undefined;

    const renamed = join(folder, `renamed ${name}`);
    await rename(file, renamed);
    proxy.rate(Number.POSITIVE_INFINITY);
    const second = await openDemo(session);
    const offer = { css: [pane('user'), 'button'], text: `Go on with ${name}` };
    await second.waitFor(offer, PATIENCE_MS);
    expect(await axeFindingsIn(second)).toEqual([]);
    const { offset, upload_url: url } = await unfinishedOnServer(session.slice(1));
    expect(offset).toBeGreaterThan(10 * MIB);
    const bytesBefore = proxy.bytesUp();
    await second.chooseFiles(offer, renamed);
    await second.waitFor(sharedCard('agent', name), PATIENCE_MS);

    // All that was sent is the rest, and requests of a few kilobytes.
    const bytesSent = proxy.bytesUp() - bytesBefore;
    expect(Math.abs(bytesSent - (FILE_MIB * MIB - offset))).toBeLessThan(MIB);
    const requests = requestsOn(url);
    const asked = requests.lastIndexOf('HEAD 200');
    expect(asked).toBeGreaterThan(0);
    expect(new Set(requests.slice(asked + 1))).toEqual(new Set(['PATCH 204']));
    await expectSharedOnce(second, name);
  });

  test('in the iframe of a page of another origin: reloaded in the middle, it is offered there and goes on', async () => {
    const site = await startWebPage();
    try {
      const session = `frame-${Math.floor(performance.now())}`;
      const { company_id: companyId, user_token: jwt } = await demoTokens(session);
      const apiBaseUrl = `http://127.0.0.1:${proxy.port}`;
      site.show(`<!doctype html><html lang="en"><title>Shop</title><body><h1>Shop</h1>
        <script src="${apiBaseUrl}/widget.js"></script>
        <script>window.shared = []; new ChatbotFileUpload({ ...${JSON.stringify({ companyId, sessionId: session, apiBaseUrl, jwt })},
          onFileShared: (file) => window.shared.push(file.name) });</script>`);
      page ??= await launch();
      // Another origin, and another site, than 127.0.0.1: the browser keeps the frame's storage apart, or away.
      await page.open(site.url('').replace('.localhost', 'localhost'));
      const frame = page.frame({ css: 'iframe' });
      const pick = { css: 'label', text: 'Choose files' };
      await frame.waitFor({ css: 'body', text: 'Live' }, PATIENCE_MS);
      expect(await axeFindingsIn(frame)).toEqual([]);
      const { name, file } = await bigFile(`${session}.mp4`);
      proxy.rate(20 * MIB);
      await frame.chooseFiles(pick, file);
      await proxy.waitForBytesUp(16 * MIB, PATIENCE_MS);
      proxy.rate(CRAWL);
      await page.evaluate(() => setTimeout(() => location.reload()));
      proxy.rate(Number.POSITIVE_INFINITY);
      const offer = { css: 'button', text: `Go on with ${name}` };
      await frame.waitFor(offer, PATIENCE_MS);
      const bytesBefore = proxy.bytesUp();
      await frame.chooseFiles(offer, file);
      await frame.waitFor({ css: SHARED, text: name }, PATIENCE_MS);
      expect(proxy.bytesUp() - bytesBefore).toBeLessThan((FILE_MIB - 10) * MIB);
      await eventually('the page hears of it', async () => {
        const heard = await page?.evaluate(() => (window as unknown as { shared: string[] }).shared);
        return heard?.join() === name;
      });
      expect(await axeFindingsIn(frame)).toEqual([]);
    } finally {
      await site.close();
    }
  });
});

async function closePage(): Promise<void> {
  await page?.close();
  page = undefined;
}

function pane(side: Side): string {
  return `[data-side=${side}]`;
}

function sharedCard(side: Side, name: string): Place {
  return { css: [pane(side), SHARED], text: name };
}

function uploadCard(side: Side, name: string): Place {
  return { css: [pane(side), UPLOAD], text: name };
}

function pickButton(side: Side): Place {
  return { css: [pane(side), 'label'], text: 'Choose files' };
}

async function fileNamed(name: string, content: Buffer): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, content);
  return file;
}

async function bigFile(name: string): Promise<{ name: string; file: string }> {
  const file = join(folder, name);
  await pipeline(mp4Stream(FILE_MIB * MIB), createWriteStream(file));
  return { name, file };
}

async function demoTokens(session: string): Promise<Tokens> {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ session_id: session });
  return jsonOf<Tokens>(await send({ method: 'POST', url: `${server.baseUrl}/demo/tokens`, headers, body }));
}

/** The only unfinished upload in the session. */
async function unfinishedOnServer(session: string): Promise<Unfinished> {
  const { user_token } = await demoTokens(session);
  const answer = await send({
    method: 'GET',
    url: `${server.baseUrl}/api/chat/uploads/?session_id=${session}`,
    headers: { authorization: `Bearer ${user_token}` },
  });
  const { uploads } = jsonOf<{ uploads: Unfinished[] }>(answer);
  expect(uploads).toHaveLength(1);
  return uploads[0] as Unfinished;
}

/** Methods and statuses of the latest requests on an upload, in the order of their ends, from the server's log. */
function requestsOn(uploadUrl: string): string[] {
  const lines = server.logs().split('\n');
  return lines.flatMap((line) => {
    if (!line.includes(`"path":"${uploadUrl}"`)) return [];
    const { method, status } = JSON.parse(line) as { method: string; status: number };
    return [`${method} ${status}`];
  });
}

async function expectSharedOnce(demo: BrowserPage, name: string): Promise<void> {
  for (const side of ['user', 'agent'] as const) {
    await demo.waitUntilGone({ css: [pane(side), UPLOAD] });
    expect(await demo.texts({ css: [pane(side), SHARED, '.file-name'] })).toEqual([name]);
  }
  const download = { css: [pane('agent'), 'a'], name: `Download ${name}` };
  const [link] = await demo.readAll(download, (element) => (element as HTMLAnchorElement).href);
  const fetched = await send({ method: 'GET', url: String(link), timeoutMs: PATIENCE_MS });
  expect(await sha256Of(fetched.body)).toBe(await sha256Of(mp4Stream(FILE_MIB * MIB)));
}
