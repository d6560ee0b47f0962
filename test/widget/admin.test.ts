/** The operator's page in a browser: the token, what is live, what failed, the numbers and their CSV; one server and one page for all. */
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CSV_COLUMNS } from '../../server/rules/statistics.ts';
import { axeFindings } from '../services/axe.ts';
import { shareFile } from '../services/chat-api.ts';
import { type ChatRoom, newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { exeFile, mp4File, pdfFile } from '../services/fixtures.ts';
import { create, patch } from '../services/tus-wire.ts';

/** A slow machine needs its time; nothing here waits for the clock. */
const PATIENCE_MS = 60_000;
const ADMIN_TOKEN = 'the-operator-and-nobody-but-the-operator';
const PHONE = { width: 360, height: 740 };
/** Markup, and a word that turns the line round. */
const HOSTILE = '<img src=x onerror=alert(1)> \u202Egpj.exe.mp4';

let server: Chatdrop;
let browser: Browser;
let page: Page;
const room: ChatRoom = newChatRoom();
const mistakes: string[] = [];

beforeAll(async () => {
  server = await startChatdrop({ env: { ADMIN_TOKEN } });
  await shareFile({ baseUrl: server.baseUrl, room, body: pdfFile(), name: 'offer.pdf' });
  browser = await launchChromium();
  page = await browser.newPage({ viewport: { width: 1280, height: 800 }, locale: 'de-DE', reducedMotion: 'reduce' });
  page.setDefaultTimeout(PATIENCE_MS);
  page.on('pageerror', (error) => mistakes.push(error.message));
  page.on('dialog', (dialog) => mistakes.push(dialog.message()));
  page.on('console', (message) => {
    // A refused token is a line in the browser's own console.
    if (message.type() === 'error' && !/status of 401|ERR_INTERNET_DISCONNECTED/.test(message.text()))
      mistakes.push(message.text());
  });
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

const card = (name: string) => page.getByRole('region', { name, exact: true });
const isWiderThanWindow = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);

test('opens with the admin token only, and keeps it nowhere', async () => {
  await page.goto(`${server.baseUrl}/admin/`);
  expect(await axeFindings(page, { wholePage: true })).toEqual([]);
  const field = page.getByLabel('Admin token');
  await field.fill('a guess');
  await page.keyboard.press('Enter');
  await page.getByText('That is not the admin token.').waitFor();
  await field.fill(`${ADMIN_TOKEN.slice(0, 20)}  ${ADMIN_TOKEN.slice(20)}`);
  await page.keyboard.press('Enter');
  await card('Live uploads').waitFor();
  const kept = await page.evaluate(() =>
    [
      location.href,
      JSON.stringify(localStorage),
      JSON.stringify(sessionStorage),
      document.cookie,
      document.body.innerHTML,
    ].join(),
  );
  expect(kept).not.toContain(ADMIN_TOKEN);
});

test('shows every part, and something useful where there is nothing', async () => {
  const health = card('Health');
  for (const part of ['Database', 'Storage', 'Virus scanner', 'Disk', 'Server'])
    await health.getByText(part, { exact: true }).waitFor();
  await health.getByText('CLAMAV_URL is not set').first().waitFor();
  await card('Live uploads').getByText('Nothing is on its way').waitFor();
  await card('Uploads that failed').getByText('No upload failed').waitFor();
  await card('Storage').getByRole('link', { name: room.company }).waitFor();
  await card('Quarantine').getByText('Files are not scanned').waitFor();
  await card('Jobs').getByText('Nothing is owed').waitFor();
  expect(await axeFindings(page, { wholePage: true })).toEqual([]);
});

test('uploads and refusals come by themselves, in words; whatever a file is called is text', async () => {
  const token = room.visitor;
  const { baseUrl } = server;
  const film = mp4File(200_000);
  const live = await create({ baseUrl, token, length: film.length, metadata: { filename: HOSTILE } });
  await patch({ url: live.url, token, offset: 0, body: film.subarray(0, 50_000) });
  const program = await create({ baseUrl, token, length: exeFile().length, metadata: { filename: 'invoice.pdf' } });
  await patch({ url: program.url, token, offset: 0, body: exeFile() });
  const row = card('Live uploads').getByRole('row').filter({ hasText: '25% of 195 kB' });
  await row.getByText('<img src=x onerror=alert(1)>').waitFor();
  expect(await row.locator('img').count()).toBe(0);
  expect(await row.locator('th bdi').textContent()).not.toContain('\u202E');
  const failed = card('Uploads that failed');
  await failed.getByRole('row', { name: 'invoice.pdf' }).waitFor();
  await failed.getByRole('cell', { name: 'Programs, scripts and web pages are not allowed' }).waitFor();
  await failed.getByText('As a table').click();
  await failed.getByRole('columnheader', { name: 'Not finished in time' }).waitFor();
  await patch({ url: live.url, token, offset: 50_000, body: film.subarray(50_000, 150_000) });
  await card('Live uploads').getByText('75% of 195 kB').waitFor();
  expect(mistakes).toEqual([]);
});

test('fits a phone, and can be read there in the dark', async () => {
  await page.setViewportSize(PHONE);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.locator('body[data-theme=dark]').waitFor();
  expect(await isWiderThanWindow()).toBe(false);
  expect(await axeFindings(page, { wholePage: true })).toEqual([]);
});

test('says when the server is away, keeps what it has, and goes on when it is back', async () => {
  await page.context().setOffline(true);
  await page.getByText('The server does not answer.').waitFor();
  await card('Live uploads').getByText('75% of 195 kB').waitFor();
  await page.context().setOffline(false);
  await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
});

test('a company leads to its numbers, which a spreadsheet takes too', async () => {
  await card('Storage').getByRole('link', { name: room.company }).click();
  const files = card(`Files a day of ${room.company}`);
  await files.getByText('As a table').click();
  await files.getByRole('columnheader', { name: 'Documents' }).waitFor();
  expect(await files.getByRole('row').count()).toBe(31);
  await page.getByLabel('7 days').check();
  await files.getByRole('row').nth(8).waitFor({ state: 'detached' });
  expect(await isWiderThanWindow()).toBe(false);
  expect(await axeFindings(page, { wholePage: true })).toEqual([]);
  const downloading = page.waitForEvent('download');
  await page.getByRole('button', { name: 'CSV' }).click();
  const download = await downloading;
  expect(download.suggestedFilename()).toMatch(/^chatdrop-.+\.csv$/);
  const csv = await readFile(await download.path(), 'utf8');
  expect(csv.split('\r\n')[0]).toBe(CSV_COLUMNS.join(','));
  expect(csv).toContain(`,${room.company},1,`);
  await page.getByRole('combobox', { name: 'Company' }).fill('nobody');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing was counted of nobody').waitFor();
  await page.goBack();
  await files.waitFor();
  await page.getByRole('button', { name: 'Close' }).click();
  await page.getByLabel('Admin token').waitFor();
  expect(mistakes).toEqual([]);
});
