/** Takes the README's picture of the widget, and others of every state to look at: `npm run build && node test/pictures/take-widget-pictures.ts FOLDER`. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, CDPSession, FrameLocator, Locator, Page } from 'playwright-core';
import { shareFile } from '../services/chat-api.ts';
import type { ChatRoom } from '../services/chat-room.ts';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { exeFile, mp4File, pdfFile, textFile } from '../services/fixtures.ts';
import { freePort } from '../services/free-port.ts';
import { startHttpFront } from '../services/http-front.ts';
import { wavFile } from '../services/media-files.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';
import { agentToken, visitorToken } from '../services/tokens.ts';
import { create, patch } from '../services/tus-wire.ts';
import { startWebPage } from '../services/web-page.ts';
import { drawScene } from './sample-files.ts';

const MIB = 1024 * 1024;
const TUS = '/api/chat/tus';
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true };
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const NARROW = { viewport: { width: 320, height: 640 }, deviceScaleFactor: 2 };
const RUNS = {
  phone: { device: PHONE, colorScheme: 'light', locale: 'en' },
  'phone-dark': { device: PHONE, colorScheme: 'dark', locale: 'en' },
  'phone-dark-rtl': { device: PHONE, colorScheme: 'dark', locale: 'ar' },
  desktop: { device: DESKTOP, colorScheme: 'dark', locale: 'en' },
  'desktop-light-rtl': { device: DESKTOP, colorScheme: 'light', locale: 'he' },
  narrow: { device: NARROW, colorScheme: 'light', locale: 'de' },
} as const;
type Run = (typeof RUNS)[keyof typeof RUNS];

const [folder = 'pictures', ...only] = process.argv.slice(2);
await mkdir(folder, { recursive: true });
const files = await mkdtemp(join(tmpdir(), 'chatdrop-pictures-'));
const port = await freePort();
const front = await startHttpFront({ targetPort: port });
const wire = await startTcpProxy({ targetPort: front.port });
const baseUrl = `http://127.0.0.1:${wire.port}`;
const site = await startWebPage();
const server = await startChatdrop({ port, env: { PUBLIC_URL: baseUrl, ALLOWED_ORIGINS: site.origin('shop') } });
const browser = await launchChromium(['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']);
try {
  for (const [name, run] of Object.entries(RUNS)) {
    if (only.length === 0 || only.includes(name)) await walk(browser, name, run);
  }
  if (only.length === 0 || (only.includes('phone') && only.includes('phone-dark')))
    await putTogether(browser, ['phone-07-uploading', 'phone-10-offers', 'phone-dark-03-files']);
} finally {
  await browser.close();
  await server.stop();
  await wire.stop();
  await front.stop();
  await site.close();
  await rm(files, { recursive: true, force: true });
}

async function walk(from: Browser, name: string, run: Run): Promise<void> {
  const room = roomOf(name);
  const context = await from.newContext({ ...run.device, colorScheme: run.colorScheme, locale: run.locale });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  site.show(shop(room, run));
  await page.goto(site.url('shop'));
  const frame = page.frameLocator('iframe');
  const live = () => frame.locator('.connection[data-state=live]').waitFor();
  await live();
  let number = 0;
  const take = async (state: string) => {
    number += 1;
    await page.waitForTimeout(500);
    await page.screenshot({ path: join(folder, `${name}-${String(number).padStart(2, '0')}-${state}.png`) });
  };
  const cards = (status: string): Locator => frame.locator(`article[data-status=${status}]`);
  const choose = (...chosen: [string, Buffer][]) => chooseIn(frame, chosen);

  await take('empty');
  await page.evaluate(() => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['x'], 'x.png'));
    const over = () =>
      document.body.dispatchEvent(new DragEvent('dragover', { dataTransfer, bubbles: true, cancelable: true }));
    over();
    Object.assign(window, { hovering: setInterval(over, 100) });
  });
  await frame.locator('.drop-overlay').waitFor();
  await take('drag');
  await page.evaluate(() => clearInterval((window as unknown as { hovering: number }).hovering));
  await frame.locator('.drop-overlay').waitFor({ state: 'detached' });

  await fillChat(from, room);
  await frame.locator('article:not([data-status])').nth(3).waitFor();
  await take('files');
  const film = mp4File(4 * MIB);
  const { url } = await create({
    baseUrl,
    token: room.agent,
    length: film.length,
    metadata: { filename: 'how to unpack it.mp4', session_id: room.session },
  });
  await patch({ url, token: room.agent, offset: 0, body: film.subarray(0, 1.7 * MIB) });
  await cards('incoming').waitFor();
  await take('incoming');
  await press(frame.locator('.picture').first());
  await frame.locator('.slide-image[data-shown=true]').first().waitFor();
  await take('lightbox');
  await page.keyboard.press('Escape');
  await press(frame.locator('[data-own=true] .bubble button').last());
  await take('delete');
  await page.keyboard.press('Escape');
  await frame.locator('.scroller').evaluate((each) => {
    ((each.getRootNode() as ShadowRoot).activeElement as HTMLElement | null)?.blur();
  });

  const network = await slowDown(page, 1.2 * MIB);
  await choose(['video.mp4', mp4File(24 * MIB)], ['contract, signed by both.pdf', pdfFile(6 * MIB)]);
  await cards('uploading').first().locator('progress').waitFor();
  await page.waitForTimeout(7000);
  await take('uploading');
  await press(frame.locator('article[data-status=uploading] .card-actions button').first());
  await cards('paused').waitFor();
  await take('paused');
  await press(cards('paused').locator('.card-actions button').first());
  await cards('uploading').first().waitFor();
  await network.detach();
  await context.setOffline(true);
  await frame.locator('.banner').waitFor();
  await cards('waiting').first().waitFor();
  await take('offline');
  await context.setOffline(false);
  front.setRule(({ method }) => (method === 'PATCH' ? 'swallow' : undefined));
  wire.rate(Number.POSITIVE_INFINITY);
  await page.reload();
  await frame.locator('.offer').first().waitFor();
  await take('offers');
  while ((await frame.locator('.offer').count()) > 0) {
    const before = await frame.locator('.offer').count();
    await press(frame.locator('.offer .icon-button').first());
    await frame
      .locator('.offer')
      .nth(before - 1)
      .waitFor({ state: 'detached' });
  }
  front.setRule(null);

  await choose(['setup.exe', textFile()], ['large film of the whole afternoon.mp4', mp4File(26 * MIB)]);
  await choose(['holiday.png', Buffer.concat([exeFile(), Buffer.alloc(MIB)])]);
  await cards('failed').nth(1).waitFor();
  await take('refused');
  await dismiss(cards('failed'));
  if (await frame.locator('.notice button').count()) await press(frame.locator('.notice button').first());
  for (const [status, code] of [
    [429, 'rate-limited'],
    [503, 'storage-unavailable'],
    [507, 'storage-full'],
  ] as const) {
    front.setRule(({ method, path }) =>
      method === 'POST' && path.startsWith(TUS)
        ? { status, headers: { 'retry-after': '40' }, body: JSON.stringify({ code }) }
        : undefined,
    );
    await choose([`${code}.txt`, textFile()]);
    await cards(status === 507 ? 'failed' : 'waiting')
      .last()
      .waitFor();
  }
  await take('waiting');
  front.setRule(null);
  await page.reload();
  await live();

  const menu = frame.locator('[aria-haspopup=menu]').first();
  await press(menu);
  await take('menu');
  await page.keyboard.press('Escape');
  const way = async (at: number) => {
    const beside = frame.locator('.composer-ways > .icon-button');
    if ((await beside.count()) > 1) return await press(beside.nth(at));
    await press(menu);
    await press(frame.locator('[role=menuitem]').nth(at));
  };
  await way(1);
  await frame.locator('.recorder-row').waitFor();
  await page.waitForTimeout(2500);
  await take('voice');
  await press(frame.locator('.recorder-row .round-button'));
  await frame.locator('.recorder-row audio').waitFor();
  await take('voice-done');
  await press(frame.locator('.recorder-row .round-button'));
  if (run.device !== PHONE) {
    await way(0);
    await page.waitForTimeout(1500);
    await take('camera');
    await page.keyboard.press('Escape');
  }
  await page.evaluate(() =>
    (window as unknown as { widget: { setToken(jwt: string): void } }).widget.setToken('x.y.z'),
  );
  wire.cut();
  await page.waitForTimeout(2500);
  await choose(['note.txt', textFile(200)]);
  await page.waitForTimeout(2500);
  await take('signed-out');
  await context.close();
}

function roomOf(name: string): ChatRoom {
  return { company: 'shop', session: name, visitor: visitorToken('shop', name), agent: agentToken('shop') };
}

function shop({ visitor, session }: ChatRoom, { device, colorScheme, locale }: Run): string {
  const isDesktop = device === DESKTOP;
  const options = { companyId: 'shop', sessionId: session, jwt: visitor, locale, height: 'fill', target: '#chat' };
  return `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Northwind</title>
    <style>
      body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: ${colorScheme === 'dark' ? '#10131a' : '#eef1f5'}; color: ${colorScheme === 'dark' ? '#dfe3ea' : '#222'} }
      main { padding: 48px; max-width: 640px } #chat { ${
        isDesktop
          ? 'position: fixed; right: 32px; bottom: 32px; width: 400px; height: 680px; border-radius: 16px; overflow: hidden; box-shadow: 0 12px 48px rgb(0 0 0 / .3)'
          : 'position: fixed; inset: 0'
      } }
    </style>
    ${isDesktop ? '<main><h1>Northwind</h1><p>Furniture for small flats.</p></main>' : ''}
    <div id="chat"></div>
    <script src="${baseUrl}/widget.js"></script>
    <script>window.widget = new ChatbotFileUpload(${JSON.stringify(options)})</script>`;
}

async function fillChat(from: Browser, room: ChatRoom): Promise<void> {
  const canvas = await from.newPage();
  const share = (name: string, body: Buffer, token = room.visitor) => shareFile({ baseUrl, room, name, body, token });
  await share('damaged parcel, front.jpg', await drawScene(canvas, 'parcel', 2));
  await share('the other side of it.jpg', await drawScene(canvas, 'room', 1));
  await share('how it should look.jpg', await drawScene(canvas, 'lake', 1), room.agent);
  await share('return-label-2217.pdf', pdfFile(140_000), room.agent);
  await share('voice note.wav', wavFile(7));
  await share('a list of everything that was in the box, with all the numbers.txt', textFile(2000));
  await canvas.close();
}

/** By the browser: what a proxy does not take yet, the system's buffers do, and it looks as if it were sent. */
async function slowDown(page: Page, uploadThroughput: number): Promise<CDPSession> {
  const frame = page.frames().find((each) => each.url().includes('/embed/'));
  const network = await page.context().newCDPSession(frame ?? page);
  await network.send('Network.enable');
  const conditions = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput };
  await network.send('Network.emulateNetworkConditions', conditions);
  return network;
}

