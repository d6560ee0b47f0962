/** `<chat-files>` on a page without an iframe: styles stay in and out, a strict policy holds, and the page may move it about. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { axeFindings } from '../services/axe.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { fileOnDisk } from '../services/file-on-disk.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { visitorToken } from '../services/tokens.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';

const MIB = 1024 * 1024;
const png = pngFile({ width: 40, height: 30 });
let site: WebPage;
let server: Chatdrop;
let browser: Browser;
let page: Page;
/** Method and path of every request to the API, and what the page's policy refused, since the page was opened. */
const requests: string[] = [];
const violations: string[] = [];

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

describe('styles', () => {
  test('none of the page’s comes in, none of ours goes out', async () => {
    const rules = `* { color: lime !important; border: 3px solid red; letter-spacing: 9px; float: left }
      body { font: 40px/3 serif; text-transform: uppercase; text-align: right; word-spacing: 20px; visibility: visible }
      button, svg, progress, input { display: none !important } .pane, .card-note { background: black !important }`;
    const plain = await stylesInside(`<h1>Shop</h1>${element('s1')}`);
    const before = await page.locator('h1').evaluate((h1) => JSON.stringify(getComputedStyle(h1)));
    const hostile = await stylesInside(`<style>${rules}</style><h1>Shop</h1>${element('s1')}`);
    expect(hostile).toEqual(plain);
    expect(plain.length).toBeGreaterThan(15);

    await stylesInside(`<h1>Shop</h1>${element('s1')}`);
    expect(await page.locator('h1').evaluate((h1) => JSON.stringify(getComputedStyle(h1)))).toBe(before);
    const left = await page.evaluate(() => [
      document.styleSheets.length,
      document.adoptedStyleSheets.length,
      document.head.querySelectorAll('style, link').length,
      document.body.children.length,
    ]);
    expect(left).toEqual([0, 0, 0, 3]);
  });

  test('a page changes its colours by custom properties, and the rest follows', async () => {
    await open(
      `<style>chat-files { --chatdrop-accent: rgb(200, 30, 90); --chatdrop-radius: 2px; height: 300px }</style>${element('s2')}`,
    );
    const button = page.locator('.pick-button');
    expect(await button.evaluate((each) => getComputedStyle(each).backgroundColor)).toBe('rgb(200, 30, 90)');
    expect(await page.locator('chat-files').evaluate((each) => each.clientHeight)).toBe(300);
  });
});

test('a strict policy without unsafe-inline: pictures, uploads and events all work', async () => {
  const address = server.baseUrl;
  const policy = `default-src 'none'; script-src ${address}; connect-src ${address} ${address.replace('http', 'ws')}; img-src ${address} blob: data:; media-src ${address}`;
  await open(element('c1'), policy);
  await choose('a.png', png);
  const picture = shared('a.png').locator('img');
  await eventually('the picture shows', () => picture.evaluate((img: HTMLImageElement) => img.naturalWidth > 0));
  expect(violations).toEqual([]);
});

