/** What the sender of a file is told while it goes over, and what the other side sees of it: on the screen and by the live region. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { fileOnDisk } from '../services/file-on-disk.ts';
import { exeFile, mp4File, pngFile, textFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type HttpFront, startHttpFront } from '../services/http-front.ts';
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts';
import { create, patch } from '../services/tus-wire.ts';
import { send } from '../services/wire.ts';

const MIB = 1024 * 1024;
const PATIENCE_MS = 60_000;
const TUS = '/api/chat/tus';
const PAGE = '<!doctype html><title>Chat</title><body><script type="module" src="/widget/chat-files.js"></script>';
/** So many uploads a minute: the fourth is told to wait. */
const RATE_LIMIT = 3;

let server: Chatdrop;
let front: HttpFront;
let wire: TcpProxy;
let browser: Browser;
let page: Page;
let room: ChatRoom;

beforeAll(async () => {
  const port = await freePort();
  front = await startHttpFront({ targetPort: port, pages: { '/page': ['text/html', PAGE] } });
  wire = await startTcpProxy({ targetPort: front.port });
  const env = { PUBLIC_URL: `http://127.0.0.1:${wire.port}`, CHAT_UPLOAD_RATE_LIMIT: String(RATE_LIMIT) };
  server = await startChatdrop({ port, env });
  browser = await launchChromium();
});

afterEach(async () => {
  front.setRule(null);
  wire.rate(Number.POSITIVE_INFINITY);
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await wire?.stop();
  await front?.stop();
});

test('how much, how fast and how long still; a picture is seen before it is there', async () => {
  await open();
  await slowDown(1.5 * MIB);
  await choose('film.mp4', mp4File(24 * MIB));
  await eventually(
    'all three are told',
    async () => /^[\d.]+ MB of 24 MB · [\d.]+ [kM]B\/s · \d+ (sec|min) left$/.test(await noteOf(card('film.mp4'))),
    PATIENCE_MS,
  );
  expect(await card('film.mp4').getByRole('progressbar').count()).toBe(1);
  await choose('view.png', pngFile({ width: 60, height: 40, bytes: 2 * MIB }));
  const thumbnail = card('view.png').locator('img.thumbnail');
  await eventually('the thumbnail shows', () => thumbnail.evaluate((img: HTMLImageElement) => img.naturalWidth === 60));
});

test('no room: it says what to do, and is tried again in its place, as one upload', async () => {
  await open();
  front.setRule(({ method, path }) =>
    method === 'POST' && path.startsWith(TUS)
      ? { status: 507, headers: { 'content-type': 'application/problem+json' }, body: '{"code":"quota-exceeded"}' }
      : undefined,
  );
  await choose('first.txt', textFile(50));
  await card('first.txt').getByText('There is no room for more files here.').waitFor();
  front.setRule(null);
  await card('first.txt').getByRole('button', { name: 'Retry first.txt' }).click();
  await shared('first.txt').waitFor();
  expect(await pane().locator('article[data-status]').count()).toBe(0);
});

test('too many in a minute: the server says when, the card counts down, and the others are not held up', async () => {
  await open();
  const names = Array.from({ length: RATE_LIMIT + 1 }, (_, at) => `note-${at}.txt`);
  await chooseAll(names.map((name) => ({ name, buffer: Buffer.from(`${name}\n`) })));
  const waiting = pane().locator('article[data-status=waiting]');
  await waiting.waitFor();
  await eventually('it counts down', async () =>
    /^Many uploads in a short time: goes on by itself in \d+ (sec|min)$/.test(await noteOf(waiting)),
  );
  await eventually(
    'the others are there',
    async () => (await pane().locator('article:not([data-status])').count()) === RATE_LIMIT,
  );
  // Nothing to press: a retry would be refused again.
  expect(await waiting.getByRole('button').count()).toBe(1);
});

test('what the other side sends becomes the file in its place; given up or refused, it says so and goes', async () => {
  await open();
  await share('earlier.txt', room.visitor);
  await shared('earlier.txt').waitFor();
  const film = mp4File(2 * MIB);
  const coming = await begin('coming.mp4', film);
  await patch({ url: coming, token: room.agent, offset: 0, body: film.subarray(0, MIB) });
  const placeholder = card('coming.mp4');
  await placeholder.getByText('2 MB · on its way').waitFor();
  await placeholder.getByText('50%').waitFor();
  await patch({ url: coming, token: room.agent, offset: MIB, body: film.subarray(MIB) });
  await shared('coming.mp4').waitFor();
  expect(await placeholder.count()).toBe(0);
  expect(await pane().locator('.file-name').allTextContents()).toEqual(['earlier.txt', 'coming.mp4']);

  const other = await begin('given up.mp4', film);
  await patch({ url: other, token: room.agent, offset: 0, body: film.subarray(0, MIB) });
  await card('given up.mp4').getByText('on its way').waitFor();
  const headers = { authorization: `Bearer ${room.agent}`, 'tus-resumable': '1.0.0' };
  // Looked for from here on: each is told for some seconds only.
  const cancelled = card('given up.mp4').getByText('The upload was cancelled').waitFor();
  await send({ method: 'DELETE', url: other, headers });
  await cancelled;
  await card('given up.mp4').waitFor({ state: 'detached' });

  const damaged = await begin('damaged.mp4', film, { sha256: '0'.repeat(64) });
  await patch({ url: damaged, token: room.agent, offset: 0, body: film.subarray(0, MIB) });
  await card('damaged.mp4').getByText('on its way').waitFor();
  const failed = card('damaged.mp4').getByText('The upload failed').waitFor();
  await patch({ url: damaged, token: room.agent, offset: MIB, body: film.subarray(MIB) });
  await failed;
  expect(await pane().locator('article:not([data-status])').count()).toBe(2);
});

