/** The browser that the widget tests drive starts and runs a page. */
import { expect, test } from 'vitest';
import { launchChromium } from './chromium.ts';

test('launches and runs a script', async () => {
  const browser = await launchChromium();
  try {
    const page = await browser.newPage();
    await page.setContent('<p id="here">hello</p>');
    expect(await page.textContent('#here')).toBe('hello');
    expect(await page.evaluate(() => typeof indexedDB)).toBe('object');
  } finally {
    await browser.close();
  }
});
