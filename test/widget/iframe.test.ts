/** The script tag on somebody else's site: the iframe, its handshake, tokens over the port, and hostile hosts. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, FrameLocator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { axeFindings } from '../services/axe.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium, launchChromiumProfile } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { fileOnDisk } from '../services/file-on-disk.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { visitorToken } from '../services/tokens.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';

let site: WebPage;
let server: Chatdrop;
let browser: Browser;
let page: Page;
const profiles: string[] = [];

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
  for (const profile of profiles) await rm(profile, { recursive: true, force: true });
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
    const heard = await eventually('the page hears of it', () => page.evaluate(() => window.shared[0]));
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

  test('destroy in the middle of an upload leaves nothing on the page, and the upload on the server', async () => {
    await openShop({ sessionId: 's3', jwt: visitorToken('shop', 's3') });
    await send('film.mp4', mp4(12), 1);
    await eventually('it is on its way', () => creations === 1 && offsets.length > 0);
    const before = await page.evaluate(() => document.body.children.length);
    await page.evaluate(() => window.widget?.destroy());
    expect(await page.locator('iframe').count()).toBe(0);
    expect(await page.evaluate(() => document.body.children.length)).toBe(before - 1);
    expect(await page.evaluate(() => window.listeners)).toEqual([]);
    const refused = await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['text'], 'late.txt'));
      const drop = new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer });
      return document.body.dispatchEvent(drop);
    });
    expect(refused, 'the page has its drops for itself again').toBe(true);
    expect(deletions).toBe(0);
    const listed = await fetch(`${server.baseUrl}/api/chat/uploads/?session_id=s3`, {
      headers: { Authorization: `Bearer ${visitorToken('shop', 's3')}` },
    });
    expect(await listed.json()).toMatchObject({ uploads: [{ name: 'film.mp4', state: 'uploading' }] });
  });

  test('its title, language and sentences are the page’s; it may leave drops to the page, and takes files by call', async () => {
    await openShop({
      sessionId: 's4',
      jwt: visitorToken('shop', 's4'),
      heading: 'Papers',
      locale: 'de',
      strings: { chooseFiles: 'Her damit' },
      wholePage: false,
      height: 'fill',
    });
    await frame().getByRole('heading', { name: 'Papers' }).waitFor();
    await frame().getByText('Her damit').waitFor();
    await frame().getByText('Verbunden').waitFor();
    expect(await page.locator('iframe').getAttribute('title')).toBe('Papers');
    const isLeft = await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['text'], 'mine.txt'));
      return document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
    });
    expect(isLeft).toBe(true);
    await page.evaluate(() => window.widget?.addFiles([new File(['text\n'], 'by-call.txt')]));
    await shared('by-call.txt').waitFor();
    expect(await frame().locator('article').count()).toBe(1);
  });

  test('two on one page, of which one shows another chat: each has its own, and a drop is sent once', async () => {
    await openShop({ sessionId: 's5', jwt: visitorToken('shop', 's5') });
    await page.evaluate(
      ([apiBaseUrl, jwt]) => {
        const Widget = (window as unknown as { ChatbotFileUpload: new (options: object) => Widget }).ChatbotFileUpload;
        new Widget({ companyId: 'shop', sessionId: 's6', apiBaseUrl, jwt, target: '#place' });
      },
      [server.baseUrl, visitorToken('shop', 's6')],
    );
    const other = page.frameLocator('#place iframe');
    await other.getByText('Live').waitFor();
    await other.locator('input[type=file]').first().setInputFiles({ name: 'b.png', mimeType: '', buffer: png });
    await other.locator('article:not([data-status])').filter({ hasText: 'b.png' }).waitFor();
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['text\n'], 'dropped.txt'));
      document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, cancelable: true, dataTransfer }));
    });
    const first = page.frameLocator('body > iframe');
    await first.locator('article:not([data-status])').filter({ hasText: 'dropped.txt' }).waitFor();
    expect(await first.getByText('b.png').count()).toBe(0);
    expect(await other.getByText('dropped.txt').count()).toBe(0);
    expect(await page.evaluate(() => window.shared.length)).toBe(1);
  });
});

test('axe finds nothing in the frame, empty or with a file in it, light or dark', async () => {
  await openShop({ sessionId: 'a1', jwt: visitorToken('shop', 'a1') });
  const findings = async () => await axeFindings(frameOf(page) ?? page);
  expect(await findings()).toEqual([]);
  await send('a.png', png);
  await shared('a.png').waitFor();
  expect(await findings()).toEqual([]);
  await page.evaluate(() => window.widget?.setTheme('dark'));
  await frame().locator('.chatdrop[data-theme=dark]').waitFor();
  expect(await findings()).toEqual([]);
});

describe('tokens', { timeout: 120_000 }, () => {
  test('getToken is asked again in the middle of an upload that outlasts its token', async () => {
    await openShop({ sessionId: 't1', getToken: true, tokenSeconds: 4 });
    await page.evaluate(() => window.tokens.splice(0));
    await send('film.mp4', mp4(14), 2);
    await shared('film.mp4').waitFor({ timeout: PATIENCE_MS });
    expect(await page.evaluate(() => window.tokens.length)).toBeGreaterThanOrEqual(2);
    expect(creations).toEqual(1);
  });

  test('without getToken it says that the time is over, and setToken lets the upload go on', async () => {
    await openShop({ sessionId: 't2', jwt: visitorToken('shop', 't2') });
    await send('film.mp4', mp4(12), 1);
    await eventually('it is on its way', () => creations === 1);
    // From now on: the page may have taken long to open.
    const short = visitorToken('shop', 't2', { exp: inSeconds(4) });
    await page.evaluate((jwt) => window.widget?.setToken(jwt), short);
    const told = await eventually(
      'the page is told',
      () => page.evaluate(() => window.errors.find(({ code }) => code === 'token-expired')),
      PATIENCE_MS,
    );
    expect(told.detail).toMatch(/\w/);
    await frame().getByText('You are no longer signed in. Reload the page, then go on.').waitFor();
    await frame().getByText('No access').waitFor();
    expect(await axeFindings(frameOf(page) ?? page)).toEqual([]);
    await page.evaluate((jwt) => window.widget?.setToken(jwt), visitorToken('shop', 't2'));
    await shared('film.mp4').waitFor({ timeout: PATIENCE_MS });
    expect(await frame().getByText('You are no longer signed in.').count()).toBe(0);
    expect(creations).toEqual(1);
  });
});

describe('a browser that keeps nothing', { timeout: 120_000 }, () => {
  test('storage in the frame is forbidden: after a reload the file goes on from its offset', async () => {
    await openShop({ sessionId: 'k1', jwt: visitorToken('shop', 'k1') }, { forbidStorage: true });
    const refusal = await frameOf(page)?.evaluate(() => {
      try {
        return String(localStorage.length);
      } catch (error) {
        return (error as Error).name;
      }
    });
    expect(refusal).toBe('SecurityError');
    const film = mp4(16);
    await send('film.mp4', film, 3);
    await eventually('some of it is there', async () => offsets.some((offset) => offset > MIB), PATIENCE_MS);
    await page.reload();
    await frame().getByText('Live').waitFor();
    offsets.length = 0;
    await frame()
      .getByRole('button', { name: /Go on with .*film\.mp4/ })
      .waitFor();
    await send('renamed.mp4', film);
    await shared('film.mp4').waitFor({ timeout: PATIENCE_MS });
    expect(creations).toEqual(1);
    expect(Math.min(...offsets)).toBeGreaterThan(0);
  });
});

describe('hostile pages', () => {
  test('the browser refuses to show the frame where ALLOWED_ORIGINS does not name the page', async () => {
    await openShop({ sessionId: 'h1', jwt: visitorToken('shop', 'h1') }, { name: 'thief' });
    await eventually('the frame is blocked', async () =>
      page.frames().some((each) => each.url().startsWith('chrome-error:')),
    );
  });

  test('and where a browser does not, the frame itself says nothing to it', async () => {
    await openShop({ sessionId: 'h2', getToken: true }, { name: 'thief', withoutPolicy: true });
    await eventually('the frame is there', async () => frameOf(page)?.url().includes('/embed/'));
    await page.waitForTimeout(1000);
    expect(await page.evaluate(() => window.tokens.length)).toBe(0);
    expect(await frame().locator('chat-files').count()).toBe(0);
  });

  test('another frame of the page that greets like ours gets no port and no token', async () => {
    await openShop({ sessionId: 'h3', jwt: visitorToken('shop', 'h3') });
    const answers = await page.evaluate(async () => {
      const other = document.createElement('iframe');
      other.srcdoc = `<script>
        window.answers = 0;
        addEventListener('message', () => { window.answers += 1; });
        parent.postMessage({ chatdrop: 'chatdrop-1' }, '*');
      </script>`;
      document.body.append(other);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return (other.contentWindow as unknown as { answers: number }).answers;
    });
    expect(answers).toBe(0);
  });

  test('our own frame, led away to another site, gets no port and no token', async () => {
    await openShop({ sessionId: 'h5', getToken: true });
    const asked = await page.evaluate(() => window.tokens.length);
    site.show(`<!doctype html><body><script>
      let answers = 0;
      addEventListener('message', () => { answers += 1; });
      parent.postMessage({ chatdrop: 'chatdrop-1' }, '*');
      setTimeout(() => { document.body.textContent = 'answers: ' + answers; }, 500);
    </script>`);
    await page.locator('iframe').evaluate((own, url) => own.setAttribute('src', url), site.url('thief'));
    await frame().getByText('answers: 0').waitFor();
    expect(await page.evaluate(() => window.tokens.length)).toBe(asked);
  });

  test('another frame of our server that the page did not make by us gets no port either', async () => {
    await openShop({ sessionId: 'h6', getToken: true });
    const asked = await page.evaluate(() => window.tokens.length);
    const greeted = await page.evaluate(async (src) => {
      const twin = document.createElement('iframe');
      const greeting = new Promise<boolean>((resolve) => {
        addEventListener('message', ({ source }) => source === twin.contentWindow && resolve(true));
      });
      twin.src = src;
      document.body.append(twin);
      return await greeting;
    }, `${server.baseUrl}/embed/?company_id=shop`);
    expect(greeted).toBe(true);
    // Ours still hears the page: the twin did not take its place.
    await page.evaluate(() => window.widget?.setTheme('dark'));
    await frame().locator('.chatdrop[data-theme=dark]').waitFor();
    expect(await page.frames()[2]?.locator('chat-files').count()).toBe(0);
    expect(await page.evaluate(() => window.tokens.length)).toBe(asked);
  });

  test('a greeting for another company than the address names is not taken', async () => {
    await openShop({ sessionId: 'h4', jwt: visitorToken('shop', 'h4') });
    const isShown = await page.evaluate(async (src) => {
      const mine = document.createElement('iframe');
      mine.src = src;
      const greeted = new Promise<void>((resolve) => {
        addEventListener('message', ({ source, origin }) => {
          if (source !== mine.contentWindow) return;
          const { port2 } = new MessageChannel();
          const welcome = { chatdrop: 'chatdrop-1', companyId: 'other', sessionId: 'h4', canRenew: true };
          mine.contentWindow?.postMessage(welcome, origin, [port2]);
          resolve();
        });
      });
      document.body.append(mine);
      await greeted;
      await new Promise((resolve) => setTimeout(resolve, 500));
      return mine.id;
    }, `${server.baseUrl}/embed/?company_id=shop`);
    expect(isShown).toBe('');
    expect(await page.frames()[2]?.locator('chat-files').count()).toBe(0);
  });

  test('an address without a company, or with a script in it, is 400', async () => {
    for (const query of ['', '?company_id=', '?company_id=%3Cscript%3E', '?company_id=a&company_id=b']) {
      const { status, headers } = await fetch(`${server.baseUrl}/embed/${query}`);
      expect([query, status]).toEqual([query, 400]);
      expect(headers.get('content-type')).toContain('json');
    }
  });
});

describe('its place on the page', () => {
  test('it grows with its content up to the height that it was given', async () => {
    await openShop({ sessionId: 'p1', jwt: visitorToken('shop', 'p1'), height: 500 });
    const heightNow = () => page.locator('iframe').evaluate((element) => element.clientHeight);
    const empty = await heightNow();
    expect(empty).toBeLessThan(500);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await send(`${name}.png`, png);
    await eventually('it has grown', async () => (await heightNow()) === 500);
  });

  test('a script in the head waits for the place that it names; the theme follows the page', async () => {
    await openShop(
      { sessionId: 'p2', jwt: visitorToken('shop', 'p2'), target: '#place', theme: 'dark' },
      { inHead: true },
    );
    expect(await page.locator('#place > iframe').count()).toBe(1);
    const scheme = () => frame().locator('.chatdrop').getAttribute('data-theme');
    expect(await scheme()).toBe('dark');
    await page.evaluate(() => window.widget?.setTheme('light'));
    await eventually('it is light', async () => (await scheme()) === 'light');
  });

  test('a page with a strict policy of its own: only the script and the frame are named', async () => {
    const policy = `default-src 'none'; script-src ${server.baseUrl} 'nonce-x'; frame-src ${server.baseUrl}`;
    await openShop({ sessionId: 'p3', jwt: visitorToken('shop', 'p3') }, { policy });
    await send('a.png', png);
    await shared('a.png').waitFor();
    expect(violations).toEqual([]);
  });
});

const MIB = 1024 * 1024;
const PATIENCE_MS = 60_000;
const png = pngFile({ width: 40, height: 30 });
/** POSTs and DELETEs to the tus endpoint, offsets of PATCHes, and what the pages' policies refused, since the page was opened. */
let creations = 0;
let deletions = 0;
const offsets: number[] = [];
const violations: string[] = [];

