/** Adding files in every way that a device has: recorded, photographed, dropped, pasted, made smaller, and what is left out. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, devices, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { axeFindings } from '../services/axe.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium, launchWholeChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { fileOnDisk } from '../services/file-on-disk.ts';
import { mp4File, pdfFile, pngFile, textFile } from '../services/fixtures.ts';

const MIB = 1024 * 1024;
/** A slow machine needs its time; nothing here waits for the clock. */
const PATIENCE_MS = 60_000;
const VISITOR = { within: 'chat-files[heading=Visitor]' };
const FAKE_DEVICES = ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];

let server: Chatdrop;
/** Takes pictures of up to 40 kB, and sound. */
let small: Chatdrop;
/** Takes pictures only. */
let pictures: Chatdrop;
let browser: Browser;
let folder: string;
let page: Page;
let mistakes: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-adding-'));
  const development = true;
  server = await startChatdrop({ development, env: { CHAT_MAX_FILE_SIZE: '60MB' } });
  small = await startChatdrop({
    development,
    env: { CHAT_MAX_FILE_SIZE: '40KB', CHAT_ALLOWED_FILE_TYPES: 'image/*,audio/*' },
  });
  pictures = await startChatdrop({ development, env: { CHAT_ALLOWED_FILE_TYPES: 'image/*' } });
  browser = await launchChromium(FAKE_DEVICES);
});

afterEach(async () => {
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await Promise.all([server, small, pictures].map((each) => each?.stop()));
  await rm(folder, { recursive: true, force: true });
});

describe('the menu', () => {
  test('works by keyboard alone, and gives the focus back', async () => {
    await open();
    const button = pane().getByRole('button', { name: 'More ways to add' });
    await button.press('ArrowDown');
    expect(await focusedText()).toBe('Choose a folder');
    await page.keyboard.press('End');
    expect(await focusedText()).toContain('Smaller pictures');
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await page.keyboard.press('ArrowDown');
    expect(await focusedText()).toBe('Choose a folder');
    await page.keyboard.press('Escape');
    expect(await focusedText()).toBe('More ways to add');
    expect(await pane().getByRole('menu').count()).toBe(0);
    expect(mistakes).toEqual([]);
  });

  test('holds everything but the main button at 320 pixels, and nothing overflows', async () => {
    await open(server, { viewport: { width: 320, height: 640 } });
    await pane().getByRole('button', { name: 'More ways to add' }).click();
    await eventually('all ways are in it', async () => {
      const ways = await pane().getByRole('menuitem').allTextContents();
      return ways.join() === 'Camera,Voice note,Choose a folder';
    });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    expect(await axeFindings(page, VISITOR)).toEqual([]);
  });
});

