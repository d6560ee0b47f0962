/** Drives WebKitGTK's MiniBrowser by WebKitWebDriver, on a display of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { type BrowserHome, createBrowserHome } from './browser-home.ts';
import { type BrowserPage, createBrowserPage, type PageScript } from './browser-page.ts';
import { WEBKIT_DRIVER } from './browser-programs.ts';
import { debianProgram } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { createWebDriver, elementPath, isWebDriverReady, type WebDriver } from './webdriver.ts';
import { startXvfb } from './xvfb.ts';

const START_TIMEOUT_MS = 60_000;
const START_TRIES = 3;
/** MiniBrowser's own bar above the page, in pixels. */
const TOOLBAR_HEIGHT = 38;
const TIMEOUTS_MS = { script: 120_000, pageLoad: 60_000, implicit: 0 };
/** https://www.w3.org/TR/webdriver2/#keyboard-actions */
const KEYS: Record<string, string> = {
  Backspace: '\uE003',
  Tab: '\uE004',
  Enter: '\uE007',
  Shift: '\uE008',
  Control: '\uE009',
  Alt: '\uE00A',
  Escape: '\uE00C',
  End: '\uE010',
  Home: '\uE011',
  ArrowLeft: '\uE012',
  ArrowUp: '\uE013',
  ArrowRight: '\uE014',
  ArrowDown: '\uE015',
  Delete: '\uE017',
};

/** One page in a new WebKitGTK that remembers nothing; the caller closes it. */
export async function launchWebKit(): Promise<BrowserPage> {
  const program = debianProgram(WEBKIT_DRIVER);
  const xvfb = await startXvfb();
  const home = await createBrowserHome();
  const end = async () => {
    await home.killAll();
    await home.remove();
    await xvfb.stop();
  };
  const launch = async () => {
    const driver = await createWebDriver(await startDriver(program, home, xvfb.display), {});
    await driver.post('/timeouts', TIMEOUTS_MS);
    await driver.post('/window/rect', { x: 0, y: 0, width: 1280, height: 800 + TOOLBAR_HEIGHT });
    return driver;
  };
  const driver = await launch().catch(async (error) => {
    await end();
    throw error;
  });
  const inFrame = createFrameSwitch(driver);

  return createBrowserPage({
    open: (url) => inFrame([], async () => void (await driver.post('/url', { url }))),
    evaluate: (frames, script) => inFrame(frames, async () => await run(driver, script)),
    click: (frames, element) =>
      inFrame(frames, async () => void (await driver.post(`${await pathOf(driver, element)}/click`))),
    setFiles: (frames, input, paths) =>
      inFrame(frames, async () => {
        await driver.post(`${await pathOf(driver, input)}/value`, { text: paths.join('\n') });
      }),
    press: (keys) => inFrame([], async () => void (await driver.post('/actions', keyActions(keys)))),
    screenshot: () => inFrame([], async () => Buffer.from(String(await driver.get('/screenshot')), 'base64')),
    async close() {
      await driver.delete().catch(() => undefined);
      await end();
    },
    kill: end,
  });
}

/** @returns its base URL. A port that somebody took first is given up for another one. */
async function startDriver(program: string, { env }: BrowserHome, display: string): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const child = spawn(program, ['--host=127.0.0.1', `--port=${port}`], {
      env: { ...env, DISPLAY: display },
      stdio: 'ignore',
    });
    const baseUrl = `http://127.0.0.1:${port}`;
    if (await becomesReady(child, baseUrl)) return baseUrl;
    if (tries === START_TRIES) throw new Error(`WebKitWebDriver did not start in ${START_TRIES} tries.`);
  }
}

async function becomesReady(child: ChildProcess, baseUrl: string): Promise<boolean> {
  let hasEnded = false;
  for (const event of ['error', 'exit']) {
    child.once(event, () => {
      hasEnded = true;
    });
  }
  await eventually(
    'WebKitWebDriver is ready',
    async () => hasEnded || (await isWebDriverReady(baseUrl)),
    START_TIMEOUT_MS,
  );
  return !hasEnded;
}

/** The session is in one frame at a time: calls wait for each other, and each goes to its frame from the top. */
function createFrameSwitch(driver: WebDriver): <T>(frames: PageScript[], act: () => Promise<T>) => Promise<T> {
  let turn: Promise<unknown> = Promise.resolve();
  return (frames, act) => {
    const inTurn = turn.then(async () => {
      await driver.post('/frame', { id: null });
      for (const script of frames) await driver.post('/frame', { id: await run(driver, script) });
      return await act();
    });
    turn = inTurn.catch(() => undefined);
    return inTurn;
  };
}

async function run(driver: WebDriver, { body, args }: PageScript): Promise<unknown> {
  return await driver.post('/execute/sync', { script: `return (async (...args) => {${body}\n})(...arguments);`, args });
}

async function pathOf(driver: WebDriver, element: PageScript): Promise<string> {
  return elementPath(await run(driver, element));
}

function keyActions(keys: string[]): object {
  const values = keys.map((key) => KEYS[key] ?? key);
  const actions = [
    ...values.map((value) => ({ type: 'keyDown', value })),
    ...values.toReversed().map((value) => ({ type: 'keyUp', value })),
  ];
  return { actions: [{ type: 'key', id: 'keyboard', actions }] };
}
