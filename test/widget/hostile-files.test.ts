/** Files that try to run something: shared, listed in the widget and opened in a real Chromium. Nothing runs. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { zip } from '../rules/zip-files.ts';
import { codeOf, shareFile } from '../services/chat-api.ts';
import type { ChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { htmlFile, pngFile, svgFile } from '../services/fixtures.ts';
import { photo } from '../services/pictures.ts';
import { create } from '../services/tus-wire.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';
import { jsonOf, send } from '../services/wire.ts';

/** Seen as a dialog, as a request, and in the page's title. */
const PAYLOAD = `alert('ran');document.title='ran';window.ran=true;new Image().src='/ran?'+document.cookie`;
const SCRIPT = `<script>${PAYLOAD}</script><img src=x onerror="${PAYLOAD}">`;
/** A picture whose width is the beginning of a comment: `GIF89a/*…` is a script as well. */
const GIF_SCRIPT = Buffer.concat([
  Buffer.from('GIF89a/*\x01\x00\x00\x00\x00', 'latin1'),
  Buffer.from('2c00000000010001000002024401003b', 'hex'),
  Buffer.from(`*/=1;${PAYLOAD}`),
]);
/** A picture whose first segment is as long as a comment’s beginning, read as a number: `ÿØÿà/*…` is a script as well. */
async function jpegScript(): Promise<Buffer> {
  const plain = await photo();
  const segment = Buffer.alloc(0x2f2a - 2, ' ');
  segment.write('JFIF\0\x01\x01\0\0\x01\0\x01\0\0', 0, 'latin1');
  segment.write(`*/=1;${PAYLOAD};/*`, 100, 'latin1');
  return Buffer.concat([
    Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x2f, 0x2a]),
    segment,
    plain.subarray(2),
    Buffer.from('*/'),
  ]);
}
/** A picture in front, an archive with a page behind it: each program sees the one it looks for. */
async function jpegZip(): Promise<Buffer> {
  return Buffer.concat([await photo(), zip({ 'index.html': SCRIPT, 'META-INF/MANIFEST.MF': 'Main-Class: A' })]);
}
const PDF = Buffer.from(`%PDF-1.4\n%\xe2\xe3\n<html><body>${SCRIPT}</body></html>\nstartxref\n9\n%%EOF\n`, 'latin1');

let server: Chatdrop;
let browser: Browser;
let elsewhere: WebPage;
let context: BrowserContext;
let page: Page;
let room: ChatRoom;
let ran: string[];

beforeAll(async () => {
  // What follows a picture stays, as it would in a GIF.
  server = await startChatdrop({ development: true, env: { STRIP_METADATA: 'false' } });
  browser = await launchChromium();
  elsewhere = await startWebPage();
});

