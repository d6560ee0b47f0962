/** How shared files are shown, in a real Chromium: room that is kept, the viewer, players, cards, long chats. */

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import axe from 'axe-core';
import Database from 'better-sqlite3';
import type { Browser, BrowserContextOptions, CDPSession, Locator, Page } from 'playwright-core';
import { rgbaToThumbHash } from 'thumbhash';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { bearer, shareFile } from '../services/chat-api.ts';
import type { ChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { pdfFile, textFile } from '../services/fixtures.ts';
import { movingGif, picture, wavFile, webmFile } from '../services/media-files.ts';
import { startWebPage } from '../services/web-page.ts';
import { jsonOf, send } from '../services/wire.ts';

const REST_MS = 250;
let server: Chatdrop;
let browser: Browser;
let page: Page;
let room: ChatRoom;
let mistakes: string[];

beforeAll(async () => {
  server = await startChatdrop({ development: true, env: { CHAT_MAX_FILE_SIZE: '100MB' } });
  browser = await launchChromium();
});

afterEach(async () => {
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

describe('pictures in the chat', () => {
  test('nothing moves while they load: with and without a known size, in a grid, something to hear', async () => {
    await newRoom();
    const known = await share('known.png', picture(1, 900, 600));
    setDetails(known, { width: 900, height: 600, placeholder: thumbhash() });
    await share('text.txt', textFile());
    await share('unknown.png', picture(2, 300, 900), 'agent');
    await share('sound.wav', wavFile(3));
    for (const seed of [3, 4, 5]) await share(`together-${seed}.png`, picture(seed), 'agent');
    const release = await openChat({}, { holdMedia: true });
    await card('known.png').waitFor();
    await page.locator('[data-side=agent] .connection[data-state=live]').waitFor();
    const before = await restingBoxes();
    await watchShifts();
    expect(
      await eventually('the placeholder has colours', () =>
        pane()
          .locator('canvas.placeholder')
          .evaluate(
            (canvas: HTMLCanvasElement) =>
              canvas.width > 1 && canvas.getContext('2d')?.getImageData(2, 2, 1, 1).data[3] === 255,
          ),
      ),
    ).toBe(true);
    release();
    await eventually(
      'all pictures are shown',
      async () => (await pane().locator('img[data-shown=true]').count()) === 5,
    );
    expect(await pane().locator('canvas.placeholder').count()).toBe(0);
    expect(await boxes()).toEqual(before);
    expect(await shifts()).toBe(0);
    expect(mistakes).toEqual([]);
  });

  test('the thumbnail is fetched where there is one, and the file itself only in the viewer', async () => {
    await newRoom();
    const small = await share('small.png', picture(1, 40, 30));
    const file = await share('large.png', picture(2, 1600, 1200), 'agent');
    setDetails(file, { thumbnailOf: small, width: 1600, height: 1200 });
    const asked: string[] = [];
    await openChat({}, { onMedia: (url) => asked.push(url) });
    await card('large.png').locator('img[data-shown=true]').waitFor();
    expect(asked.some((url) => url.startsWith(keyPart(file.url)))).toBe(false);
    await card('large.png').getByRole('button', { name: 'Open large.png' }).click();
    await dialog().locator('[data-current=true] img[data-shown=true]').waitFor();
    expect(asked.some((url) => url.startsWith(keyPart(file.url)))).toBe(true);
  });

  test('six that were sent together: four in a grid, the last says how many more, each has a name', async () => {
    await newRoom();
    for (let seed = 1; seed <= 6; seed += 1) await share(`p${seed}.png`, picture(seed));
    await openChat();
    const group = pane().getByRole('group', { name: '6 files' });
    await group.waitFor();
    expect(await group.getByRole('button', { name: /^Open / }).count()).toBe(4);
    await group.getByRole('button', { name: 'Open p4.png (+2)' }).click();
    await expectPosition('4 of 6');
    await page.keyboard.press('End');
    await expectPosition('6 of 6');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('Open p4.png (+2)');
    await group.getByRole('article', { name: 'p2.png' }).hover();
    await group.getByRole('button', { name: 'Delete p2.png' }).click();
    await group.getByRole('button', { name: 'Delete', exact: true }).click();
    await pane().getByRole('group', { name: '5 files' }).waitFor();
  });

  test('with reduced motion a GIF stands still; without, it is left alone', async () => {
    for (const reducedMotion of ['reduce', 'no-preference'] as const) {
      await newRoom();
      await share('moves.gif', movingGif());
      await openChat({ reducedMotion });
      await card('moves.gif').locator('[data-shown=true]').first().waitFor({ state: 'attached' });
      expect(await card('moves.gif').locator('canvas.picture-image').count()).toBe(reducedMotion === 'reduce' ? 1 : 0);
      await page.context().close();
    }
  });

  test('a link that does not work is renewed once, then there is a card', async () => {
    await newRoom();
    const file = await share('broken.png', picture(1));
    let renewals = 0;
    await openChat(
      {},
      {
        beforeOpen: async () => {
          await page.route('**/media/**', (route) => route.fulfill({ status: 403 }));
          await page.route(`**/api/chat/files/${file.id}/`, async (route) => {
            renewals += 1;
            await route.continue();
          });
        },
      },
    );
    await card('broken.png').locator('.badge').first().waitFor();
    // Both sides of the page show it.
    await eventually('the other side as well', async () => (await page.locator('.badge').count()) === 2);
    expect(renewals).toBe(2);
    expect(await card('broken.png').locator('img').count()).toBe(0);
  });
});

describe('the viewer', () => {
  test('keys turn over in the direction of reading, zoom and move; the neighbours are loaded before', async () => {
    for (const [locale, forward, back] of [
      ['en', 'ArrowRight', 'ArrowLeft'],
      ['ar', 'ArrowLeft', 'ArrowRight'],
    ] as const) {
      await newRoom();
      for (const seed of [1, 2, 3]) await share(`p${seed}.png`, picture(seed, 1600, 1200));
      await openChat({ locale });
      await openViewer('p1.png');
      await dialog().locator('.slide:not([data-current=true]) img[data-shown=true]').waitFor({ state: 'attached' });
      const first = await dialog().locator('.lightbox-position').textContent();
      await page.keyboard.press(back);
      expect(await dialog().locator('.lightbox-position').textContent()).toBe(first);
      await page.keyboard.press(forward);
      expect(await shownName()).toBe('p2.png');
      await page.keyboard.press('End');
      expect(await shownName()).toBe('p3.png');
      await page.keyboard.press('Home');
      expect(await shownName()).toBe('p1.png');
      await eventually('it is loaded', async () => (await scale()) === 1);
      await page.keyboard.press('+');
      await eventually('it is larger', async () => (await scale()) === 1.5);
      await page.keyboard.press('ArrowRight');
      expect(await shownName()).toBe('p1.png');
      await page.keyboard.press('0');
      await eventually('it fits again', async () => (await scale()) === 1);
      await page.context().close();
    }
  });

  test('the keyboard alone: opened by Enter, the focus stays inside and comes back', async () => {
    await newRoom();
    for (const seed of [1, 2]) await share(`p${seed}.png`, picture(seed));
    await openChat();
    await pane().getByRole('button', { name: 'Open p2.png' }).focus();
    await page.keyboard.press('Enter');
    await dialog().waitFor();
    for (let presses = 0; presses < 12; presses += 1) {
      await page.keyboard.press('Tab');
      // The browser's own bar may have a turn; nothing of the page behind may.
      expect(
        await page.evaluate(() => {
          let active: Element | null = document.activeElement;
          while (active?.shadowRoot) active = active.shadowRoot.activeElement;
          return (
            active === null ||
            active === document.body ||
            active.closest('dialog') !== null ||
            active.matches('chat-files')
          );
        }),
      ).toBe(true);
    }
    await dialog().getByRole('button', { name: 'Previous' }).focus();
    await page.keyboard.press('Enter');
    await expectPosition('1 of 2');
    await page.keyboard.press('Enter');
    await page.keyboard.press('ArrowRight');
    await expectPosition('2 of 2');
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('Open p2.png');
  });

  test('Back closes it and stays on the page; closing it otherwise leaves no entry', async () => {
    await newRoom();
    await share('p1.png', picture(1));
    await openChat();
    const address = page.url();
    await openViewer('p1.png');
    await page.goBack();
    await dialog().waitFor({ state: 'detached' });
    expect(page.url()).toBe(address);
    await openViewer('p1.png');
    const state = () => page.evaluate(() => JSON.stringify(history.state));
    expect(await state()).toContain('chatdropViewer');
    await dialog().getByRole('button', { name: 'Close' }).click();
    await dialog().waitFor({ state: 'detached' });
    await eventually('the entry is gone', async () => !(await state())?.includes('chatdropViewer'));
    expect(page.url()).toBe(address);
  });

  test('a click beside the picture closes it, one on the picture does not; two make it larger', async () => {
    await newRoom();
    await share('p1.png', picture(1, 400, 300));
    await openChat();
    await openViewer('p1.png');
    const image = dialog().locator('[data-current=true] img[data-shown=true]');
    await image.click();
    await dialog().waitFor();
    // On a busy machine the second click may come too late to be one of two.
    await eventually('it is larger', async () => {
      await image.dblclick();
      return (await scale()) > 2;
    });
    await page.keyboard.press('-');
    await page.keyboard.press('0');
    await eventually('it fits again', async () => (await scale()) === 1);
    await page.mouse.move(640, 400);
    await page.mouse.wheel(0, -200);
    await eventually('the wheel makes it larger', async () => (await scale()) > 1.2);
    await page.keyboard.press('0');
    await page.mouse.click(200, 200);
    await dialog().waitFor({ state: 'detached' });
  });

  test('deleting goes to the neighbour; what the other side removes and sends is followed; the last one closes it', async () => {
    await newRoom();
    const files: ChatFile[] = [];
    for (const seed of [1, 2, 3]) files.push(await share(`p${seed}.png`, picture(seed)));
    await openChat();
    await openViewer('p2.png');
    await dialog().getByRole('button', { name: 'Delete p2.png' }).click();
    await page.keyboard.press('Escape');
    await dialog().getByRole('group').waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('Delete p2.png');
    await page.keyboard.press('Enter');
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
    await eventually('the next one is shown', async () => (await shownName()) === 'p3.png');
    await expectPosition('2 of 2');
    await page.keyboard.press('Home');
    expect(await shownName()).toBe('p1.png');
    await remove(files[0]);
    await eventually('the neighbour takes its place', async () => (await shownName()) === 'p3.png');
    expect(await dialog().getByRole('status').textContent()).toContain('p1.png was removed');
    await share('p4.png', picture(4), 'agent');
    await expectPosition('1 of 2');
    await page.keyboard.press('ArrowRight');
    expect(await shownName()).toBe('p4.png');
    await page.keyboard.press('ArrowLeft');
    await dialog().getByRole('button', { name: 'Delete p3.png' }).click();
    await dialog().getByRole('button', { name: 'Delete', exact: true }).click();
    await eventually('only that of the other side is left', async () => (await shownName()) === 'p4.png');
    expect(
      await dialog()
        .getByRole('button', { name: /^Delete/ })
        .count(),
    ).toBe(0);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
  });

  test('fingers: a swipe turns over, at the end it springs back, two fingers zoom about their middle', async () => {
    await newRoom();
    for (const seed of [1, 2]) await share(`p${seed}.png`, picture(seed, 1200, 1600));
    await openChat({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    await openViewer('p1.png');
    await dialog().locator('[data-current=true] img[data-shown=true]').waitFor();
    const touch = await page.context().newCDPSession(page);
    await swipe(touch, 100, 300);
    expect(await shownName()).toBe('p1.png');
    await swipe(touch, 300, 80);
    await eventually('the next one', async () => (await shownName()) === 'p2.png');
    await swipe(touch, 300, 80);
    expect(await shownName()).toBe('p2.png');
    await swipe(touch, 80, 300);
    await eventually('the one before', async () => (await shownName()) === 'p1.png');
    await pinch(touch, 40, 140);
    await eventually('it is larger', async () => (await scale()) > 2);
    await swipe(touch, 300, 80);
    expect(await shownName()).toBe('p1.png');
    await pinch(touch, 140, 20);
    await eventually('it fits again', async () => (await scale()) === 1);
  });

  test('when its part cannot be loaded it says so, and a second try opens it', async () => {
    await newRoom();
    await share('p1.png', picture(1));
    let isCut = true;
    await openChat(
      {},
      {
        beforeOpen: () =>
          page.route('**/widget/chunk-*.js', (route) => (isCut && wasIdle ? route.abort() : route.continue())),
      },
    );
    await card('p1.png').locator('img[data-shown=true]').waitFor();
    wasIdle = true;
    await pane().getByRole('button', { name: 'Open p1.png' }).click();
    await pane().getByRole('alert').getByText('Check your connection').waitFor();
    isCut = false;
    await pane().getByRole('button', { name: 'Try again' }).click();
    await dialog().waitFor();
    wasIdle = false;
  });

  test('in a low frame of another site it gets more height, and may fill the screen', async () => {
    await newRoom();
    await share('p1.png', picture(1));
    const site = await startWebPage();
    try {
      site.show(`<!doctype html><title>Shop</title><body><script src="${server.baseUrl}/widget.js"></script><script>
        new ChatbotFileUpload(${JSON.stringify({ companyId: room.company, sessionId: room.session, apiBaseUrl: server.baseUrl, jwt: room.visitor })});
      </script>`);
      const context = await browser.newContext({ viewport: { width: 360, height: 700 } });
      page = await context.newPage();
      await page.goto(site.url('shop'));
      const frame = page.frameLocator('iframe');
      await frame.getByRole('button', { name: 'Open p1.png' }).click();
      await frame.locator('dialog').waitFor();
      await eventually(
        'the frame has grown',
        async () => ((await page.locator('iframe').boundingBox())?.height ?? 0) >= 430,
      );
      await frame.getByRole('button', { name: 'Full screen', exact: true }).click();
      await frame.getByRole('button', { name: 'Leave full screen' }).click();
      await frame.getByRole('button', { name: 'Full screen', exact: true }).waitFor();
      const entries = await page.evaluate(() => history.length);
      await frame.getByRole('button', { name: 'Close' }).click();
      await frame.locator('dialog').waitFor({ state: 'detached' });
      expect(await page.evaluate(() => history.length)).toBe(entries);
    } finally {
      await site.close();
    }
  });
});

describe('video and audio', () => {
  test('40 MB are not loaded whole; seeking asks for the range at that place', async () => {
    await newRoom();
    const bytes = 40 * 1024 * 1024;
    await share('long.wav', wavFile(bytes / 8000));
    const ranges: string[] = [];
    let received = 0;
    await openChat({}, { onMedia: (_url, range) => ranges.push(range) });
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    network.on('Network.dataReceived', ({ dataLength }) => {
      received += dataLength;
    });
    const slider = card('long.wav').getByRole('slider', { name: 'Position' });
    await eventually('its length is known', async () => Number(await slider.getAttribute('max')) > 5000);
    expect(received).toBeLessThan(bytes / 2);
    const asked = ranges.length;
    await slider.focus();
    await page.keyboard.press('End');
    await page.keyboard.press('PageDown');
    const place = await eventually('a range near the end is asked for', () =>
      ranges
        .slice(asked)
        .map((range) => Number(/bytes=(\d+)-/.exec(range)?.[1]))
        .find((start) => start > bytes * 0.9),
    );
    expect(place).toBeLessThan(bytes + 44);
    expect(received).toBeLessThan(bytes / 2);
  });

  test('one plays at a time, goes on while the list changes, at the speed that was chosen', async () => {
    await newRoom();
    await share('one.wav', wavFile(60));
    await share('two.wav', wavFile(60), 'agent');
    await openChat();
    await card('one.wav').getByRole('button', { name: 'Play' }).click();
    await eventually('it plays', async () => (await audio('one.wav')).time > 0.1);
    await card('one.wav').getByRole('button', { name: 'Speed: 1×' }).click();
    await eventually('it is faster', async () => (await audio('one.wav')).rate === 1.5);
    await share('more.txt', textFile(), 'agent');
    await card('more.txt').waitFor();
    const before = await audio('one.wav');
    await eventually('it goes on', async () => (await audio('one.wav')).time > before.time);
    expect((await audio('one.wav')).src).toBe(before.src);
    await card('two.wav').getByRole('button', { name: 'Play' }).click();
    await eventually(
      'the other one stops',
      async () => (await audio('one.wav')).isPaused && !(await audio('two.wav')).isPaused,
    );
    await card('one.wav').getByRole('button', { name: 'Play' }).waitFor();
  });

  test('a recording plays, and what a browser cannot play is a card', async () => {
    await newRoom();
    page = await browser.newPage();
    const webm = await webmFile(page);
    await page.close();
    await share('film.webm', webm);
    await share('damaged.webm', Buffer.concat([webm.subarray(0, 200), Buffer.alloc(4000, 7)]), 'agent');
    await openChat();
    const video = card('film.webm').locator('video');
    await eventually('it can be played', () => video.evaluate((element: HTMLVideoElement) => element.readyState > 0));
    await video.evaluate((element: HTMLVideoElement) => element.play());
    await card('damaged.webm').locator('.badge').waitFor();
    expect(await card('damaged.webm').locator('video').count()).toBe(0);
    expect(await card('damaged.webm').textContent()).toContain('Video');
  });
});

describe('cards', () => {
  test('a name is text, whatever is in it, and its extension is always there', async () => {
    await newRoom();
    const long = `${'a long name '.repeat(14)}of something.txt`;
    await share(`<img src=x onerror=alert(1)>.pdf`, pdfFile());
    await share(long, textFile());
    await share('\u05d0\u05d1\u05d2 report.txt', textFile());
    await openChat({ viewport: { width: 320, height: 640 } });
    const name = card('<img src=x onerror=alert(1)>.pdf').locator('.file-name');
    expect(await name.textContent()).toBe('<img src=x onerror=alert(1)>.pdf');
    expect(await pane().locator('.file-name img').count()).toBe(0);
    expect(await card(long).locator('.file-name').textContent()).toBe(long);
    expect((await card(long).boundingBox())?.height).toBeLessThan(240);
    for (const extension of await pane().locator('.name-extension').all())
      expect(await extension.isVisible()).toBe(true);
    expect(await card('<img src=x onerror=alert(1)>.pdf').textContent()).toContain('PDF');
    for (const link of await pane()
      .getByRole('link', { name: /^Download/ })
      .all()) {
      expect(await link.getAttribute('rel')).toContain('noopener');
      expect(await link.getAttribute('referrerpolicy')).toBe('no-referrer');
      expect(await link.getAttribute('href')).toMatch(new RegExp(`^${server.baseUrl}/media/`));
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  });

  test('download saves pictures too, under their names', async () => {
    await newRoom();
    await share('p1.png', picture(1));
    await openChat();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      card('p1.png').getByRole('link', { name: 'Download p1.png' }).click(),
    ]);
    expect(download.suggestedFilename()).toBe('p1.png');
  });

  test('deleting moves the focus to the next card and is said; the other side’s removals leave the focus alone', async () => {
    await newRoom();
    const files: ChatFile[] = [];
    for (const number of [1, 2, 3, 4]) files.push(await share(`${number}.txt`, textFile(number * 10)));
    await openChat();
    await card('2.txt').getByRole('button', { name: 'Delete 2.txt' }).press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await card('2.txt').waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('3.txt');
    await pane().getByRole('status').getByText('2.txt was removed').waitFor({ state: 'attached' });
    await remove(files[0]);
    await card('1.txt').waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('3.txt');
    await remove(files[2]);
    await card('3.txt').waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('4.txt');
    await remove(files[3]);
    await card('4.txt').waitFor({ state: 'detached' });
    expect(await focusedLabel()).toBe('Shared files');
  });
});

describe('long chats', () => {
  test('two thousand files: opened at the newest, few are drawn, earlier ones come without a jump', async () => {
    await newRoom();
    const file = await share('first.txt', textFile());
    copyRow(file, 1999);
    await openChat();
    await card('first.txt').waitFor();
    const scroller = pane().locator('.scroller');
    await eventually('it stands at the end', () =>
      scroller.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 2),
    );
    expect(await pane().locator('article').count()).toBeLessThan(100);
    for (let looks = 0; looks < 3; looks += 1) {
      const drawn = await pane().locator('article').count();
      const moved = await scroller.evaluate(async (element) => {
        const first = element.querySelector('article') as HTMLElement;
        element.scrollTop = 0;
        const before = first.getBoundingClientRect().top;
        const count = element.querySelectorAll('article').length;
        while (element.querySelectorAll('article').length === count) await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        await new Promise(requestAnimationFrame);
        return first.getBoundingClientRect().top - before;
      });
      expect(Math.abs(moved)).toBeLessThan(2);
      expect(await pane().locator('article').count()).toBeGreaterThan(drawn);
    }
  });

  test('what comes while the reader is further up is counted on a button that leads to it', async () => {
    await newRoom();
    const file = await share('first.txt', textFile());
    copyRow(file, 40);
    await openChat();
    await card('first.txt').waitFor();
    const scroller = pane().locator('.scroller');
    const topOfRead = await scroller.evaluate(async (element) => {
      element.scrollTop = 300;
      for (let frames = 0; frames < 3; frames += 1) await new Promise(requestAnimationFrame);
      return element.querySelectorAll('article')[4]?.getBoundingClientRect().top;
    });
    await share('new-1.txt', textFile(), 'agent');
    await pane().getByRole('button', { name: '1 new' }).waitFor();
    expect(
      await pane()
        .locator('article')
        .nth(4)
        .evaluate((article) => article.getBoundingClientRect().top),
    ).toBe(topOfRead);
    await share('new-2.txt', textFile(), 'agent');
    await pane().getByRole('button', { name: '2 new' }).click();
    await eventually('it stands at the end', () =>
      scroller.evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight < 2),
    );
    expect(await pane().getByRole('button', { name: /new$/ }).count()).toBe(0);
    expect(await focusedLabel()).toBe('Shared files');
  });
});

test('axe finds nothing: all kinds in the chat, the question, the viewer and its question, light and dark', async () => {
  await newRoom();
  await share('text.txt', textFile());
  await share('alone.png', picture(1));
  await share('voice.wav', wavFile(5), 'agent');
  for (const seed of [2, 3, 4, 5, 6]) await share(`p${seed}.png`, picture(seed));
  await share('paper.pdf', pdfFile());
  for (const colorScheme of ['light', 'dark'] as const) {
    await openChat({ colorScheme });
    await card('voice.wav').getByRole('slider').waitFor();
    expect(await violations()).toEqual([]);
    await card('paper.pdf').getByRole('button', { name: 'Delete paper.pdf' }).click();
    expect(await violations()).toEqual([]);
    await page.keyboard.press('Escape');
    await openViewer('p2.png');
    await dialog().locator('[data-current=true] img[data-shown=true]').waitFor();
    expect(await violations()).toEqual([]);
    await dialog().getByRole('button', { name: 'Delete p2.png' }).click();
    expect(await violations()).toEqual([]);
    await page.context().close();
  }
});

/** A chat of its own in the demo's company. */
async function newRoom(): Promise<void> {
  const answer = await send({
    method: 'POST',
    url: `${server.baseUrl}/demo/tokens`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{}'),
  });
  const tokens = jsonOf<{ company_id: string; session_id: string; user_token: string; agent_token: string }>(answer);
  room = {
    company: tokens.company_id,
    session: tokens.session_id,
    visitor: tokens.user_token,
    agent: tokens.agent_token,
  };
}

async function share(name: string, body: Buffer, by: 'visitor' | 'agent' = 'visitor'): Promise<ChatFile> {
  return await shareFile({ baseUrl: server.baseUrl, room, token: room[by], name, body });
}

async function remove(file: ChatFile | undefined): Promise<void> {
  const url = `${server.baseUrl}/api/chat/files/${file?.id}/`;
  expect((await send({ method: 'DELETE', url, headers: bearer(room.agent) })).status).toBe(204);
}

type Watch = {
  onMedia?: (url: string, range: string) => void;
  holdMedia?: boolean;
  beforeOpen?: () => Promise<unknown>;
};

/** Set once the page has all parts that it loads by itself. */
let wasIdle = false;

/** Opens the chat and waits until it is live; the answer lets held pictures through. */
async function openChat(options: BrowserContextOptions = {}, watch: Watch = {}): Promise<() => void> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en', ...options });
  page = await context.newPage();
  mistakes = [];
  page.on('pageerror', (error) => mistakes.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') mistakes.push(message.text());
  });
  page.on('request', (request) => {
    if (request.url().includes('/media/')) watch.onMedia?.(request.url(), request.headers().range ?? '');
  });
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  if (watch.holdMedia) {
    await page.route('**/media/**', async (route) => {
      await released;
      await route.continue();
    });
  }
  await watch.beforeOpen?.();
  await page.goto(`${server.baseUrl}/demo/#${room.session}`);
  await pane().locator('.connection[data-state=live]').waitFor();
  return release;
}

