/** Firefox and WebKitGTK do what the tests ask of them, inside shadow roots and foreign iframes, and leave nothing behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { processesOf, removeAbandonedHomes } from './browser-home.ts';
import type { BrowserPage } from './browser-page.ts';
import { debianProgram } from './debian-programs.ts';
import { launchFirefox } from './firefox.ts';
import { launchWebKit } from './webkit.ts';
import { startXvfb } from './xvfb.ts';

/** Two elements, one in the other's shadow root; what is done to them is written down in the inner one. */
const SCRIPT = `
try {
  eval('1');
} catch {
  document.title = 'eval is forbidden';
}
customElements.define('x-inner', class extends HTMLElement {
  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    root.innerHTML = '<p id=heading>Files of <b>ours</b></p><ul></ul><button aria-labelledby="heading">+</button>' +
      '<label>Choose files<input type=file multiple hidden></label><button hidden>Later</button><slot></slot>';
    const note = (text) => root.querySelector('ul').appendChild(document.createElement('li')).append(text);
    const input = root.querySelector('input');
    const [button] = root.querySelectorAll('button');
    button.onclick = (event) => note('clicked, trusted: ' + event.isTrusted);
    button.onkeydown = (event) => note('key ' + (event.shiftKey ? 'Shift+' : '') + event.key);
    input.onchange = async () => {
      for (const file of input.files) note(file.name + ': ' + (await file.text()));
      input.value = '';
    };
    root.addEventListener('slotchange', () => {
      this.querySelector('a').onclick = (event) => { event.preventDefault(); input.click(); };
    });
  }
});
customElements.define('x-outer', class extends HTMLElement {
  constructor() {
    super();
    this.attachShadow({ mode: 'open' }).innerHTML =
      '<section><x-inner><a href="#">Go on with <bdi>film.mp4</bdi> (62&nbsp;%)</a></x-inner></section>';
  }
});
`;
const POLICY = "default-src 'none'; script-src 'self'; frame-src *";

// A slow machine needs its time to start browsers.
vi.setConfig({ testTimeout: 120_000 });

