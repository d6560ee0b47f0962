/** What a visitor's phone has to load before the widget is there: counted on the wire, in Chromium. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { visitorToken } from '../services/tokens.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';
import { send } from '../services/wire.ts';

const KIB = 1024;
let site: WebPage;
let server: Chatdrop;
let browser: Browser;

beforeAll(async () => {
  site = await startWebPage();
  server = await startChatdrop({ env: { ALLOWED_ORIGINS: site.origin('shop') } });
  browser = await launchChromium();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await site?.close();
});

/** Bytes on the wire, as gzip: every browser and proxy takes that. */
async function weigh(path: string): Promise<number> {
  const response = await send({ method: 'GET', url: server.baseUrl + path, headers: { 'Accept-Encoding': 'gzip' } });
  expect([path, response.status]).toEqual([path, 200]);
  return response.body.length;
}

/** What the iframe (or another page) needs before it runs: the page, its styles and scripts, and whatever these import at once. */
async function firstLoad(page = `/embed/?company_id=shop`): Promise<Map<string, number>> {
  const html = await (await fetch(`${server.baseUrl}${page}`)).text();
  const files = new Map([[page, await weigh(page)]]);
  // Of what is only named in advance, that which it runs on is imported below; the socket's client comes beside the list.
  const used = html.replaceAll(/<link rel="modulepreload"[^>]*>/g, '');
  const queue = Array.from(used.matchAll(/(?:src|href)="(\/widget\/[^"]+)"/g), ([, path = '']) => path);
  for (const path of queue) {
    if (files.has(path)) continue;
    files.set(path, await weigh(path));
    const text = await (await fetch(`${server.baseUrl}${path}`)).text();
    // `import(` is what may come later.
    for (const [, name] of text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)) queue.push(`/widget/${name}`);
  }
  return files;
}

test('the host page loads 2 kB, and the iframe 60 kB before it can be used', async () => {
  const script = await weigh('/widget.js');
  const first = await firstLoad();
  const inFrame = [...first.values()].reduce((sum, bytes) => sum + bytes, 0);
  process.stdout.write(
    `host page: ${script} bytes gzip; iframe, first load: ${(inFrame / KIB).toFixed(1)} kB of ${first.size} files\n`,
  );
  expect(script).toBeLessThanOrEqual(2 * KIB);
  expect(inFrame).toBeLessThanOrEqual(60 * KIB);
  expect(first.size).toBeGreaterThan(3);
});

test('the operator’s page is 60 kB', async () => {
  const loaded = [...(await firstLoad('/admin/')).values()].reduce((sum, bytes) => sum + bytes, 0);
  process.stdout.write(`operator’s page: ${(loaded / KIB).toFixed(1)} kB gzip\n`);
  expect(loaded).toBeLessThanOrEqual(60 * KIB);
});

test('with that and nothing more it shows its list and limits, and takes a file', async () => {
  const first = await firstLoad();
  const options = { companyId: 'shop', sessionId: 's', jwt: visitorToken('shop', 's'), locale: 'en' };
  site.show(`<!doctype html><title>Shop</title><body><script src="${server.baseUrl}/widget.js"></script>
    <script>new ChatbotFileUpload(${JSON.stringify(options)})</script>`);
  const page = await browser.newPage();
  await page.route(`${server.baseUrl}/widget/**`, async (route) => {
    if (first.has(new URL(route.request().url()).pathname)) await route.continue();
    else await route.abort();
  });
  await page.goto(site.url('shop'));
  const frame = page.frameLocator('iframe');
  await frame.getByText('Up to 25 MB').waitFor();
  await frame
    .locator('input[type=file]')
    .first()
    .setInputFiles({ name: 'a.txt', mimeType: '', buffer: Buffer.from('a\n') });
  await frame.locator('article').filter({ hasText: 'a.txt' }).waitFor();
  await page.close();
});

test('the widget’s files come compressed as the browser likes it, and chunks may be kept for ever', async () => {
  const load = (encoding: string) => fetch(`${server.baseUrl}/widget.js`, { headers: { 'Accept-Encoding': encoding } });
  const [br, gzip, plain] = await Promise.all(['br, gzip', 'gzip', 'identity'].map(load));
  expect([br, gzip, plain].map((each) => each?.headers.get('content-encoding'))).toEqual(['br', 'gzip', null]);
  expect(new Set([br, gzip, plain].map((each) => each?.headers.get('etag'))).size).toBe(3);
  expect(gzip?.headers.get('vary')).toContain('Accept-Encoding');
  expect(await gzip?.text()).toBe(await plain?.text());
  const again = await fetch(`${server.baseUrl}/widget.js`, {
    headers: { 'Accept-Encoding': 'br', 'If-None-Match': br?.headers.get('etag') ?? '' },
  });
  expect(again.status).toBe(304);
  const embed = await (await fetch(`${server.baseUrl}/widget/embed.js`)).text();
  const chunk = /chunk-[a-z0-9]+\.js/.exec(embed)?.[0];
  const { headers } = await fetch(`${server.baseUrl}/widget/${chunk}`);
  expect(headers.get('cache-control')).toContain('immutable');
  expect(headers.get('access-control-allow-origin')).toBe('*');
});