describe('a voice note', () => {
  test('is recorded, paused, listened to and sent as sound; the microphone is off afterwards', async () => {
    await open();
    await pane().getByRole('button', { name: 'Voice note' }).click();
    await recordedSeconds(1);
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await pane().getByRole('button', { name: 'Pause' }).click();
    await pane().getByText('paused').waitFor();
    await pane().getByRole('button', { name: 'Resume' }).click();
    await recordedSeconds(2);
    expect(await liveTracks()).toBe(1);
    await pane().getByRole('button', { name: 'Stop recording' }).click();
    await pane().locator('audio').waitFor();
    expect(await liveTracks()).toBe(0);
    expect(await focusedText()).toBe('Send');
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await page.keyboard.press('Enter');
    const [file] = await sharedFiles();
    expect(file).toMatchObject({ mime_type: expect.stringMatching(/^audio\/(webm|mp4)$/) });
    expect(file?.name).toMatch(/^Voice note \d{4}-\d\d-\d\d at \d\d\.\d\d\.(weba|m4a)$/);
    expect(await focusedText()).toBe('Voice note');
    expect(mistakes).toEqual([]);
  });

  test('of a page that says no type, or “video”, is sound all the same', async () => {
    await open();
    await pane().evaluate(async (within) => {
      const recorder = new MediaRecorder(await navigator.mediaDevices.getUserMedia({ audio: true }), {
        mimeType: 'audio/webm',
      });
      const recorded = new Promise<Blob>((resolve) => {
        recorder.ondataavailable = ({ data }) => resolve(data);
      });
      recorder.start();
      setTimeout(() => recorder.stop(), 300);
      const bytes = await recorded;
      for (const track of recorder.stream.getTracks()) track.stop();
      const { host } = within.getRootNode() as ShadowRoot;
      (host as unknown as { addFiles(files: File[]): void }).addFiles([
        new File([bytes], 'untyped.webm'),
        new File([bytes], 'called-a-video.webm', { type: 'video/webm' }),
      ]);
    });
    const files = await sharedFiles(server, 2);
    expect(files.map(({ mime_type: type }) => type)).toEqual(['audio/webm', 'audio/webm']);
    await pane().getByRole('slider').nth(1).waitFor();
  });

  test('is asked about before it is thrown away', async () => {
    await open();
    await pane().getByRole('button', { name: 'Voice note' }).click();
    await recordedSeconds(1);
    await page.keyboard.press('Escape');
    await pane().getByText('Discard the recording?').waitFor();
    expect(await focusedText()).toBe('Keep');
    await page.keyboard.press('Enter');
    await pane().getByRole('button', { name: 'Discard' }).click();
    await pane().getByRole('button', { name: 'Discard' }).click();
    await pane().getByRole('button', { name: 'Voice note' }).waitFor();
    expect(await liveTracks()).toBe(0);
    expect(await pane().locator('article').count()).toBe(0);
  });

  test('ends with the widget: no microphone stays on', async () => {
    await open();
    await pane().getByRole('button', { name: 'Voice note' }).click();
    await recordedSeconds(1);
    await page.evaluate(() => document.querySelector('chat-files')?.remove());
    await eventually('the microphone is off', async () => (await liveTracks()) === 0);
  });

  test('counts down to what may be sent, and stops there by itself', async () => {
    await open(small);
    // From here on: it is there for as long as may be recorded.
    const countsDown = pane()
      .getByText(/stops in/)
      .waitFor();
    await pane().getByRole('button', { name: 'Voice note' }).click();
    await countsDown;
    await pane().locator('audio').waitFor();
    await pane().getByRole('button', { name: 'Send' }).click();
    const [file] = await sharedFiles(small);
    expect(file?.mime_type).toMatch(/^audio\//);
    expect(file?.size).toBeLessThanOrEqual(40 * 1024);
  });

  test('without permission says what to do', async () => {
    const asking = await launchWholeChromium(FAKE_DEVICES.slice(0, 1));
    onTestFinished(() => asking.close());
    await open(server, {}, asking);
    // What is not granted is denied.
    await page.context().grantPermissions([]);
    await pane().getByRole('button', { name: 'Voice note' }).click();
    await pane().getByText('The microphone is blocked.').waitFor();
    expect(await focusedText()).toBe('Try again');
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await page.keyboard.press('Escape');
    await pane().getByText('Choose files').waitFor();
  });

  test('a part that cannot be loaded says so and can be asked for again', async () => {
    await open();
    let isAway = true;
    await page.route('**/widget/chunk-*.js', (route) => (isAway ? route.abort() : route.continue()));
    await pane().getByRole('button', { name: 'Voice note' }).click();
    await pane().getByText('The server cannot be reached.').waitFor();
    isAway = false;
    await page.unroute('**/widget/chunk-*.js');
    await pane().getByRole('button', { name: 'Try again' }).click();
    await recordedSeconds(1);
  });
});

describe('the camera', () => {
  test('takes a photo, takes it again, and sends it', async () => {
    await open();
    await pane().getByRole('button', { name: 'Camera' }).click();
    const shutter = page.getByRole('button', { name: 'Take a photo' });
    await eventually('the shutter has the focus', async () => (await focusedText()) === 'Take a photo');
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await shutter.press('Enter');
    await page.getByRole('img', { name: 'Photo' }).waitFor();
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await page.keyboard.press('Escape');
    await shutter.click();
    await page.getByRole('button', { name: 'Send' }).click();
    const [file] = await sharedFiles();
    expect(file).toMatchObject({ mime_type: 'image/jpeg', name: expect.stringMatching(/^Photo .+\.jpg$/) });
    expect(await liveTracks()).toBe(0);
    expect(await focusedText()).toBe('Camera');
    expect(mistakes).toEqual([]);
  });

  test('records a video with sound', async () => {
    await open();
    await pane().getByRole('button', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Video', exact: true }).click();
    await page.getByRole('button', { name: 'Record a video' }).click();
    await recordedSeconds(1);
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await page.getByRole('button', { name: 'Stop recording' }).click();
    await page.getByRole('button', { name: 'Send' }).click();
    const [file] = await sharedFiles();
    expect(file?.mime_type).toMatch(/^video\/(webm|mp4)$/);
    expect(await liveTracks()).toBe(0);
  });

  test('of a phone is its own app', async () => {
    await open(server, devices['Pixel 7']);
    expect(await pane().getByRole('button', { name: 'Camera' }).count()).toBe(0);
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      pane().getByRole('button', { name: 'Take a photo' }).click(),
    ]);
    const input = chooser.element();
    expect([await input.getAttribute('accept'), await input.getAttribute('capture')]).toEqual([
      'image/*',
      'environment',
    ]);
    await chooser.setFiles({ name: 'IMG_1.jpg', mimeType: 'image/png', buffer: pngFile() }).catch(() => {});
    await pane().getByRole('button', { name: 'More ways to add' }).click();
    expect(await pane().getByRole('menuitem', { name: 'Choose a folder' }).count()).toBe(0);
    expect(await pane().getByRole('menuitem', { name: 'Record a video' }).count()).toBe(1);
    expect(await axeFindings(page, VISITOR)).toEqual([]);
  });
});

