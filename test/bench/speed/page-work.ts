/** n: how long a mid-range phone on a slow network waits for the demo page, from the address to a widget that is live. */
import type { Browser, CDPSession, Page } from 'playwright-core';
import { startChatdrop } from '../../services/chatdrop-process.ts';
import { launchChromium } from '../../services/chromium.ts';
import type { Bench, Figure, Target, Work } from './work.ts';

/** What Lighthouse calls slow 4G: a round trip in ms, bytes a second. */
const SLOW_4G = { latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8 };
/** And a mid-range phone: so much slower than this machine. */
const CPU_SLOWER = 4;
const VIEWPORT = { width: 412, height: 823 };
const MAX_WAIT_MS = 60_000;

const INTERACTIVE: Target = { what: 'interactive', unit: 's', better: 'less', floor: 3, goal: 1.5 };

type Visit = {
  /** Seconds from the navigation. */
  painted: number;
  attachable: number;
  live: number;
  /** As they came over the network, by kind. */
  kilobytes: Map<string, number>;
};

/** What the page notes by itself: nothing asks it over the slow network. */
const NOTES = `
  globalThis.noted = {};
  const look = () => {
    const widget = document.querySelector('chat-files');
    const input = widget?.shadowRoot?.querySelector('input[type=file]');
    if (input && noted.attachable === undefined) noted.attachable = performance.now();
    if (widget?.chat?.state.get().connection.state === 'live') noted.live = performance.now();
    else setTimeout(look, 5);
  };
  look();`;

export const pageWork: Work = {
  id: 'n',
  title: 'demo page, mid-range phone, slow 4G',
  targets: [INTERACTIVE],
  async run(bench: Bench): Promise<Figure[]> {
    const server = await startChatdrop({ development: true });
    let browser: Browser | undefined;
    try {
      browser = await launchChromium();
      bench.version('Chromium', browser.version());
      const visits: Visit[] = [];
      // The first one reads the pages from the disk, and is not among them.
      for (let round = 0; round <= bench.rounds; round += 1) {
        const visited = await visit(browser, `${server.baseUrl}/demo/`);
        if (round > 0) visits.push(visited);
        bench.progress(`${round} of ${bench.rounds}: live after ${visited.live.toFixed(2)} s`);
      }
      return figuresOf(visits);
    } finally {
      await browser?.close();
      await server.stop();
    }
  },
};

function figuresOf(visits: readonly Visit[]): Figure[] {
  const kinds = new Set(visits.flatMap(({ kilobytes }) => [...kilobytes.keys()]));
  return [
    { ...INTERACTIVE, samples: visits.map(({ attachable, live }) => Math.max(attachable, live)) },
    { what: 'first paint', unit: 's', better: 'less', samples: visits.map(({ painted }) => painted) },
    { what: 'attach button', unit: 's', better: 'less', samples: visits.map(({ attachable }) => attachable) },
    ...[...kinds].map(
      (kind): Figure => ({
        what: `${kind} transferred`,
        unit: 'kB',
        better: 'less',
        samples: visits.map(({ kilobytes }) => kilobytes.get(kind) ?? 0),
      }),
    ),
  ];
}

/** A first visit: nothing is in the cache. @throws when the widget is not live, or its button opens no chooser, within a minute */
async function visit(browser: Browser, url: string): Promise<Visit> {
  // The page's policy forbids what this asks it; else it changes nothing.
  const context = await browser.newContext({ viewport: VIEWPORT, isMobile: true, hasTouch: true, bypassCSP: true });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(MAX_WAIT_MS);
    const devtools = await context.newCDPSession(page);
    const kilobytes = await countBytes(devtools);
    await devtools.send('Network.emulateNetworkConditions', { offline: false, ...SLOW_4G });
    await devtools.send('Emulation.setCPUThrottlingRate', { rate: CPU_SLOWER });
    await page.addInitScript(NOTES);
    await page.goto(url, { waitUntil: 'commit' });
    await page.waitForFunction('noted.live !== undefined && noted.attachable !== undefined');
    const times = (await page.evaluate(
      `({ ...noted, painted: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN })`,
    )) as Record<'attachable' | 'live' | 'painted', number>;
    await expectChooser(page);
    const { painted, attachable, live } = times;
    return { painted: painted / 1000, attachable: attachable / 1000, live: live / 1000, kilobytes };
  } finally {
    await context.close();
  }
}

/** A button that opens nothing would not count. */
async function expectChooser(page: Page): Promise<void> {
  const chooser = page.waitForEvent('filechooser');
  await page.locator('chat-files').first().locator('.pick-button').click();
  await chooser;
}

async function countBytes(devtools: CDPSession): Promise<Map<string, number>> {
  const kinds = new Map<string, string>();
  const kilobytes = new Map<string, number>();
  devtools.on('Network.responseReceived', ({ requestId, type }) => kinds.set(requestId, type.toLowerCase()));
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const kind = kinds.get(requestId) ?? 'other';
    kilobytes.set(kind, (kilobytes.get(kind) ?? 0) + encodedDataLength / 1000);
  });
  await devtools.send('Network.enable');
  return kilobytes;
}