describe('what the page does with it', () => {
  test('properties that were set before the script came count', async () => {
    const jwt = visitorToken('shop', 'p1');
    await open(
      `<chat-files company-id="shop" session-id="p1" api-base-url="${server.baseUrl}"></chat-files>
       <script>Object.assign(document.querySelector('chat-files'), { getToken: () => ${JSON.stringify(jwt)}, theme: 'dark' })</script>`,
    );
    expect(await page.locator('chat-files .chatdrop').getAttribute('data-theme')).toBe('dark');
  });

  test('moved to another place it goes on; taken off it stops, and deletes nothing', async () => {
    await open(`<div id="a">${element('m1')}</div><div id="b"></div>`);
    await slowDown(1);
    await choose('film.mp4', mp4File(12 * MIB));
    await eventually('it is on its way', () => requests.some((line) => line.startsWith('PATCH')));
    await page.evaluate(() => document.querySelector('#b')?.append(document.querySelector('chat-files') ?? ''));
    await page.waitForTimeout(300);
    expect(await page.locator('#b article[data-status=uploading]').count()).toBe(1);
    expect(requests.filter((line) => line.startsWith('POST'))).toHaveLength(1);

    const moved = await page.locator('chat-files').elementHandle();
    await moved?.evaluate((each) => each.remove());
    await eventually('it has stopped', () =>
      moved?.evaluate((each) => (each as unknown as { chat: object | null }).chat === null),
    );
    requests.length = 0;
    await page.waitForTimeout(1500);
    expect(requests).toEqual([]);
    const listed = await fetch(`${server.baseUrl}/api/chat/uploads/?session_id=m1`, {
      headers: { Authorization: `Bearer ${visitorToken('shop', 'm1')}` },
    });
    expect(await listed.json()).toMatchObject({ uploads: [{ name: 'film.mp4', state: 'uploading' }] });
  });

  test('another session is another chat, another token is the same one', async () => {
    await open(element('o1'));
    await choose('a.png', png);
    await shared('a.png').waitFor();
    await page
      .locator('chat-files')
      .evaluate((each, jwt) => each.setAttribute('jwt', jwt), visitorToken('shop', 'o1', { n: 2 }));
    await page.waitForTimeout(100);
    expect(await shared('a.png').count()).toBe(1);
    await page.locator('chat-files').evaluate(
      (each, jwt) => {
        each.setAttribute('jwt', jwt);
        each.setAttribute('session-id', 'o2');
      },
      visitorToken('shop', 'o2'),
    );
    await eventually('the other chat is there', async () => (await shared('a.png').count()) === 0);
    await choose('b.png', png);
    await shared('b.png').waitFor();
  });

  test('two on one page: a paste goes to the one that was touched last', async () => {
    await open(`<div id="one">${element('t1')}</div><div id="two">${element('t2')}</div>`);
    for (const [place, name] of [
      ['#two', 'x.txt'],
      ['#one', 'y.txt'],
    ] as const) {
      await page.locator(`${place} .pane-header`).click();
      await page.evaluate((fileName) => {
        const data = new DataTransfer();
        data.items.add(new File(['text\n'], fileName, { type: 'text/plain' }));
        document.body.dispatchEvent(
          new ClipboardEvent('paste', { bubbles: true, cancelable: true, clipboardData: data }),
        );
      }, name);
      await page.locator(`${place} article:not([data-status])`).filter({ hasText: name }).waitFor();
    }
    expect(await page.locator('article:not([data-status])').count()).toBe(2);
  });
});

describe('for everyone', () => {
  test('by keyboard alone: choose, delete, and the focus is never lost', async () => {
    await open(element('k1'));
    // From here on, so that the browser is ready for it when the key comes.
    const chooser = page.waitForEvent('filechooser');
    for (let press = 0; press < 8 && !(await isFocused('input[type=file]')); press++) await page.keyboard.press('Tab');
    expect(await isFocused('input[type=file]')).toBe(true);
    await page.keyboard.press('Enter');
    await (await chooser).setFiles({ name: 'a.png', mimeType: 'image/png', buffer: png });
    await shared('a.png').waitFor();
    const remove = shared('a.png').getByRole('button', { name: /^Delete/ });
    for (let press = 0; press < 12 && !(await remove.evaluate(isActive)); press++)
      await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    const keep = page.getByRole('button', { name: 'Keep' });
    expect(await keep.evaluate(isActive)).toBe(true);
    await page.keyboard.press('Escape');
    await keep.waitFor({ state: 'detached' });
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('CHAT-FILES');
  });

  test.each([
    ['320 px wide, as at 400 % zoom', { width: 320, height: 640 }],
    ['a low window, as at 200 % zoom on a laptop', { width: 640, height: 360 }],
  ])('%s: nothing is cut off, nothing scrolls sideways', async (_name, viewport) => {
    await open(`<style>body { margin: 0 } chat-files { height: 100vh }</style>${element('z1')}`, undefined, viewport);
    await choose(`${'A very long name of a picture '.repeat(3)}.png`, png);
    await shared('A very long name').first().waitFor();
    const over = await page.locator('chat-files').evaluate((each) => {
      const { right } = each.getBoundingClientRect();
      const inside = [...(each.shadowRoot?.querySelectorAll('button, a, label, p, bdi, h2') ?? [])];
      return inside
        .filter((one) => one.getBoundingClientRect().right > right + 1)
        .map((one) => one.outerHTML.slice(0, 80));
    });
    expect(over).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(viewport.width);
    expect(await axeFindings(page)).toEqual([]);
  });

  test('from right to left, in Arabic and Hebrew, light and dark: axe finds nothing', async () => {
    for (const [locale, theme] of [
      ['ar', 'light'],
      ['he', 'dark'],
    ]) {
      await open(
        element('r1', `locale="${locale}" theme="${theme}"`),
        undefined,
        { width: 390, height: 700 },
        '.pane[dir=rtl]',
      );
      await choose(`${locale}.png`, png);
      await shared(`${locale}.png`).waitFor();
      expect(await axeFindings(page)).toEqual([]);
    }
  });
});