describe('what may not be sent', () => {
  test('is not offered', async () => {
    await open(pictures);
    expect(await pane().getByRole('button', { name: 'Voice note' }).count()).toBe(0);
    expect(await pane().locator('input[type=file]').first().getAttribute('accept')).toBe('image/*');
    await pane().getByRole('button', { name: 'Camera' }).click();
    await page.getByRole('button', { name: 'Take a photo' }).waitFor();
    expect(await page.getByRole('button', { name: 'Video', exact: true }).count()).toBe(0);
  });

  test('is refused in a sentence, without a request', async () => {
    await open(pictures);
    const requests: string[] = [];
    page.on('request', (request) => request.method() !== 'GET' && requests.push(request.url()));
    await choose(
      { name: 'plan.pdf', mimeType: 'application/pdf', buffer: pdfFile() },
      { name: 'setup.exe', mimeType: '', buffer: textFile() },
    );
    await pane().getByText('plan.pdf: Files of this type are not allowed here.').waitFor();
    await pane().getByText('setup.exe: Programs, scripts').waitFor();
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    const large = await fileOnDisk('large.png', pngFile({ bytes: 26 * MIB }));
    await pane().locator('input[type=file]').first().setInputFiles(large);
    await pane().getByText('The limit is 25 MB').waitFor();
    expect(requests).toEqual([]);
  });

  test('more than can be open at once is counted; all can be paused and given up in one line', async () => {
    await open();
    // What uploads is loaded with the first file.
    await choose({ name: 'first.txt', mimeType: 'text/plain', buffer: textFile() });
    await sharedFiles();
    await page.context().setOffline(true);
    const files = Array.from({ length: 205 }, (_, at) => ({
      name: `note-${at}.txt`,
      mimeType: 'text/plain',
      buffer: Buffer.from(`note ${at}\n`),
    }));
    await choose(...files);
    await pane().getByText('5 were left out').waitFor();
    const summary = pane().getByRole('region', { name: '200 files on their way' });
    await summary.getByRole('button', { name: 'Pause all' }).click();
    await pane().locator('article[data-status=paused]').nth(199).waitFor({ timeout: PATIENCE_MS });
    expect(await focusedText()).toBe('Resume all');
    await summary.getByRole('button', { name: 'Cancel all' }).click();
    expect(await focusedText()).toBe('Go on');
    await summary.getByRole('button', { name: 'Give up' }).click();
    await eventually('all are gone', async () => (await pane().locator('article[data-status]').count()) === 0);
  }, 120_000);
});

