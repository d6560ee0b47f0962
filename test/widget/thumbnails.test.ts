/** A picture that the server has made a thumbnail of, as both sides of the demo see it, in a real Chromium. */
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { photo } from '../services/pictures.ts';
import { heicPhoto, INSTALL_MS, installPreviewPrograms, pdfPage } from '../services/preview-programs.ts';

const LONG_MS = 60_000;
let server: Chatdrop;
let browser: Browser;
beforeAll(async () => {
  await installPreviewPrograms();
  server = await startChatdrop({ development: true, env: { THUMBNAILS: 'true' } });
  browser = await launchChromium();
}, INSTALL_MS);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

test('a TIFF, which no browser here shows, is a picture on both sides as soon as its thumbnail is there', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, locale: 'en' });
  const mistakes: string[] = [];
  page.on('pageerror', (error) => mistakes.push(error.message));
  await page.goto(`${server.baseUrl}/demo/`);
  await choose(page, 'scan.tiff', 'image/tiff', await photo({ format: 'tiff', width: 1500, height: 1000 }));
  const upright = await photo({ width: 900, height: 600, orientation: 6, metadata: true });
  await choose(page, 'upright.jpg', 'image/jpeg', upright);
  for (const side of ['user', 'agent']) {
    const shown = page.locator(`[data-side=${side}] .picture-image[data-shown=true]`);
    await eventually('both are shown', async () => (await shown.count()) === 2, LONG_MS);
    const sizes = await shown.evaluateAll((images: HTMLImageElement[]) =>
      images.map(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight]),
    );
    expect(sizes).toContainEqual([640, 427]);
    expect(sizes.some(([width = 0, height = 0]) => height > width)).toBe(true);
    // The photo that is stored is smaller than the one that was announced; its card on the way has made room for it all the same.
    const cards = page.locator(`[data-side=${side}]`).getByRole('article');
    await eventually('no card is left of the uploads', async () => (await cards.count()) === 2, LONG_MS);
  }
  if (process.env.SHOW_PICTURES_IN)
    await page.screenshot({ path: join(process.env.SHOW_PICTURES_IN, 'both-sides.png') });
  await page
    .locator('[data-side=agent]')
    .getByRole('button', { name: /scan\.tiff/ })
    .first()
    .click();
  const large = page.locator('dialog .slide[data-current=true] .slide-image[data-shown=true]');
  await large.waitFor({ timeout: LONG_MS });
  expect(await large.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(640);
  if (process.env.SHOW_PICTURES_IN) await page.screenshot({ path: join(process.env.SHOW_PICTURES_IN, 'viewer.png') });
  expect(mistakes).toEqual([]);
});

test('a HEIC is a picture in the chat and in the viewer, and a PDF a card with its first page', async () => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 860 }, locale: 'en' });
  const mistakes: string[] = [];
  page.on('pageerror', (error) => mistakes.push(error.message));
  await page.goto(`${server.baseUrl}/demo/`);
  await choose(page, 'phone.heic', 'image/heic', await heicPhoto(900, 600));
  await choose(page, 'offer.pdf', 'application/pdf', pdfPage());
  for (const side of ['user', 'agent']) {
    const picture = page.locator(`[data-side=${side}] [aria-label*="phone.heic"] .picture-image[data-shown=true]`);
    await picture.first().waitFor({ timeout: LONG_MS });
    expect(await picture.first().evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(640);
    const card = page.locator(`[data-side=${side}]`).getByRole('article', { name: 'offer.pdf' });
    const firstPage = card.locator('img.thumbnail');
    await firstPage.waitFor({ timeout: LONG_MS });
    const isShown = () => firstPage.evaluate((image: HTMLImageElement) => image.naturalWidth === 453);
    await eventually('the page is there', isShown, LONG_MS);
    expect(await card.getByRole('link').count()).toBe(1);
  }
  await page
    .locator('[data-side=agent]')
    .getByRole('button', { name: /phone\.heic/ })
    .first()
    .click();
  const large = page.locator('dialog .slide[data-current=true] .slide-image[data-shown=true]');
  await large.waitFor({ timeout: LONG_MS });
  expect(await large.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBe(640);
  if (process.env.SHOW_PICTURES_IN) await page.screenshot({ path: join(process.env.SHOW_PICTURES_IN, 'heic-pdf.png') });
  expect(mistakes).toEqual([]);
  await page.close();
});

async function choose(page: Page, name: string, mimeType: string, buffer: Buffer): Promise<void> {
  await page.locator('[data-side=user] .pick-button input').setInputFiles([{ name, mimeType, buffer }]);
}