beforeEach(async () => {
  room = await newRoom();
  context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en', acceptDownloads: true });
  ran = [];
  context.on('dialog', (dialog) => {
    ran.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  context.on('request', (request) => {
    if (new URL(request.url()).pathname === '/ran') ran.push(request.url());
  });
  page = await context.newPage();
});

afterEach(() => context.close());

afterAll(async () => {
  await elsewhere?.close();
  await browser?.close();
  await server?.stop();
});

test('the payload runs where it may: what follows would see it', async () => {
  elsewhere.show(`<title>safe</title>${SCRIPT}`);
  await page.goto(elsewhere.url('evil'));
  await eventually('it ran', () => ran.length >= 2);
  for (const polyglot of [GIF_SCRIPT, await jpegScript()]) {
    elsewhere.show(`<meta charset="latin1"><title>safe</title><script>${polyglot.toString('latin1')}</script>`);
    await page.goto(elsewhere.url('evil'));
    expect(await page.title()).toBe('ran');
  }
});

test('pages, SVG and what calls itself a picture or a text and is one of them are refused', async () => {
  for (const [name, body] of [
    ['a.html', htmlFile()],
    ['a.txt', Buffer.from(`<!doctype html>${SCRIPT}`)],
    ['a.svg', svgFile()],
    ['a.png', svgFile()],
    ['a.xml', Buffer.from(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="${PAYLOAD}"/>`)],
    ['a.pdf', Buffer.from(`<html>${SCRIPT}</html>\n%PDF-1.4\n`)],
  ] as const) {
    const answer = await create({ baseUrl: server.baseUrl, token: room.visitor, body, metadata: { filename: name } });
    expect([name, answer.status]).toEqual([name, 415]);
  }
});

test('an archive with a picture in front is no archive, and so no way around what one may hold', async () => {
  const body = await jpegZip();
  const metadata = { filename: 'a.zip' };
  const answer = await create({ baseUrl: server.baseUrl, token: room.visitor, body, metadata });
  expect([answer.status, codeOf(answer)]).toEqual([415, 'type-mismatch']);
});

test('names with markup are text in the widget and in the dashboard', async () => {
  const names = [
    `<img src=x onerror=alert(1)>.png`,
    `"><script>alert(1)<⁄script>.png`,
    `javascript:alert(1).png`,
    `{{7*7}}$\{1}.png`,
  ];
  const shared: ChatFile[] = [];
  for (const name of names) shared.push(await share(name, pngFile({ seed: shared.length + 1 })));
  await openChat();
  for (const { name } of shared)
    await page.locator('[data-side=user]').getByRole('article', { name, exact: true }).waitFor();
  // The words stand there, and made no element.
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  expect(await page.locator('[data-side=user] script').count()).toBe(0);
  // The same in the agent's dashboard, in the list and in the open chat.
  await signIn(room.agent);
  await page.goto(`${server.baseUrl}/dashboard/#/chat/${room.session}`);
  for (const { name } of shared) await page.locator('.open-chat').getByRole('article', { name, exact: true }).waitFor();
  expect(await page.locator('img[src="x"]').count()).toBe(0);
  expect(await page.locator('chat-files-dashboard script').count()).toBe(0);
  expect(ran).toEqual([]);
});

test('a polyglot opened by its link, by its token, and from the widget runs nothing', async () => {
  const files = [
    await share('picture.gif', GIF_SCRIPT),
    await share('report.pdf', PDF),
    await share('notes.txt', Buffer.from(`Some notes.\n${SCRIPT}\n`)),
    await share('photo.png', Buffer.concat([pngFile(), Buffer.from(SCRIPT)])),
    await share('photo.jpg', await jpegZip()),
    await share('photo too.jpg', await jpegScript()),
  ];
  expect(files.map(({ mime_type }) => mime_type)).toEqual([
    'image/gif',
    'application/pdf',
    'text/plain',
    'image/png',
    'image/jpeg',
    'image/jpeg',
  ]);
  // The cookie lets the page open the API's own addresses.
  await signIn();
  for (const { id, name, url } of files) {
    for (const address of [url, `${server.baseUrl}/api/chat/files/${id}/content`]) {
      const isSaved = await openOrSave(address);
      expect([name, isSaved]).toEqual([name, !/picture|photo/.test(name)]);
      expect([name, await page.title()]).not.toEqual([name, 'ran']);
    }
  }
  await openChat();
  await page.locator('[data-side=user]').getByRole('article', { name: 'photo.png', exact: true }).waitFor();
  await eventually('the pictures are looked at', async () => (await page.locator('[data-side=user] img').count()) > 0);
  expect(ran).toEqual([]);
});

test('what is opened has no origin of ours, and may not even load a script', async () => {
  const file = await share('photo.png', pngFile());
  await signIn();
  await page.goto(file.url);
  const answer = await page.request.get(file.url);
  expect(answer.headers()['content-security-policy']).toContain('sandbox');
  // The browser's own document around the picture stands in the sandbox: an opaque origin, so no cookie and no storage.
  const seen = await page.evaluate(() => {
    const blocked = (use: () => unknown) => {
      try {
        return String(use());
      } catch (error) {
        return (error as Error).name;
      }
    };
    return [self.origin, blocked(() => document.cookie), blocked(() => localStorage.length)];
  });
  expect(seen).toEqual(['null', 'SecurityError', 'SecurityError']);
});

test('another page can show it as a picture, and cannot run or frame it', async () => {
  const files = [
    await share('picture.gif', GIF_SCRIPT),
    await share('notes.txt', Buffer.from(`Notes\n${PAYLOAD}\n`)),
    await share('photo.jpg', await jpegScript()),
  ];
  const [gif, text, jpeg] = files.map(({ url }) => url.replaceAll('&', '&amp;'));
  elsewhere.show(
    `<title>safe</title><script>window.failed = 0;</script>
    <script src="${gif}" onerror="failed++"></script><script src="${text}" onerror="failed++"></script>
    <script src="${jpeg}" charset="latin1" onerror="failed++"></script>
    <iframe src="${gif}"></iframe><iframe src="${text}"></iframe><object data="${gif}"></object><embed src="${text}">
    <link rel="stylesheet" href="${text}" onerror="failed++">`,
  );
  await page.goto(elsewhere.url('evil'));
  await eventually('all scripts and the style are refused', () =>
    page.evaluate(() => (window as unknown as { failed: number }).failed === 4),
  );
  expect(await page.evaluate(() => 'ran' in window)).toBe(false);
  expect(await page.title()).toBe('safe');
  for (const frame of page.frames().slice(1)) expect(await frame.title().catch(() => '')).not.toBe('ran');
  expect(ran).toEqual([]);
});

async function newRoom(): Promise<ChatRoom> {
  const headers = { 'content-type': 'application/json' };
  const answer = await send({ method: 'POST', url: `${server.baseUrl}/demo/tokens`, headers, body: Buffer.from('{}') });
  const tokens = jsonOf<{ company_id: string; session_id: string; user_token: string; agent_token: string }>(answer);
  const { company_id: company, session_id: session, user_token: visitor, agent_token: agent } = tokens;
  return { company, session, visitor, agent };
}

async function share(name: string, body: Buffer): Promise<ChatFile> {
  return await shareFile({ baseUrl: server.baseUrl, room, name, body });
}

async function openChat(): Promise<void> {
  await page.goto(`${server.baseUrl}/demo/#${room.session}`);
  await page.locator('[data-side=user] .connection[data-state=live]').waitFor();
}

async function signIn(token = room.visitor): Promise<void> {
  const headers = { Authorization: `Bearer ${token}` };
  expect((await page.request.post(`${server.baseUrl}/api/auth/session/`, { headers })).status()).toBe(204);
}

/** @returns whether the browser saved it instead of showing it */
async function openOrSave(address: string): Promise<boolean> {
  const download = page.waitForEvent('download').catch(() => null);
  // A navigation that becomes a download is aborted.
  const opened = await page.goto(address).catch(() => null);
  if (opened !== null) return false;
  await (await download)?.cancel();
  return (await download) !== null;
}