let server: Server;
let port: number;
let folder: string;
let page: BrowserPage;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-browsers-'));
  server = createServer((request, response) => {
    const frame = request.url === '/host' ? `<iframe src="http://widget.localhost:${port}/frame"></iframe>` : '';
    const isScript = request.url === '/script.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html; charset=utf-8');
    response.setHeader('Content-Security-Policy', POLICY);
    response.end(isScript ? SCRIPT : `<!doctype html><script src="/script.js"></script><x-outer></x-outer>${frame}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(() => {
  vi.unstubAllEnvs();
});

afterAll(async () => {
  server?.closeAllConnections();
  server?.close();
  await rm(folder, { recursive: true, force: true });
});

test('displays side by side are different ones, and leave no socket behind', async () => {
  const displays = await Promise.all([startXvfb(), startXvfb(), startXvfb()]);
  const sockets = displays.map(({ display }) => `/tmp/.X11-unix/X${display.slice(1)}`);
  expect(new Set(sockets).size).toBe(3);
  expect(sockets.every(existsSync)).toBe(true);
  await Promise.all(displays.map((display) => display.stop()));
  expect(sockets.some(existsSync)).toBe(false);
});

test('what a killed run left is ended and removed, what another run uses is not', async () => {
  vi.stubEnv('TMPDIR', await mkdtemp(join(folder, 'place-')));
  const ended = spawn('true');
  await once(ended, 'exit');
  const abandoned = join(tmpdir(), `chatdrop-browser-${ended.pid}-x`);
  const used = join(tmpdir(), `chatdrop-browser-${process.pid}-x`);
  for (const home of [abandoned, used]) await mkdir(join(home, 'profile'), { recursive: true });
  const browser = spawn('sleep', ['100'], { env: { HOME: abandoned, PATH: process.env.PATH } });
  const exit = once(browser, 'exit');
  await removeAbandonedHomes();
  expect(await exit).toEqual([null, 'SIGKILL']);
  expect(await readdir(tmpdir())).toEqual([basename(used)]);
});

test('a program that cannot be had is named, with the way to get it', () => {
  const program = { title: 'Lynx', setting: 'TEST_LYNX', commands: ['no-such-browser'], debianPackages: ['lynx'] };
  expect(() => debianProgram(program)).toThrow(/Lynx.*apt-get install --no-install-recommends lynx.*TEST_LYNX/);
  vi.stubEnv('TEST_LYNX', '/no/such/browser');
  expect(() => debianProgram(program)).toThrow('TEST_LYNX names /no/such/browser, which cannot be run.');
});

describe.each([
  { engine: 'Firefox', launch: launchFirefox },
  { engine: 'WebKitGTK', launch: launchWebKit },
])('$engine', ({ engine, launch }) => {
  let place: string;
  beforeAll(async () => {
    place = await mkdtemp(join(folder, 'place-'));
    vi.stubEnv('TMPDIR', place);
    page = await launch();
    vi.unstubAllEnvs();
  });
  afterAll(() => page.close());

  test('finds, reads, clicks, presses keys and chooses files through nested shadow roots', async () => {
    await page.open(`http://127.0.0.1:${port}/`);
    await page.click({ name: 'Files of ours' });
    for (const keys of ['x', 'Tab', 'Shift+Tab', 'Shift+ArrowDown']) await page.press(keys);
    const notes = { css: ['x-outer', 'x-inner', 'ul > li'] };
    await page.waitFor({ ...notes, text: 'Shift+ArrowDown' });
    expect(await page.texts(notes)).toEqual([
      'clicked, trusted: true',
      'key x',
      'key Tab',
      // What is pressed to come back is pressed elsewhere.
      'key Shift+Shift',
      'key Shift+ArrowDown',
    ]);
    expect(await page.count({ name: 'Later' })).toBe(0);

    const [one, two] = [await fileNamed('one.txt'), await fileNamed('two.txt')];
    await page.chooseFiles({ text: 'Choose files' }, one, two);
    await page.waitFor({ ...notes, text: 'two.txt: I am two.txt' });
    await page.chooseFiles({ css: ['x-outer', 'a'], text: 'Go on with film.mp4 (62 %)' }, two);
    await page.setFiles({ css: 'input[type=file]' }, one);
    const files = { css: 'li', text: '.txt: I am' };
    const told = [one, two, two, one].map((path) => `${basename(path)}: I am ${basename(path)}`);
    await expect.poll(() => page.texts(files), { timeout: 60_000 }).toEqual(told);
  });

  test('does all of that in an iframe of another origin', async () => {
    await page.open(`http://host.localhost:${port}/host`);
    const frame = page.frame({ css: 'iframe' });
    await frame.click({ name: 'Files of ours' });
    await frame.chooseFiles({ text: 'Go on with film.mp4' }, await fileNamed('framed.txt'));
    await frame.setFiles({ css: 'input[type=file]' }, await fileNamed('set.txt'));
    await frame.waitFor({ css: 'li', text: 'set.txt: I am set.txt' });
    expect(await frame.texts({ css: 'li' })).toEqual([
      'clicked, trusted: true',
      'framed.txt: I am framed.txt',
      'set.txt: I am set.txt',
    ]);
    expect(await frame.evaluate(() => location.hostname)).toBe('widget.localhost');
    expect(await page.count({ css: 'li' })).toBe(0);
    // Across origins a script sees nothing: it was the driver that went in.
    expect(await page.evaluate(() => document.querySelector('iframe')?.contentDocument)).toBeNull();
  });

  test('runs the source of a library under a strict policy, and says what went wrong in it', async () => {
    await page.open(`http://127.0.0.1:${port}/`);
    await page.evaluate('(function (global) { global.library = { add: async (a, b) => a + b }; })(window); // its end');
    expect(await page.evaluate('return await library.add(...args)', 2, 3)).toBe(5);
    expect(await page.evaluate(async (text: string) => ({ text, list: [1, null] }), 'ä "\u2028"')).toEqual({
      text: 'ä "\u2028"',
      list: [1, null],
    });
    await expect(page.evaluate('throw new Error("not today")')).rejects.toThrow('not today');
    expect(await page.evaluate(() => document.title)).toBe('eval is forbidden');
    const png = await page.screenshot();
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1280, 800]);
  });

  test('two of them side by side share nothing; killed or closed, neither leaves a process, file or display behind', async () => {
    const otherPlace = await mkdtemp(join(folder, 'place-'));
    vi.stubEnv('TMPDIR', otherPlace);
    const other = await launch();
    const displays = engine === 'WebKitGTK' ? 1 : 0;
    try {
      for (const each of [page, other]) await each.open(`http://127.0.0.1:${port}/`);
      await page.evaluate(() => localStorage.setItem('mine', 'yes'));
      expect(await page.evaluate(() => localStorage.getItem('mine'))).toBe('yes');
      expect(await other.evaluate(() => localStorage.getItem('mine'))).toBeNull();
      const homes = [await homesIn(place), await homesIn(otherPlace)];
      for (const each of homes) expect(processesOfAll(each).length).toBeGreaterThan(2);
      expect(displaysOfThisProcess()).toHaveLength(2 * displays);
      await other.kill();
      expect(processesOfAll(homes[1])).toEqual([]);
      expect(await readdir(otherPlace)).toEqual([]);
      expect(displaysOfThisProcess()).toHaveLength(displays);
      await page.click({ name: 'Files of ours' });
      await page.waitFor({ css: 'li', text: 'clicked' });
    } finally {
      await other.close();
    }
    const homes = await homesIn(place);
    await page.close();
    expect(processesOfAll(homes)).toEqual([]);
    expect(await readdir(place)).toEqual([]);
    expect(displaysOfThisProcess()).toEqual([]);
  });
});

async function homesIn(place: string): Promise<string[]> {
  return (await readdir(place)).map((name) => join(place, name));
}

function processesOfAll(homes: string[] = []): number[] {
  return homes.flatMap(processesOf);
}

async function fileNamed(fileName: string): Promise<string> {
  const path = join(folder, fileName);
  await writeFile(path, `I am ${fileName}`);
  return path;
}

/** The X servers that were started here, by their process ids. */
function displaysOfThisProcess(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return /^Name:\s+Xvfb$/m.test(status) && new RegExp(`^PPid:\\s+${process.pid}$`, 'm').test(status);
    } catch {
      return false;
    }
  });
}