function pane(): Locator {
  return page.locator('[data-side=user]');
}

function card(name: string): Locator {
  return pane().getByRole('article', { name, exact: true });
}

function dialog(): Locator {
  return page.locator('dialog');
}

async function openViewer(name: string): Promise<void> {
  await card(name).locator('button.picture').click();
  await dialog().waitFor();
}

async function expectPosition(text: string): Promise<void> {
  await dialog().locator('.lightbox-position').getByText(text, { exact: true }).waitFor();
}

async function shownName(): Promise<string | null> {
  return await dialog().locator('.lightbox-caption .file-name').textContent();
}

/** How much the picture that is looked at is zoomed, to two digits. */
async function scale(): Promise<number> {
  return await dialog()
    .locator('[data-current=true] .slide-picture')
    .evaluate(
      (element: HTMLElement) =>
        Math.round(Number(/scale\(([\d.]+)\)/.exec(element.style.transform)?.[1] ?? 1) * 100) / 100,
    );
}

async function focusedLabel(): Promise<string | null> {
  return await page.evaluate(() => {
    let active: Element | null = document.activeElement;
    while (active?.shadowRoot) active = active.shadowRoot.activeElement;
    return active?.getAttribute('aria-label') ?? null;
  });
}

async function audio(name: string): Promise<{ time: number; rate: number; isPaused: boolean; src: string }> {
  return await card(name)
    .locator('audio')
    .evaluate((element: HTMLAudioElement) => ({
      time: element.currentTime,
      rate: element.playbackRate,
      isPaused: element.paused,
      src: element.src,
    }));
}