type Widget = {
  destroy(): void;
  setToken(jwt: string): void;
  setTheme(name: string): void;
  addFiles(files: File[]): void;
};
declare global {
  interface Window {
    widget?: Widget;
    shared: unknown[];
    errors: { code: string; detail: string }[];
    /** One entry for each time that the page was asked for a token. */
    tokens: number[];
    /** What the widget listens to on the page. */
    listeners: string[];
    freshToken(): Promise<string>;
  }
}

const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds;
const mp4 = (mebibytes: number) => mp4File(mebibytes * MIB);
const frame = (): FrameLocator => page.frameLocator('iframe').first();
const frameOf = (host: Page) => host.frames().find((each) => each.url().includes('/embed/'));
const shared = (name: string) => frame().locator('article:not([data-status])').filter({ hasText: name });

/** Chooses a file in the frame; `megabytesPerSecond` slows all that goes up from then on. */
async function send(name: string, buffer: Buffer, megabytesPerSecond?: number): Promise<void> {
  if (megabytesPerSecond !== undefined) {
    const network = await page
      .context()
      .newCDPSession(frameOf(page) ?? page)
      .catch(() => page.context().newCDPSession(page));
    await network.send('Network.enable');
    const conditions = {
      offline: false,
      latency: 0,
      downloadThroughput: -1,
      uploadThroughput: megabytesPerSecond * MIB,
    };
    await network.send('Network.emulateNetworkConditions', conditions);
  }
  await frame()
    .locator('input[type=file]')
    .first()
    .setInputFiles(await fileOnDisk(name, buffer));
}