test('a screen reader hears of the start, the end and a refusal, and nothing in between', async () => {
  await open();
  const heard = await listen();
  wire.rate(4 * MIB);
  await choose('long.mp4', mp4File(8 * MIB));
  await shared('long.mp4').waitFor({ timeout: PATIENCE_MS });
  await eventually('the end is said', async () => (await heard()).includes('Sent: long.mp4'));
  expect(await heard()).toEqual(['Sending: long.mp4', 'Sent: long.mp4']);
  wire.rate(Number.POSITIVE_INFINITY);
  await choose('holiday.png', exeFile(4096));
  await eventually('the refusal is said', async () =>
    (await heard()).some((each) => each.includes('holiday.png: Programs')),
  );
  await share('answer.txt', room.agent);
  await eventually('what came is said', async () => (await heard()).at(-1) === 'Received: answer.txt');
  expect((await heard()).length).toBeLessThanOrEqual(5);
});

test('names that lie, quote and never end are shown as what they are, on their way and in the chat', async () => {
  await open();
  const reversed = 'holiday \u202Egpj.txt';
  const quoted = `"><b onclick='alert(1)'>x.txt`;
  const long = `${'0123456789'.repeat(20)}.txt`;
  const film = mp4File(2 * MIB);
  const url = await begin('film \u202Egnp.mp4', film);
  await patch({ url, token: room.agent, offset: 0, body: film.subarray(0, MIB) });
  await chooseAll([reversed, quoted, long].map((name) => ({ name, buffer: Buffer.from(`${name}\n`) })));
  await eventually('all are there', async () => (await pane().locator('article:not([data-status])').count()) === 3);
  await card('film').waitFor();
  const names = await pane().locator('.file-name').allTextContents();
  // What turns the direction of reading round would make a .txt look like a .jpg.
  expect(names.join()).not.toMatch(/[\u202A-\u202E\u2066-\u2069]/u);
  expect(names.filter((name) => name.endsWith('.txt'))).toHaveLength(3);
  expect(names.find((name) => name.startsWith('film'))).toMatch(/\.mp4$/);
  expect(await pane().locator('b').count()).toBe(0);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(480);
  for (const box of await Promise.all((await pane().locator('article').all()).map((each) => each.boundingBox())))
    expect(box?.height).toBeLessThan(260);
});

/** A new chat, as its visitor has it. */
async function open(): Promise<void> {
  room = newChatRoom();
  page = await (await browser.newContext({ viewport: { width: 480, height: 800 } })).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`http://127.0.0.1:${wire.port}/page`);
  await page.evaluate(
    ([company, session, jwt]) => {
      const element = document.createElement('chat-files');
      for (const [name, value] of Object.entries({ 'company-id': company, 'session-id': session, jwt }))
        element.setAttribute(name, String(value));
      document.body.append(element);
    },
    [room.company, room.session, room.visitor],
  );
  await pane().locator('.connection[data-state=live]').waitFor();
}

const pane = (): Locator => page.locator('chat-files .pane');
const card = (name: string) => pane().locator('article[data-status]').filter({ hasText: name });
const shared = (name: string) => pane().locator('article:not([data-status])').filter({ hasText: name });

/** With plain spaces: a number and its unit are not to be parted. */
async function noteOf(one: Locator): Promise<string> {
  return ((await one.locator('.card-note').textContent()) ?? '').replace(/\s/g, ' ');
}

/** By the browser: what a proxy does not take yet, the system's buffers do, and it looks as if it were sent. */
async function slowDown(uploadThroughput: number): Promise<void> {
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput };
  await network.send('Network.emulateNetworkConditions', conditions);
}

async function choose(name: string, content: Buffer): Promise<void> {
  await pane()
    .locator('.pick-button input')
    .setInputFiles(await fileOnDisk(name, content));
}

async function chooseAll(files: { name: string; buffer: Buffer }[]): Promise<void> {
  const chosen = files.map((file) => ({ ...file, mimeType: file.name.endsWith('.png') ? 'image/png' : '' }));
  await pane().locator('.pick-button input').setInputFiles(chosen);
}

async function share(name: string, token: string): Promise<void> {
  await shareFile({ baseUrl: server.baseUrl, room, token, name, body: textFile(40) });
}

/** The agent begins to send. @returns the upload's URL */
async function begin(name: string, body: Buffer, more: Record<string, string> = {}): Promise<string> {
  const metadata = { filename: name, session_id: room.session, ...more };
  const { url } = await create({ baseUrl: server.baseUrl, token: room.agent, length: body.length, metadata });
  return url;
}

/** @returns all that the live region has said since, in order */
async function listen(): Promise<() => Promise<string[]>> {
  await page.evaluate(() => {
    const said: string[] = [];
    const region = document.querySelector('chat-files')?.shadowRoot?.querySelector('.pane ~ [role=status]') as Element;
    new MutationObserver(() => {
      const text = region.textContent ?? '';
      if (text !== '' && text !== said.at(-1)) said.push(text);
    }).observe(region, { childList: true, subtree: true, characterData: true });
    Object.assign(window, { said });
  });
  return () => page.evaluate(() => (window as unknown as { said: string[] }).said);
}
