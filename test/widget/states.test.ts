/** Every state that an upload and a chat can be in, as people meet it: axe finds nothing, and nothing overflows. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { axeFindings } from '../services/axe.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { exeFile, mp4File, pngFile, textFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { type HttpFront, startHttpFront } from '../services/http-front.ts';
import { startTcpProxy, type TcpProxy } from '../services/tcp-proxy.ts';

const MIB = 1024 * 1024;
const PATIENCE_MS = 60_000;
const TUS = '/api/chat/tus';

let server: Chatdrop;
let front: HttpFront;
let wire: TcpProxy;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-states-'));
  const port = await freePort();
  front = await startHttpFront({ targetPort: port });
  wire = await startTcpProxy({ targetPort: front.port });
  const env = { PUBLIC_URL: `http://127.0.0.1:${wire.port}` };
  server = await startChatdrop({ port, development: true, env });
  browser = await launchChromium();
});

afterEach(async () => {
  front.setRule(null);
  wire.rate(Number.POSITIVE_INFINITY);
  await context?.close();
});

afterAll(async () => {
  await browser?.close();
  await wire?.stop();
  await front?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const DEVICES = {
  'a desktop, light, from left to right': { width: 1280, height: 800, theme: 'light', locale: 'en' },
  'a phone, dark, from right to left': { width: 320, height: 700, theme: 'dark', locale: 'ar' },
} as const;

test.each(Object.keys(DEVICES) as (keyof typeof DEVICES)[])(
  'on %s',
  async (name) => {
    const device = DEVICES[name];
    await open(device);
    await look('empty');

    // What can be told without the server, and what it refuses.
    await choose({ name: 'setup.exe', content: textFile() }, { name: 'large.mp4', content: mp4File(26 * MIB) });
    await page.locator('[data-side=user] .notice').first().waitFor();
    await choose({
      name: `${'a-long-name-'.repeat(12)}holiday.png`,
      content: Buffer.concat([exeFile(), Buffer.alloc(MIB)]),
    });
    await cards('failed').first().waitFor();
    await look('refused');
    await dismissAll();

    // Slow: the other side sees it coming; paused, several, and the question before all are given up.
    wire.rate(256 * 1024);
    const slow = ['film', 'second', 'third', 'fourth', 'fifth', 'sixth'].map((file, at) => ({
      name: `${file}.mp4`,
      content: mp4File((8 + at) * MIB),
    }));
    await choose(...slow);
    await cards('uploading').first().locator('progress').waitFor();
    await page.locator('[data-side=agent] .bubble').first().waitFor();
    await look('uploading');
    await page.locator('[data-side=user] .summary button').first().click();
    await cards('paused').first().waitFor();
    await look('paused');
    await page.locator('[data-side=user] .summary button').last().click();
    await look('question before all are given up');
    await page.keyboard.press('Escape');

    // The network goes; the page is reloaded, and what is unfinished is offered.
    await page.locator('[data-side=user] .summary button').first().click();
    await cards('uploading').first().waitFor();
    await context.setOffline(true);
    await page.locator('[data-side=user] .banner').waitFor();
    await look('offline');
    await context.setOffline(false);
    front.setRule(({ method }) => (method === 'PATCH' ? 'swallow' : undefined));
    wire.rate(Number.POSITIVE_INFINITY);
    await page.reload();
    await page.locator('[data-side=user] .offer').first().waitFor({ timeout: PATIENCE_MS });
    await look('offered to go on');
    const chooser = page.waitForEvent('filechooser');
    await page.locator('[data-side=user] .offer button').first().click();
    await (await chooser).setFiles(await fileNamed('another.txt', textFile(77)));
    await page.locator('[data-side=user] .offers [role=alert]').first().waitFor();
    await look('another file was chosen for an offer');

    // The server asks to wait, or has ended the token.
    front.setRule(({ method, path }) =>
      method === 'POST' && path.startsWith(TUS)
        ? {
            status: 429,
            headers: { 'retry-after': '40', 'content-type': 'application/problem+json' },
            body: '{"code":"rate-limited"}',
          }
        : undefined,
    );
    await choose({ name: 'later.png', content: pngFile({ width: 300, height: 200 }) });
    await cards('waiting').first().waitFor();
    await look('asked to wait');
    front.setRule(({ path }) => (path.startsWith(TUS) ? { status: 507, body: '{"code":"storage-full"}' } : undefined));
    await choose({ name: 'full.png', content: pngFile({ width: 30, height: 20 }) });
    await cards('failed').first().waitFor();
    await look('the storage is full');
    front.setRule(null);

    // Shared, from both sides, and about to be deleted.
    await dismissAll();
    await choose({ name: 'portrait.png', content: pngFile({ width: 200, height: 300 }) });
    await page.locator('[data-side=user] article:not([data-status])').filter({ hasText: 'portrait.png' }).waitFor();
    await look('shared');
  },
  180_000,
);

async function open({ width, height, theme, locale }: (typeof DEVICES)[keyof typeof DEVICES]): Promise<void> {
  context = await browser.newContext({ viewport: { width, height }, colorScheme: theme });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  await page.goto(`http://127.0.0.1:${wire.port}/demo/?locale=${locale}`);
  await page.locator('[data-side=user] .connection[data-state=live]').waitFor();
}

/** What a person with a screen reader, a small screen or other colours meets in this state. */
async function look(state: string): Promise<void> {
  expect(await axeFindings(page), state).toEqual([]);
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(beyond, `${state}: pixels that overflow`).toBeLessThanOrEqual(0);
}

const cards = (status: string): Locator => page.locator(`[data-side=user] article[data-status=${status}]`);

async function dismissAll(): Promise<void> {
  const failed = cards('failed');
  while ((await failed.count()) > 0) {
    // Another may fail just now, so that their number says nothing.
    const card = await failed.first().elementHandle();
    await failed.first().getByRole('button').last().click();
    await card?.waitForElementState('hidden', { timeout: PATIENCE_MS });
  }
}

async function choose(...files: { name: string; content: Buffer }[]): Promise<void> {
  const paths = await Promise.all(files.map(({ name, content }) => fileNamed(name, content)));
  await page.locator('[data-side=user] .pick-button input').setInputFiles(paths);
}

async function fileNamed(name: string, content: Buffer): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}