/** Three phones beside each other, for the README. */
async function putTogether(from: Browser, names: string[]): Promise<void> {
  const page = await from.newPage({ viewport: { width: 3 * 300 + 4 * 36, height: 722 } });
  const pictures = await Promise.all(names.map((name) => readFile(join(folder, `${name}.png`), 'base64')));
  const phones = pictures.map((data) => `<img src="data:image/png;base64,${data}">`).join('');
  await page.setContent(`<style>
      body { display: flex; gap: 36px; box-sizing: border-box; height: 100vh; margin: 0; padding: 36px; background: #e9ecf3 }
      img { width: 300px; height: 650px; border-radius: 28px; box-shadow: 0 12px 40px rgb(20 25 40 / .22) }
    </style>${phones}`);
  await page
    .locator('img')
    .last()
    .evaluate((img: HTMLImageElement) => img.decode());
  await page.screenshot({ path: join(folder, 'widget.png') });
  await page.close();
}

async function chooseIn(frame: FrameLocator, chosen: [string, Buffer][]): Promise<void> {
  const paths = await Promise.all(
    chosen.map(async ([name, content]) => {
      const path = join(files, name);
      await writeFile(path, content);
      return path;
    }),
  );
  await frame.locator('.pick-button input').setInputFiles(paths);
}

/** By script: Chromium's mouse misses what stands in another site's frame of an emulated phone. */
async function press(button: Locator): Promise<void> {
  await button.scrollIntoViewIfNeeded();
  await button.evaluate((element: HTMLElement) => element.click());
}

async function dismiss(failed: Locator): Promise<void> {
  for (let left = await failed.count(); left > 0; left -= 1) {
    await press(failed.first().getByRole('button').last());
    await failed.nth(left - 1).waitFor({ state: 'detached' });
  }
}