type ShopOptions = {
  name?: string;
  /** Takes the frame's Content-Security-Policy away, as a browser does that knows none. */
  withoutPolicy?: boolean;
  inHead?: boolean;
  /** The shop's own Content-Security-Policy. */
  policy?: string;
  forbidStorage?: boolean;
};

/** Opens the site and waits for the widget to be live, where it can be. */
async function openShop(
  {
    getToken,
    tokenSeconds = 600,
    ...options
  }: { sessionId: string; jwt?: string; getToken?: boolean; tokenSeconds?: number } & Record<string, unknown>,
  { name = 'shop', withoutPolicy, inHead, policy, forbidStorage }: ShopOptions = {},
): Promise<void> {
  const scripts = `<script src="${server.baseUrl}/widget.js"></script>
    <script nonce="x">
      Object.assign(window, { shared: [], errors: [], tokens: [], listeners: [] });
      for (const target of [window, document]) {
        const { addEventListener: add, removeEventListener: remove } = EventTarget.prototype;
        target.addEventListener = (type, ...rest) => { window.listeners.push(type); add.call(target, type, ...rest); };
        target.removeEventListener = (type, ...rest) => {
          const at = window.listeners.indexOf(type);
          if (at >= 0) window.listeners.splice(at, 1);
          remove.call(target, type, ...rest);
        };
      }
      window.widget = new ChatbotFileUpload({
        ...${JSON.stringify({ companyId: 'shop', apiBaseUrl: server.baseUrl, ...options })},
        ${getToken ? 'getToken: () => { window.tokens.push(1); return window.freshToken(); },' : ''}
        onFileShared: (file) => window.shared.push(file),
        onError: (error) => window.errors.push(error),
      });
    </script>`;
  site.show(
    `<!doctype html><title>Shop</title>${inHead ? scripts : ''}<body><h1>Shop</h1><div id="place"></div>${inHead ? '' : scripts}`,
    policy === undefined ? {} : { 'Content-Security-Policy': policy },
  );
  creations = 0;
  deletions = 0;
  offsets.length = 0;
  violations.length = 0;
  page = await (await contextFor(forbidStorage ?? false)).newPage();
  await page.exposeFunction('freshToken', () =>
    visitorToken('shop', options.sessionId, { exp: inSeconds(tokenSeconds) }),
  );
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) violations.push(message.text());
  });
  page.on('request', (request) => {
    if (!request.url().includes('/api/chat/tus')) return;
    if (request.method() === 'DELETE') deletions += 1;
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']));
  });
  // One that came when its token had just ended made nothing.
  page.on('response', (response) => {
    if (/\/api\/chat\/tus\//.test(response.url()) && response.status() === 201) creations += 1;
  });
  if (withoutPolicy) {
    await page.route('**/embed/*', async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers() };
      delete headers['content-security-policy'];
      await route.fulfill({ response, headers });
    });
  }
  await page.goto(site.url(name));
  if (name === 'shop') await frame().locator('.connection[data-state=live]').waitFor();
}

/** One whose user has forbidden all cookies: the browser then forbids every other storage too. */
async function contextFor(forbidStorage: boolean): Promise<BrowserContext> {
  if (!forbidStorage) return await browser.newContext();
  const profile = await mkdtemp(join(tmpdir(), 'chatdrop-profile-'));
  profiles.push(profile);
  await mkdir(join(profile, 'Default'));
  const settings = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(profile, 'Default/Preferences'), JSON.stringify(settings));
  return await launchChromiumProfile(profile);
}
