/** One page in a browser of its own, the same for every engine: open, look, click, choose files, kill. */
import { createDeepQuery, type Place } from './deep-query.ts';
import { eventually } from './eventually.ts';

/** What runs in a page: the body of an async function of `...args` (`return` gives its value); both ways JSON. */
export type PageScript = { body: string; args: unknown[] };

/** What an engine has to bring. `frames` leads to an iframe: each script returns the iframe's element in the one before. */
export type BrowserEngine = {
  open(url: string): Promise<void>;
  /** Runs also under a Content-Security-Policy that forbids eval. Rejects with the page's error. */
  evaluate(frames: PageScript[], script: PageScript): Promise<unknown>;
  /** A real click of the pointer, on the element that the script returns. */
  click(frames: PageScript[], element: PageScript): Promise<void>;
  setFiles(frames: PageScript[], input: PageScript, paths: string[]): Promise<void>;
  /** Pressed one after the other, then released; names as in `KeyboardEvent.key`. */
  press(keys: string[]): Promise<void>;
  /** A PNG of what is in view. */
  screenshot(): Promise<Buffer>;
  /** Ends the browser and removes all it wrote. */
  close(): Promise<void>;
  /** The same by SIGKILL to every process of it: the page learns nothing. */
  kill(): Promise<void>;
};

/** A page, or an iframe of any origin in it. Whatever waits rejects after `timeoutMs` (30 s). */
export type BrowserFrame = {
  /**
   * Runs a function that stands alone, or the source of a script (`return` gives its value), and waits for a promise.
   * Globals stay: the whole source of a library can be run first, and the library be used by the next call.
   */
  evaluate<T, A extends unknown[]>(script: string | ((...args: A) => T | Promise<T>), ...args: A): Promise<T>;
  /** How many visible elements are there now. */
  count(place: Place): Promise<number>;
  /** The texts of the visible elements there now. */
  texts(place: Place): Promise<string[]>;
  /** What a function that stands alone reads from each visible element there now. */
  readAll<T>(place: Place, read: (element: Element) => T): Promise<T[]>;
  /** Until something visible is there. */
  waitFor(place: Place, timeoutMs?: number): Promise<void>;
  /** Until nothing visible is there. */
  waitUntilGone(place: Place, timeoutMs?: number): Promise<void>;
  /** Clicks the first visible one there, as soon as it stands still. */
  click(place: Place, timeoutMs?: number): Promise<void>;
  /** Gives files to the first `<input type=file>` there, hidden or not, as soon as it is there. */
  setFiles(place: Place, ...paths: string[]): Promise<void>;
  /** Clicks, and gives the files to the input whose dialog this opens. The dialog itself is never shown. */
  chooseFiles(place: Place, ...paths: string[]): Promise<void>;
  /** The iframe there; it is looked up anew for each call, so it may reload. */
  frame(place: Place): BrowserFrame;
};

export type BrowserPage = BrowserFrame & {
  /** Resolves when the page has loaded. */
  open(url: string): Promise<void>;
  /** `Tab`, `Enter`, `Escape`, `ArrowDown`, `a`, `Shift+Tab`: goes to what has the focus. */
  press(keys: string): Promise<void>;
  /** A PNG of what is in view. */
  screenshot(): Promise<Buffer>;
  /** Ends the browser and removes all it wrote. Does nothing when it has ended. */
  close(): Promise<void>;
  /** The same by SIGKILL to every process of it: the page learns nothing. */
  kill(): Promise<void>;
};

const PATIENCE_MS = 60_000;
const DEEP_QUERY = `const { find, textOf } = (${createDeepQuery})();`;

export function createBrowserPage(engine: BrowserEngine): BrowserPage {
  let ended: Promise<void> | undefined;
  const endOnce = (end: () => Promise<void>) => async () => {
    ended ??= end();
    await ended;
  };
  return {
    ...createFrame(engine, []),
    open: engine.open,
    press: (keys) => engine.press(keys === '+' ? [keys] : keys.split('+')),
    screenshot: engine.screenshot,
    close: endOnce(engine.close),
    kill: endOnce(engine.kill),
  };
}

