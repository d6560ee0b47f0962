/** Drives Firefox over WebDriver BiDi: puppeteer speaks to it directly, no geckodriver between. */
import { join } from 'node:path';
import puppeteer, { type ElementHandle, type Frame, type KeyInput } from 'puppeteer-core';
import { createBrowserHome } from './browser-home.ts';
import { type BrowserPage, createBrowserPage, type PageScript } from './browser-page.ts';
import { FIREFOX } from './browser-programs.ts';
import { debianProgram } from './debian-programs.ts';

const LAUNCH_TIMEOUT_MS = 60_000;
const PAGE_TIMEOUT_MS = 60_000;

/** One page in a new Firefox with a profile of its own; the caller closes it. */
export async function launchFirefox(): Promise<BrowserPage> {
  const executablePath = debianProgram(FIREFOX);
  const home = await createBrowserHome();
  const end = async () => {
    await home.killAll();
    await home.remove();
  };
  const launch = async () => {
    const browser = await puppeteer.launch({
      browser: 'firefox',
      executablePath,
      headless: true,
      userDataDir: join(home.folder, 'profile'),
      env: { ...home.env, MOZ_CRASHREPORTER_DISABLE: '1' },
      defaultViewport: { width: 1280, height: 800 },
      timeout: LAUNCH_TIMEOUT_MS,
    });
    return { browser, page: await browser.newPage() };
  };
  const { browser, page } = await launch().catch(async (error) => {
    await end();
    throw error;
  });
  page.setDefaultTimeout(PAGE_TIMEOUT_MS);

  const frameAt = async (frames: PageScript[]) => {
    let frame: Frame = page.mainFrame();
    for (const script of frames) {
      const inner = await withElement(frame, script, async (element) => await element.contentFrame());
      if (inner === null) throw new Error('The element is no iframe.');
      frame = inner;
    }
    return frame;
  };

  return createBrowserPage({
    async open(url) {
      await page.goto(url, { waitUntil: 'load' });
    },
    evaluate: async (frames, script) => await (await frameAt(frames)).evaluate(sourceOf(script)),
    async click(frames, element) {
      await withElement(await frameAt(frames), element, async (handle) => await handle.click());
    },
    async setFiles(frames, input, paths) {
      await withElement(await frameAt(frames), input, async (handle) => {
        await (handle as ElementHandle<HTMLInputElement>).uploadFile(...paths);
      });
    },
    async press(keys) {
      for (const key of keys) await page.keyboard.down(key as KeyInput);
      for (const key of keys.toReversed()) await page.keyboard.up(key as KeyInput);
    },
    screenshot: async () => Buffer.from(await page.screenshot()),
    async close() {
      await browser.close().catch(() => undefined);
      await end();
    },
    kill: end,
  });
}

async function withElement<T>(frame: Frame, script: PageScript, use: (element: ElementHandle<Element>) => Promise<T>) {
  const handle = await frame.evaluateHandle(sourceOf(script));
  try {
    const element = handle.asElement();
    if (element === null) throw new Error('The element is not in the page any more.');
    return await use(element as ElementHandle<Element>);
  } finally {
    await handle.dispose().catch(() => undefined);
  }
}

/** The arguments in the source: JSON is JavaScript, and puppeteer passes none to a source. */
function sourceOf({ body, args }: PageScript): string {
  return `(async (...args) => {${body}\n})(...${JSON.stringify(args)})`;
}