describe('smaller pictures', () => {
  test('are made before they are sent, and the wish is remembered', async () => {
    await open();
    await pane().getByRole('button', { name: 'More ways to add' }).click();
    await pane()
      .getByRole('menuitemcheckbox', { name: /Smaller pictures/ })
      .click();
    const originalBytes = await chooseNoise('holiday.png', 2400, 1200);
    await choose(
      { name: 'tiny.png', mimeType: 'image/png', buffer: pngFile({ width: 40, height: 30 }) },
      { name: 'broken.png', mimeType: 'image/png', buffer: pngFile().subarray(0, 50) },
    );
    const files = await sharedFiles(server, 3);
    const holiday = files.find(({ name }) => name === 'holiday.webp');
    expect(holiday).toMatchObject({ mime_type: 'image/webp' });
    expect(holiday?.size).toBeLessThan(originalBytes * 0.9);
    const { width, height } = await sizeOf(String(holiday?.url));
    expect([width, height]).toEqual([2048, 1024]);
    expect(files.map(({ name }) => name)).toContain('tiny.png');
    await page.reload();
    await pane().getByRole('button', { name: 'More ways to add' }).click();
    const wish = pane().getByRole('menuitemcheckbox', { name: /Smaller pictures/ });
    expect(await wish.getAttribute('aria-checked')).toBe('true');
  });
});

describe('drop and paste', () => {
  test('a folder is opened, an empty one is told, text does nothing', async () => {
    await open();
    await mkdir(join(folder, 'trip', 'day one'), { recursive: true });
    await mkdir(join(folder, 'nothing'), { recursive: true });
    await writeFile(join(folder, 'trip', 'a.txt'), 'a\n');
    await writeFile(join(folder, 'trip', 'day one', 'b.txt'), 'b\n');
    await writeFile(join(folder, 'trip', '.DS_Store'), 'x');
    await drag('dragEnter', [join(folder, 'trip')]);
    await drag('dragOver', [join(folder, 'trip')]);
    await pane().getByText('Drop to send to the agent').waitFor();
    await drag('drop', [join(folder, 'trip')]);
    const files = await sharedFiles(server, 2);
    expect(files.map(({ name }) => name).sort()).toEqual(['a.txt', 'b.txt']);
    for (const step of ['dragEnter', 'dragOver', 'drop'] as const) await drag(step, [join(folder, 'nothing')]);
    await pane().getByText('There are no files in this folder.').waitFor();
    for (const step of ['dragEnter', 'dragOver'] as const) await drag(step, [], 'only text');
    expect(await pane().getByText('Drop to send to the agent').count()).toBe(0);
  });

  test('screenshots get a name, each its own', async () => {
    await open();
    await pane().click();
    for (const seed of [1, 2]) {
      await pane().evaluate(
        (target, bytes) => {
          const clipboardData = new DataTransfer();
          clipboardData.items.add(new File([new Uint8Array(bytes)], 'image.png', { type: 'image/png' }));
          target.dispatchEvent(
            new ClipboardEvent('paste', { bubbles: true, cancelable: true, composed: true, clipboardData }),
          );
        },
        [...pngFile({ width: 3, height: 3, seed })],
      );
    }
    const names = (await sharedFiles(server, 2)).map(({ name }) => name);
    for (const name of names) expect(name).toMatch(/^Screenshot \d{4}-\d\d-\d\d at \d\d\.\d\d( \(2\))?\.png$/);
    expect(new Set(names).size).toBe(2);
  });
});

describe('the card', () => {
  test('keeps the focus, and asks before much is thrown away', async () => {
    await open();
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    const slow = { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 6 * MIB };
    await network.send('Network.emulateNetworkConditions', slow);
    const files = [join(folder, 'one.mp4'), join(folder, 'two.mp4')];
    await Promise.all(files.map((file, at) => writeFile(file, mp4File((at === 0 ? 55 : 5) * MIB, at + 1))));
    await pane().locator('input[type=file]').first().setInputFiles(files);
    const card = pane().locator('article[data-status]').filter({ hasText: 'one.mp4' });
    await eventually(
      'much has gone up',
      async () => await card.locator('progress').evaluate((bar: HTMLProgressElement) => bar.position > 0.22),
      PATIENCE_MS,
    );
    await card.getByRole('button', { name: 'Pause one.mp4' }).press('Enter');
    await card.getByText('paused').waitFor();
    expect(await focusedText()).toBe('Resume one.mp4');
    expect(await axeFindings(page, VISITOR)).toEqual([]);
    await card.getByRole('button', { name: 'Cancel one.mp4' }).press('Enter');
    await card.getByText(/Give this upload up\?/).waitFor();
    expect(await focusedText()).toBe('Go on');
    await page.keyboard.press('Escape');
    await card.getByRole('button', { name: 'Cancel one.mp4' }).press('Enter');
    await card.getByRole('button', { name: 'Give up' }).press('Enter');
    await card.waitFor({ state: 'detached' });
    expect(await focusedText()).not.toBe('');
  });
});