/** Places and sizes of all cards. */
async function boxes(): Promise<unknown[]> {
  return await pane()
    .locator('article')
    .evaluateAll((articles) => articles.map((article) => article.getBoundingClientRect().toJSON()));
}

/** What comes beside the list (the limits, the connection, the place in it) has come: nothing has moved for a while. */
async function restingBoxes(): Promise<unknown[]> {
  let last = await boxes();
  return eventually('nothing moves', async () => {
    await sleep(REST_MS);
    const now = await boxes();
    const rests = now.length > 0 && isDeepStrictEqual(now, last);
    last = now;
    return rests && now;
  });
}

async function watchShifts(): Promise<void> {
  await page.evaluate(() => {
    const target = window as unknown as { shifts: number };
    target.shifts = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) target.shifts += (entry as unknown as { value: number }).value;
    }).observe({ type: 'layout-shift' });
  });
}

async function shifts(): Promise<number> {
  return await page.evaluate(() => (window as unknown as { shifts: number }).shifts);
}

async function swipe(touch: CDPSession, fromX: number, toX: number): Promise<void> {
  const steps = 6;
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: fromX, y: 420 }] });
  for (let step = 1; step <= steps; step += 1) {
    const x = fromX + ((toX - fromX) * step) / steps;
    await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x, y: 420 }] });
  }
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

