/** The pages on error codes and the documentation in a real Chromium: readable for everybody, light, dark and on a phone; and the search finds. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import Router from '@koa/router';
import Koa from 'koa';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createProblemPages } from '../../server/http/problem-pages.ts';
import { axeFindings } from '../services/axe.ts';
import { launchChromium } from '../services/chromium.ts';

const ROOT = path.join(import.meta.dirname, '../..');
const LOOKS = [
  { colorScheme: 'light', viewport: { width: 1280, height: 800 } },
  { colorScheme: 'dark', viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true },
] as const;
/** Links in a text are as high as their line. Who points with a mouse hits smaller things. */
const OF_TEXT = /^small target: a /;
const BY_MOUSE = /^small target: button button copy/;
const TYPES: Record<string, string> = { html: 'text/html', css: 'text/css', js: 'text/javascript' };
let browser: Browser;
let folder: string;
let servers: Server[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'chatdrop-site-'));
  const built = spawnSync(process.execPath, ['docs/site/build.ts', folder], { cwd: ROOT, encoding: 'utf8' });
  expect([built.status, built.stderr]).toEqual([0, '']);
  const pages = createProblemPages();
  const router = new Router().get('/problems', pages.list).get('/problems/:code', pages.one);
  servers = [
    createServer(new Koa().use(router.routes()).callback()),
    createServer((request, response) => {
      const file = path.join(folder, path.posix.normalize(request.url ?? '/'));
      response.writeHead(200, { 'content-type': TYPES[path.extname(file).slice(1)] ?? 'application/octet-stream' });
      response.end(readFileSync(file));
    }),
  ];
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  for (const server of servers) server.close().closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

test.each(LOOKS)('$colorScheme, $viewport.width pixels: nothing is amiss and nothing sticks out', async (look) => {
  const context = await browser.newContext(look);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  const [problems, site] = addresses();
  for (const address of [
    `${problems}/problems/`,
    `${problems}/problems/storage-full`,
    `${site}/index.html`,
    `${site}/settings.html`,
    `${site}/getting-started/operator.html`,
  ]) {
    await page.goto(address);
    const findings = await axeFindings(page, { wholePage: true });
    const counted = findings.filter((finding) => !OF_TEXT.test(finding) && !BY_MOUSE.test(finding));
    faults.push(...counted.map((finding) => `${address}: ${finding}`));
    const tooWide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
    if (tooWide !== 0) faults.push(`${address} is ${tooWide} pixels too wide`);
  }
  expect(faults).toEqual([]);
  await context.close();
});

test('the search finds a setting by its name and leads there; another colour holds on the next page', async () => {
  const page = await browser.newPage();
  const [, site] = addresses();
  await page.goto(`${site}/index.html`);
  await page.keyboard.press('/');
  await page.getByRole('searchbox').fill('CHAT_MAX_FILE_SIZE');
  await page.locator('.finder a').first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL('**/settings.html#chat_max_file_size');
  await page.getByRole('button', { name: 'Light or dark' }).click();
  const theme = await page.locator('html').getAttribute('data-theme');
  await page.goto(`${site}/problems/infected.html`);
  expect([theme, await page.locator('html').getAttribute('data-theme')]).toEqual(['dark', 'dark']);
  await page.close();
});

function addresses(): string[] {
  return servers.map((server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
