/** The script tag on somebody else's site: the iframe, its handshake, tokens over the port, and hostile hosts. */
import type { Browser, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { pngFile } from '../services/fixtures.ts';
import { visitorToken } from '../services/tokens.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';

let site: WebPage;
let server: Chatdrop;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  site = await startWebPage();
  server = await startChatdrop({ env: { ALLOWED_ORIGINS: site.origin('shop') } });
  browser = await launchChromium();
});

afterEach(async () => {
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await site?.close();
});

describe('on a page that is allowed', () => {
  test('a picture is sent, the page hears of it, and the address of the frame holds no token', async () => {
    const jwt = visitorToken('shop', 's1');
    await openShop({ sessionId: 's1', jwt });
    await frame()
      .locator('input[type=file]')
      .first()
      .setInputFiles({ name: 'a.png', mimeType: 'image/png', buffer: png });
    await frame().locator('article:not([data-status])').filter({ hasText: 'a.png' }).waitFor();
    const heard = await eventually('the page hears of it', () => page.evaluate(() => window.shared?.[0]));
    expect(heard).toMatchObject({ name: 'a.png', mime_type: 'image/png', session_id: 's1' });
    const addresses = page.frames().map((each) => each.url());
    expect(addresses).toHaveLength(2);
    expect(addresses.join()).not.toContain(jwt.split('.')[2]);
  });

  test('what is dropped or pasted on the page goes to the widget', async () => {
    await openShop({ sessionId: 's2', jwt: visitorToken('shop', 's2') });
    for (const kind of ['drop', 'paste']) {
      await page.locator('h1').evaluate((target, event) => {
        const data = new DataTransfer();
        data.items.add(new File(['text\n'], `${event}.txt`, { type: 'text/plain' }));
        const options = { bubbles: true, cancelable: true };
        target.dispatchEvent(
          event === 'paste'
            ? new ClipboardEvent('paste', { ...options, clipboardData: data })
            : new DragEvent('drop', { ...options, dataTransfer: data }),
        );
      }, kind);
      await frame()
        .locator('article:not([data-status])')
        .filter({ hasText: `${kind}.txt` })
        .waitFor();
    }
  });

  test('destroy leaves nothing on the page', async () => {
    await openShop({ sessionId: 's3', jwt: visitorToken('shop', 's3') });
    const before = await page.evaluate(() => document.body.children.length);
    await page.evaluate(() => window.widget?.destroy());
    expect(await page.locator('iframe').count()).toBe(0);
    expect(await page.evaluate(() => document.body.children.length)).toBe(before - 1);
  });
});

describe('on a page that is not', () => {
  test('the browser refuses to show the frame', async () => {
    await openShop({ sessionId: 's4', jwt: visitorToken('shop', 's4') }, 'thief');
    await eventually('the frame is blocked', () =>
      page.frames().some((each) => each.url().startsWith('chrome-error:')),
    );
  });
});

const png = pngFile({ width: 40, height: 30 });

declare global {
  interface Window {
    widget?: { destroy(): void };
    shared?: unknown[];
  }
}

const frame = (): FrameLocator => page.frameLocator('iframe');

/** Opens the site and waits for the widget to be live, where it can be. */
async function openShop(options: { sessionId: string; jwt: string }, name = 'shop'): Promise<void> {
  site.show(
    `<!doctype html><title>Shop</title><body><h1>Shop</h1>
    <script src="${server.baseUrl}/widget.js"></script>
    <script>
      window.shared = [];
      window.widget = new ChatbotFileUpload({
        ...${JSON.stringify({ companyId: 'shop', apiBaseUrl: server.baseUrl, ...options })},
        onFileShared: (file) => window.shared.push(file),
      });
    </script>`,
  );
  const context = await browser.newContext();
  page = await context.newPage();
  await page.goto(site.url(name));
  if (name === 'shop') await frame().getByText('Live').waitFor();
}