/** Two fingers about the middle of the screen, from one distance to the other. */
async function pinch(touch: CDPSession, from: number, to: number): Promise<void> {
  const steps = 6;
  const fingers = (distance: number) => [
    { x: 195 - distance, y: 420, id: 1 },
    { x: 195 + distance, y: 420, id: 2 },
  ];
  await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: fingers(from) });
  for (let step = 1; step <= steps; step += 1) {
    await touch.send('Input.dispatchTouchEvent', {
      type: 'touchMove',
      touchPoints: fingers(from + ((to - from) * step) / steps),
    });
  }
  await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

async function violations(): Promise<string[]> {
  await page.evaluate(axe.source);
  // Colours that still fade in are measured as they are at that moment.
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map(({ finished }) => finished)));
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    return (await axe.run()).violations;
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** What a worker for thumbnails would have found out. */
function setDetails(
  file: ChatFile,
  details: { width?: number; height?: number; placeholder?: string; thumbnailOf?: ChatFile },
): void {
  withDatabase((database) => {
    const { width = null, height = null, placeholder = null, thumbnailOf } = details;
    database
      .prepare('update chat_files set width = ?, height = ?, placeholder = ? where id = ?')
      .run(width, height, placeholder, file.id);
    if (thumbnailOf) {
      database
        .prepare('update chat_files set thumbnail = (select storage_key from chat_files where id = ?) where id = ?')
        .run(thumbnailOf.id, file.id);
    }
  });
}

