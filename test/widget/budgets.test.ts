/** What a visitor's phone has to load before the widget is there: counted on the wire, in Chromium. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { visitorToken } from '../services/tokens.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';

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

test('the host page loads 2 kB, the iframe 60 kB before it can be used, and nothing twice', async () => {
  const options = { companyId: 'shop', sessionId: 's', jwt: visitorToken('shop', 's'), locale: 'en' };
  site.show(`<!doctype html><title>Shop</title><body><script src="${server.baseUrl}/widget.js"></script>
    <script>new ChatbotFileUpload(${JSON.stringify(options)})</script>`);
  const page = await browser.newPage();
  // The gzip form, which every browser and proxy takes; brotli is smaller still.
  await page.route(`${server.baseUrl}/{widget,embed}**`, (route) =>
    route.continue({ headers: { ...route.request().headers(), 'accept-encoding': 'gzip' } }),
  );
  const loaded = new Map<string, Promise<number>>();
  page.on('requestfinished', (request) => {
    const { pathname } = new URL(request.url());
    if (!/^\/(widget|embed)/.test(pathname)) return;
    expect([...loaded.keys()]).not.toContain(pathname);
    loaded.set(
      pathname,
      request.sizes().then((sizes) => sizes.responseBodySize),
    );
  });
  await page.goto(site.url('shop'));
  const frame = page.frameLocator('iframe');
  await frame.getByText('Live').waitFor();
  await frame.locator('input[type=file]').first().waitFor({ state: 'attached' });
  const first = new Map(await Promise.all([...loaded].map(async ([name, size]) => [name, await size] as const)));

  const script = first.get('/widget.js') ?? Number.NaN;
  const inFrame = [...first].filter(([name]) => name !== '/widget.js').reduce((sum, [, size]) => sum + size, 0);
  process.stdout.write(
    `host page: ${script} bytes; iframe, first load: ${(inFrame / KIB).toFixed(1)} kB of ${first.size - 1} files\n`,
  );
  expect(script).toBeLessThanOrEqual(2 * KIB);
  expect(inFrame).toBeLessThanOrEqual(60 * KIB);
  expect(inFrame).toBeGreaterThan(10 * KIB);
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
  const chunk = /chunk-[A-Z0-9]+\.js/.exec(embed)?.[0];
  const { headers } = await fetch(`${server.baseUrl}/widget/${chunk}`);
  expect(headers.get('cache-control')).toContain('immutable');
  expect(headers.get('access-control-allow-origin')).toBe('*');
});