type SharedFile = { name: string; mime_type: string; size: number; url: string };

/** A new chat in a new profile, whose media streams are counted. */
async function open(where = server, options: BrowserContextOptions = {}, by = browser): Promise<void> {
  const context = await by.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  mistakes = [];
  page.on('pageerror', (error) => mistakes.push(error.message));
  await page.addInitScript(() => {
    const tracks: MediaStreamTrack[] = [];
    Object.assign(window, { tracks });
    const media = navigator.mediaDevices;
    const ask = media.getUserMedia.bind(media);
    media.getUserMedia = async (wish) => {
      const stream = await ask(wish);
      tracks.push(...stream.getTracks());
      return stream;
    };
  });
  await page.goto(`${where.baseUrl}/demo/`);
  await pane().getByText('Live').waitFor();
  await pane().getByText('Up to').waitFor();
}

function pane(): Locator {
  return page.locator('[data-side=user]');
}

async function choose(...files: { name: string; mimeType: string; buffer: Buffer }[]): Promise<void> {
  await pane().locator('input[type=file]').first().setInputFiles(files);
}

/** The name or text of what has the focus, through shadow roots; '' where nothing has it. */
async function focusedText(): Promise<string> {
  return await page.evaluate(() => {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    if (element === null || element === document.body || element.localName === 'chat-files') return '';
    return element.getAttribute('aria-label') ?? element.textContent ?? '';
  });
}

async function recordedSeconds(seconds: number): Promise<void> {
  await page.getByText(new RegExp(`^Recording (0:0[${seconds}-9]|0:[1-5]|[1-9]:)`)).waitFor({ state: 'attached' });
}

async function liveTracks(): Promise<number> {
  return await page.evaluate(
    () =>
      (window as unknown as { tracks: MediaStreamTrack[] }).tracks.filter(({ readyState }) => readyState === 'live')
        .length,
  );
}

/** From the server, once there are as many. */
async function sharedFiles(where = server, count = 1): Promise<SharedFile[]> {
  return await eventually(
    `${count} files are shared`,
    async () => {
      const files = await page.evaluate(async () => {
        const [element] = document.querySelectorAll('chat-files');
        return (element as unknown as { chat: { state: { get(): { files: unknown[] } } } }).chat.state.get().files;
      });
      expect(where.baseUrl).toBe(new URL(page.url()).origin);
      return files.length >= count ? (files as SharedFile[]) : undefined;
    },
    PATIENCE_MS,
  );
}

async function drag(type: 'dragEnter' | 'dragOver' | 'drop', files: string[], text?: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const box = await pane().boundingBox();
  const items = text === undefined ? [] : [{ mimeType: 'text/plain', data: text }];
  await session.send('Input.dispatchDragEvent', {
    type,
    x: (box?.x ?? 0) + (box?.width ?? 0) / 2,
    y: (box?.y ?? 0) + (box?.height ?? 0) / 2,
    data: { items, files, dragOperationsMask: 1 },
  });
  await session.detach();
}

/** A PNG that does not compress is made by the browser, and chosen there. @returns its size in bytes */
async function chooseNoise(name: string, width: number, height: number): Promise<number> {
  return await pane().evaluate(
    async (within, [fileName, w, h]) => {
      const canvas = new OffscreenCanvas(Number(w), Number(h));
      const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
      const image = context.createImageData(Number(w), Number(h));
      for (let at = 0; at < image.data.length; at += 65_536)
        crypto.getRandomValues(image.data.subarray(at, Math.min(at + 65_536, image.data.length)));
      for (let at = 3; at < image.data.length; at += 4) image.data[at] = 255;
      context.putImageData(image, 0, 0);
      const file = new File([await canvas.convertToBlob()], String(fileName), { type: 'image/png' });
      const data = new DataTransfer();
      data.items.add(file);
      const input = within.querySelector('.pick-button input') as HTMLInputElement;
      input.files = data.files;
      input.dispatchEvent(new Event('change', { bubbles: true }));
      return file.size;
    },
    [name, width, height],
  );
}

async function sizeOf(url: string): Promise<{ width: number; height: number }> {
  return await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    return { width: image.naturalWidth, height: image.naturalHeight };
  }, url);
}
