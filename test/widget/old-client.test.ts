/** The original service's HTML client, in a real Chromium, on a page of its own origin: it works without a change. */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { fileOnDisk } from '../services/file-on-disk.ts';
import { exeFile, pdfFile, pngFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';

/** What the page offers the test. */
type OldClient = {
  // biome-ignore lint/suspicious/noExplicitAny: the events as they came
  events: any[];
  socket: WebSocket;
  connect(): void;
  // biome-ignore lint/suspicious/noExplicitAny: the answers as they came
  list(): Promise<any>;
};
declare global {
  var client: OldClient;
}

const ORIGINAL_FILE = [
  'id',
  'company_id',
  'session_id',
  'uploader',
  'url',
  'name',
  'mime_type',
  'size',
  'thumbnail',
  'created_at',
];

let site: Server;
let siteUrl: string;
let wsPort: number;
let server: Chatdrop;
let browser: Browser;
const pages: Page[] = [];

beforeAll(async () => {
  const html = await readFile(new URL('../fixtures/old-client.html', import.meta.url));
  site = createServer((_request, response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end(html));
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
  siteUrl = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
  wsPort = await freePort();
  server = await startChatdrop({
    env: { ALLOWED_ORIGINS: siteUrl, WS_PORT: String(wsPort), CHAT_MAX_FILE_SIZE: '2MB' },
  });
  browser = await launchChromium();
});

afterEach(async () => {
  for (const page of pages.splice(0)) await page.close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  site?.close();
});

/** Sockets on the port of their own, as the original had them, unless said otherwise. */
async function openClient(room: ChatRoom, uploader: 'user' | 'agent', port = wsPort): Promise<Page> {
  const page = await browser.newPage();
  pages.push(page);
  const settings = {
    companyId: room.company,
    sessionId: room.session,
    apiBaseUrl: server.baseUrl,
    wsBaseUrl: `ws://127.0.0.1:${port}`,
    jwt: uploader === 'user' ? room.visitor : room.agent,
    uploader,
  };
  await page.goto(`${siteUrl}/#${new URLSearchParams(settings)}`);
  await page.getByText('WebSocket connected successfully').waitFor();
  return page;
}

const choose = (page: Page, name: string, mimeType: string, buffer: Buffer) =>
  page.locator('#file').setInputFiles({ name, mimeType, buffer });
const status = (page: Page, text: string | RegExp) => page.locator('#status').getByText(text).waitFor();
const names = (page: Page) => page.locator('#files a').allTextContents();
const eventsOf = (page: Page, type: string) =>
  page.evaluate((wanted) => globalThis.client.events.filter((event) => event.type === wanted), type);

test('a visitor’s picture reaches the agent, the agent’s document the visitor', async () => {
  const room = newChatRoom();
  const visitor = await openClient(room, 'user');
  const agent = await openClient(room, 'agent', server.port);
  const png = pngFile({ width: 40, height: 30 });
  await choose(visitor, 'Foto ä 漢字.png', 'image/png', png);
  await status(visitor, 'sent Foto ä 漢字.png');
  await agent.getByText('from user').waitFor();
  const picture = agent.locator('img');
  await eventually('the picture is shown', () => picture.evaluate((img: HTMLImageElement) => img.naturalWidth === 40));
  await choose(agent, 'answer.pdf', 'application/pdf', pdfFile());
  await visitor.getByText('from agent').waitFor();
  for (const page of [visitor, agent]) {
    await eventually('both are shown', async () => (await names(page)).length === 2);
    expect(await names(page)).toEqual(['Foto ä 漢字.png', 'answer.pdf']);
    const shared = await eventsOf(page, 'file_shared');
    expect(shared).toHaveLength(2);
    for (const event of shared) expect(Object.keys(event)).toEqual(expect.arrayContaining(ORIGINAL_FILE));
    const [file] = shared;
    const bytes = await page.evaluate(
      async (url) => [...new Uint8Array(await (await fetch(url)).arrayBuffer())],
      file.url,
    );
    expect(Buffer.from(bytes).equals(png)).toBe(true);
  }
});

test('a client that comes back finds what it missed in the list, over the socket and over HTTP', async () => {
  const room = newChatRoom();
  const visitor = await openClient(room, 'user');
  const agent = await openClient(room, 'agent');
  await visitor.evaluate(() => globalThis.client.socket.close());
  await eventually('it is away', async () => (await eventsOf(visitor, 'closed')).length === 1);
  await choose(agent, 'missed.pdf', 'application/pdf', pdfFile());
  await status(agent, 'sent missed.pdf');
  expect(await names(visitor)).toEqual([]);
  await visitor.evaluate(() => globalThis.client.connect());
  await visitor.getByText('missed.pdf').waitFor();
  const list = await visitor.evaluate(() => globalThis.client.list());
  expect(list).toMatchObject({
    count: 1,
    files: [{ original_name: 'missed.pdf', uploader: 'agent', thumbnail: null }],
  });
  const [inSocket] = (await eventsOf(visitor, 'file_list')).slice(-1);
  expect(inSocket).toMatchObject({
    session_id: room.session,
    company_id: room.company,
    files: [{ id: list.files[0].id }],
  });
});

test('what is refused says why: too large, a program, a name that lies', async () => {
  const room = newChatRoom();
  const visitor = await openClient(room, 'user');
  await visitor.locator('#file').setInputFiles(await fileOnDisk('large.png', pngFile({ bytes: 3 * 1024 * 1024 })));
  await status(visitor, /larger than 2 MB/);
  await choose(visitor, 'setup.exe', 'application/x-msdownload', exeFile());
  await status(visitor, /program/);
  await visitor.locator('#file').setInputFiles(await fileOnDisk('photo.png', exeFile(1024 * 1024)));
  await status(visitor, /“photo.png” is a program/);
  expect(await names(visitor)).toEqual([]);
  expect((await visitor.evaluate(() => globalThis.client.list())).count).toBe(0);
});