function createFrame(engine: BrowserEngine, frames: PageScript[]): BrowserFrame {
  const run = async (body: string, ...args: unknown[]) => await engine.evaluate(frames, { body, args });
  /** For places: `find` and `textOf` are there, `args[0]` is the place. */
  const look = async (body: string, ...args: unknown[]) => await run(`${DEEP_QUERY} return ${body};`, ...args);

  const count = async (place: Place) => Number(await look('find(args[0], true).length', place));
  const waitFor = async (place: Place, timeoutMs = PATIENCE_MS) => {
    await eventually(`${JSON.stringify(place)} is there`, async () => (await count(place)) > 0, timeoutMs);
  };
  const click = async (place: Place, timeoutMs = PATIENCE_MS) => {
    const standsStill = async () => (await look(`(${isStill})(find(args[0], true)[0])`, place)) === true;
    await eventually(`${JSON.stringify(place)} is there and stands still`, standsStill, timeoutMs);
    await engine.click(frames, firstAt(place, true));
  };

  return {
    async evaluate<T, A extends unknown[]>(script: string | ((...args: A) => T | Promise<T>), ...args: A) {
      const body = typeof script === 'string' ? script : `return (${script})(...args);`;
      return (await run(body, ...args)) as T;
    },
    count,
    texts: async (place) => (await look('find(args[0], true).map(textOf)', place)) as string[],
    readAll: async <T>(place: Place, read: (element: Element) => T) =>
      (await look(`find(args[0], true).map((element) => (${read})(element))`, place)) as T[],
    waitFor,
    async waitUntilGone(place, timeoutMs = PATIENCE_MS) {
      await eventually(`${JSON.stringify(place)} is gone`, async () => (await count(place)) === 0, timeoutMs);
    },
    click,
    async setFiles(place, ...paths) {
      const isThere = async () => Number(await look('find(args[0], false).length', place)) > 0;
      await eventually(`${JSON.stringify(place)} is in the page`, isThere, PATIENCE_MS);
      await engine.setFiles(frames, firstAt(place, false), paths);
    },
    async chooseFiles(place, ...paths) {
      await run(`(${catchFileDialog})();`);
      await click(place);
      const wasAsked = async () => (await run('return globalThis.chatdropTestInput !== undefined;')) === true;
      await eventually(`${JSON.stringify(place)} opens a file dialog`, wasAsked, PATIENCE_MS);
      await engine.setFiles(frames, { body: 'return globalThis.chatdropTestInput;', args: [] }, paths);
    },
    frame: (place) => createFrame(engine, [...frames, firstAt(place, false)]),
  };
}

function firstAt(place: Place, mustBeVisible: boolean): PageScript {
  return { body: `${DEEP_QUERY} return find(...args)[0];`, args: [place, mustBeVisible] };
}

/** In the page: whether it is there and does not move from one frame to the next. */
async function isStill(element: Element | undefined): Promise<boolean> {
  if (element === undefined) return false;
  const box = () => JSON.stringify(element.getBoundingClientRect());
  const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  await nextFrame();
  const before = box();
  await nextFrame();
  return element.isConnected && box() === before;
}

/**
 * In the page: keeps the next file dialog shut and remembers its input. No driver can answer a real dialog in every
 * engine. As a browser does, it takes no dialog that no person asked for.
 */
function catchFileDialog(): void {
  const page = globalThis as { chatdropTestInput?: HTMLInputElement };
  delete page.chatdropTestInput;
  const onClick = (event: Event) => {
    const [input] = event.composedPath();
    if (!(input instanceof HTMLInputElement) || input.type !== 'file') return;
    event.preventDefault();
    window.removeEventListener('click', onClick, true);
    if (navigator.userActivation.isActive) page.chatdropTestInput = input;
  };
  window.addEventListener('click', onClick, true);
}
