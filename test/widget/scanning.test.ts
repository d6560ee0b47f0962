/** What both sides read while a file is checked for viruses, while the scanner is away, and when it has found one. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listFiles } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { EICAR, startClamd, type TestClamd } from '../services/clamd.ts';
import { textFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type HttpFront, startHttpFront } from '../services/http-front.ts';

const PATIENCE_MS = 60_000;
const PAGE = '<!doctype html><title>Chat</title><body><script type="module" src="/widget/chat-files.js"></script>';
/** Of an upload by anybody. */
const CARD = 'chat-files .pane article[data-status]';

let server: Chatdrop;
let clamd: TestClamd;
let front: HttpFront;
let browser: Browser;

beforeAll(async () => {
  const port = await freePort();
  front = await startHttpFront({ targetPort: port, pages: { '/page': ['text/html', PAGE] } });
  clamd = await startClamd();
  const env = { PUBLIC_URL: `http://127.0.0.1:${front.port}`, CLAMAV_URL: clamd.url };
  server = await startChatdrop({ port, env });
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await front?.stop();
  await clamd?.close();
});

test('being checked, the scanner away, back again: both sides read what is the matter, and then have the file', async () => {
  const room = newChatRoom();
  const visitor = await open(room, room.visitor);
  const agent = await open(room, room.agent);
  clamd.pause();
  await choose(visitor, 'letter.txt', textFile(500));
  for (const page of [visitor, agent]) await page.locator(CARD).getByText('being checked for viruses').waitFor();
  await clamd.stop();
  await visitor
    .locator(CARD)
    .getByText('The virus scanner is away. Your file is shared as soon as it is back.')
    .waitFor();
  await agent.locator(CARD).getByText('The virus scanner is away: shared as soon as it is back').waitFor();
  expect((await listFiles(server.baseUrl, room)).count).toBe(0);
  await clamd.start();
  for (const page of [visitor, agent]) {
    await page.locator('chat-files .pane article:not([data-status])').filter({ hasText: 'letter.txt' }).waitFor();
    await page.locator(CARD).waitFor({ state: 'detached' });
  }
  expect((await listFiles(server.baseUrl, room)).files).toMatchObject([{ name: 'letter.txt', scan: 'clean' }]);
  await Promise.all([visitor, agent].map((page) => page.context().close()));
});

test('a virus: the sender reads what to do, the other side that nothing comes', async () => {
  const room = newChatRoom();
  const visitor = await open(room, room.visitor);
  const agent = await open(room, room.agent);
  // Looked for from here on: the other side is told for some seconds only.
  const failed = agent.locator(CARD).getByText('The upload failed').waitFor();
  await choose(visitor, 'bill.txt', Buffer.concat([textFile(300), EICAR]));
  await visitor
    .locator(CARD)
    .getByText('A virus was found in this file. Check your device and choose another file.')
    .waitFor();
  await failed;
  expect(await visitor.locator(CARD).getByRole('button', { name: 'Retry bill.txt' }).count()).toBe(0);
  expect((await listFiles(server.baseUrl, room)).count).toBe(0);
  await Promise.all([visitor, agent].map((page) => page.context().close()));
});

async function open({ company, session }: ChatRoom, token: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 480, height: 800 } })).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`http://127.0.0.1:${front.port}/page`);
  await page.evaluate(
    (attributes) => {
      const element = document.createElement('chat-files');
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      document.body.append(element);
    },
    { 'company-id': company, 'session-id': session, jwt: token },
  );
  await page.locator('chat-files .pane .connection[data-state=live]').waitFor();
  return page;
}

async function choose(page: Page, name: string, buffer: Buffer): Promise<void> {
  await page.locator('chat-files .pick-button input').setInputFiles({ name, mimeType: '', buffer });
}