/** Many more of it, each a minute older than the one before, in the same chat. */
function copyRow(file: ChatFile, count: number): void {
  withDatabase((database) => {
    const row = database.prepare('select * from chat_files where id = ?').get(file.id) as Record<string, unknown>;
    const { id: _id, ...rest } = row;
    const columns = Object.keys(rest);
    const insert = database.prepare(
      `insert into chat_files (${columns.join()}) values (${columns.map((column) => `@${column}`).join()})`,
    );
    database.transaction(() => {
      for (let copy = 1; copy <= count; copy += 1) {
        insert.run({
          ...rest,
          upload_id: `${copy}-${file.id}-copy`,
          storage_key: `${rest.storage_key}-${copy}`,
          original_name: `copy-${copy}.txt`,
          created_at: Number(rest.created_at) - (count - copy + 1) * 60_000,
        });
      }
    })();
  });
}

function withDatabase(use: (database: Database.Database) => void): void {
  const database = new Database(join(server.dataDir, 'chatdrop.sqlite'));
  try {
    use(database);
  } finally {
    database.close();
  }
}

function thumbhash(): string {
  const pixels = Array.from({ length: 16 * 16 }, (_, at) => [at, 90, 255 - at, 255]).flat();
  return Buffer.from(rgbaToThumbHash(16, 16, pixels)).toString('base64');
}

/** A link without its signature: all links to one file begin the same. */
function keyPart(url: string): string {
  return url.split('?')[0] ?? url;
}
