/** Takes the README's picture of the dashboard, and others to look at: `npm run build && node test/pictures/take-pictures.ts FOLDER`. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { fillCompany, roomOf, shareOne, startFilms } from './busy-company.ts';

const DESKTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };

const folder = process.argv[2] ?? 'pictures';
await mkdir(folder, { recursive: true });
const server = await startChatdrop({ env: { CHAT_UPLOAD_RATE_LIMIT: '100000' } });
const browser = await launchChromium();
try {
  const canvas = await browser.newPage();
  await fillCompany(server, canvas);
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [device, viewport] of [
      ['desktop', DESKTOP],
      ['phone', PHONE],
    ] as const) {
      const page = await openDashboard(browser, { colorScheme, viewport });
      if (colorScheme === 'light' && device === 'desktop') await startFilms(server);
      for (const at of [4, 9, 16]) await shareOne(server, canvas, at, at);
      await page.locator('.new-mark').nth(2).waitFor();
      const take = async (name: string) => {
        await settled(page);
        await page.screenshot({ path: join(folder, `${name}-${device}-${colorScheme}.png`) });
      };
      if (device === 'phone') await take('list');
      await page.locator(`[data-id="${roomOf(0).session}"]`).click();
      await page.locator('.open-chat:not([hidden]) .bubble, .open-chat:not([hidden]) .tile').last().waitFor();
      await take('chat');
      await page.goto(`${server.baseUrl}/dashboard/#/files`);
      await page.getByRole('button', { name: 'Gallery' }).click();
      await page.locator('.file-tile img').first().waitFor();
      await take('gallery');
      await page.getByRole('button', { name: 'List', exact: true }).click();
      await take('files');
      await page.locator('.file-row-main').filter({ hasText: 'lake' }).first().click();
      await page.locator('.slide-image[data-shown=true]').first().waitFor();
      await take('viewer');
      await page.keyboard.press('ArrowRight');
      await take('viewer-next');
      await page.context().close();
    }
  }
} finally {
  await browser.close();
  await server.stop();
}

async function openDashboard(
  from: Browser,
  { colorScheme, viewport }: { colorScheme: 'light' | 'dark'; viewport: { width: number; height: number } },
): Promise<Page> {
  const context = await from.newContext({
    viewport,
    colorScheme,
    locale: 'en-GB',
    reducedMotion: 'reduce',
    hasTouch: viewport === PHONE,
  });
  await context.addCookies([{ name: 'chatdrop', value: roomOf(0).agent, url: server.baseUrl }]);
  const page = await context.newPage();
  await page.goto(`${server.baseUrl}/dashboard/`);
  await page.getByText('Live').first().waitFor();
  return page;
}

/** Pictures are there, nothing moves any more. */
async function settled(page: Page): Promise<void> {
  await page.waitForLoadState('networkidle');
  await page.mouse.move(0, 0);
  await page.waitForTimeout(600);
}