const element = (session: string, more = '') =>
  `<chat-files api-base-url="${server.baseUrl}" company-id="shop" session-id="${session}" jwt="${visitorToken('shop', session)}" ${more}></chat-files>`;
const shared = (name: string) => page.locator('article:not([data-status])').filter({ hasText: name });
const isActive = (node: Element) => (node.getRootNode() as ShadowRoot).activeElement === node;
const isFocused = (selector: string) => page.locator(selector).first().evaluate(isActive);

async function choose(name: string, buffer: Buffer): Promise<void> {
  await page
    .locator('input[type=file]')
    .first()
    .setInputFiles(await fileOnDisk(name, buffer));
}

async function slowDown(megabytesPerSecond: number): Promise<void> {
  const network = await page.context().newCDPSession(page);
  await network.send('Network.enable');
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: megabytesPerSecond * MIB };
  await network.send('Network.emulateNetworkConditions', conditions);
}

/** Opens a page with this body, and waits until every element on it is live (or what `until` selects is there). */
async function open(
  body: string,
  policy?: string,
  viewport = { width: 1000, height: 700 },
  until = '.connection[data-state=live]',
): Promise<void> {
  await page?.context().close();
  site.show(
    `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title>
     <body>${body}<script type="module" src="${server.baseUrl}/widget/chat-files.js"></script>`,
    policy === undefined ? {} : { 'Content-Security-Policy': policy },
  );
  requests.length = 0;
  violations.length = 0;
  page = await (await browser.newContext({ viewport })).newPage();
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) violations.push(message.text());
  });
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname.startsWith('/api/') && request.method() !== 'OPTIONS')
      requests.push(`${request.method()} ${pathname}`);
  });
  await page.goto(site.url('shop'));
  const elements = page.locator('chat-files');
  for (let index = 0; index < (await elements.count()); index++) await elements.nth(index).locator(until).waitFor();
}

/** What every kind of element in it looks like: the properties that pages like to set. */
async function stylesInside(body: string): Promise<string[]> {
  await open(body);
  return await page.locator('chat-files').evaluate((each) =>
    [...(each.shadowRoot?.querySelectorAll('*') ?? [])].map((one) => {
      const { color, fontSize, fontFamily, lineHeight, letterSpacing, textAlign, textTransform, display, cssFloat } =
        getComputedStyle(one);
      const { wordSpacing, borderTopWidth, backgroundColor } = getComputedStyle(one);
      return [
        one.tagName,
        color,
        fontSize,
        fontFamily,
        lineHeight,
        letterSpacing,
        textAlign,
        textTransform,
        display,
        cssFloat,
        wordSpacing,
        borderTopWidth,
        backgroundColor,
      ].join('|');
    }),
  );
}
