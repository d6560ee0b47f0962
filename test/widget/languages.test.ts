/** The widget in other languages, in a real Chromium: mirrored, loaded when asked for, two on one page, and without its chunk. */
import type { Browser, BrowserContextOptions, Locator, Page, Response } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { exeFile, pngFile } from '../services/fixtures.ts';

let server: Chatdrop;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  server = await startChatdrop({ development: true });
  browser = await launchChromium();
});

afterEach(async () => {
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('Arabic: everything is mirrored, names keep their own direction', async () => {
  await openDemo('?locale=ar');
  await pane('user').getByText('متصل', { exact: true }).waitFor();
  expect(await speechOf('user')).toEqual(['ar', 'rtl']);
  await choose('user', 'holiday (1).png', pngFile({ width: 40, height: 30 }));
  await pane('user').getByRole('button', { name: /^حذف/ }).waitFor();
  await pane('agent').locator('article:not([data-status])').waitFor();

  // Own files stand where a line ends: on the left. The others' on the right.
  const own = await gapsOf('user');
  expect(own.left).toBeLessThan(own.right);
  const received = await gapsOf('agent');
  expect(received.right).toBeLessThan(received.left);
  const name = pane('user').locator('article .file-name');
  expect(await name.textContent()).toBe('holiday (1).png');
  // The name reads from left to right, and begins where the Arabic lines begin.
  expect(await name.evaluate((element) => getComputedStyle(element).direction)).toBe('ltr');
  expect(await name.evaluate((element) => getComputedStyle(element).textAlign)).toBe('right');
  // An action is named with the name set apart from the Arabic around it.
  const label = await pane('user')
    .getByRole('link', { name: /^تنزيل/ })
    .getAttribute('aria-label');
  expect(label).toBe('تنزيل \u2068holiday (1).png\u2069');
});

test('German is spoken to a German browser, also when a file is refused', async () => {
  await openDemo('', { locale: 'de-AT' });
  await pane('user').getByText('Verbunden', { exact: true }).waitFor();
  expect(await speechOf('user')).toEqual(['de-AT', 'ltr']);
  await choose('user', 'setup.png', exeFile());
  await pane('user')
    .getByText(/Programme, Skripte/)
    .waitFor();
  await pane('user').getByRole('button', { name: 'setup.png ausblenden' }).click();
  await pane('user').getByText('setup.png').waitFor({ state: 'detached' });
});

test('two on one page speak two languages, and change while they live', async () => {
  await openDemo('?locale=fr');
  await pane('agent').getByText('Choisir des fichiers').waitFor();
  await page
    .locator('chat-files')
    .first()
    .evaluate((element) => element.setAttribute('locale', 'he'));
  await pane('user').getByText('בחירת קבצים').waitFor();
  expect(await speechOf('user')).toEqual(['he', 'rtl']);
  expect(await speechOf('agent')).toEqual(['fr', 'ltr']);
  expect(await pane('agent').getByText('Choisir des fichiers').isVisible()).toBe(true);
});

test('a site’s own sentences replace single ones', async () => {
  await openDemo('?locale=nl');
  await pane('user').getByText('Bestanden kiezen').waitFor();
  await page
    .locator('chat-files')
    .first()
    .evaluate((element) => Object.assign(element, { strings: { chooseFiles: 'Bonnetjes kiezen' } }));
  await pane('user').getByText('Bonnetjes kiezen').waitFor();
  await pane('user').getByText('Verbonden', { exact: true }).waitFor();
});

test('a language whose chunk does not load is spoken in English', async () => {
  const asked: string[] = [];
  await openDemo('?locale=ja', {}, async () => {
    await page.route(/\/widget\/chunk-.*\.js/, async (route) => {
      const answer = await route.fetch();
      if (!(await answer.text()).includes('ファイルを選択')) return await route.fulfill({ response: answer });
      asked.push(route.request().url());
      return await route.abort();
    });
  });
  await pane('user').getByText('Choose files').waitFor();
  // The other side comes later, and may ask for it again.
  expect(new Set(asked).size).toBe(1);
  expect(await speechOf('user')).toEqual(['en', 'ltr']);
  // Chunks that nobody waits for may still be on their way when the page goes.
  await page.unrouteAll({ behavior: 'ignoreErrors' });
});

test('English asks for no dictionary', async () => {
  const scripts: Promise<string>[] = [];
  const note = (response: Response) => {
    if (response.url().endsWith('.js')) scripts.push(response.text());
  };
  await openDemo('?locale=en', {}, async () => void page.on('response', note));
  // Connected: every chunk that a page asks for by itself has come.
  await pane('user').getByText('Live', { exact: true }).waitFor();
  const others = ['Vybrat soubory', 'Bestanden kiezen', 'ファイルを選択', 'اختيار'];
  const asked = async () => {
    const texts = await Promise.all(scripts);
    return others.map((words) => texts.filter((text) => text.includes(words)).length);
  };
  expect(await asked()).toEqual([0, 0, 0, 0]);
  await page
    .locator('chat-files')
    .first()
    .evaluate((element) => element.setAttribute('locale', 'cs'));
  await pane('user').getByText('Vybrat soubory').waitFor();
  // What comes later goes with the page, and is nobody's to wait for.
  page.off('response', note);
  expect(await asked()).toEqual([1, 0, 0, 0]);
});

/** A new chat in a new profile; `prepare` runs before the page is asked for. */
async function openDemo(query: string, options: BrowserContextOptions = {}, prepare = async () => {}): Promise<void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  page = await context.newPage();
  await prepare();
  await page.goto(`${server.baseUrl}/demo/${query}`);
  await pane('user').waitFor();
  await pane('agent').waitFor();
}

function pane(side: 'user' | 'agent'): Locator {
  return page.locator(`[data-side=${side}]`);
}

/** What the pane says of its language, to browsers and screen readers. */
async function speechOf(side: 'user' | 'agent'): Promise<(string | null)[]> {
  return await pane(side).evaluate((element) => [element.getAttribute('lang'), element.getAttribute('dir')]);
}

async function choose(side: 'user' | 'agent', name: string, buffer: Buffer): Promise<void> {
  await pane(side).locator('input[type=file]').first().setInputFiles({ name, mimeType: 'image/png', buffer });
}

/** How far the file stands from the left and from the right of its list, in CSS pixels. */
async function gapsOf(side: 'user' | 'agent'): Promise<{ left: number; right: number }> {
  const find = async () => {
    const [list, file] = [pane(side).locator('.messages'), pane(side).locator('article:not([data-status])')];
    const [outer, inner] = [await list.boundingBox(), await file.boundingBox()];
    if (!outer || !inner) return null;
    return { left: inner.x - outer.x, right: outer.x + outer.width - inner.x - inner.width };
  };
  return (await eventually('the file is laid out', find)) as { left: number; right: number };
}
