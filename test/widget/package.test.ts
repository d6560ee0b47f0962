/** `chatdrop` and what is below it as another project has them: packed, typed, bundled, and run in Chromium; `chatdrop/client` in Node. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { shareFile } from '../services/chat-api.ts';
import { newChatRoom } from '../services/chat-room.ts';
import { type Chatdrop, startChatdrop } from '../services/chatdrop-process.ts';
import { launchChromium } from '../services/chromium.ts';
import { eventually } from '../services/eventually.ts';
import { mp4File, pngFile } from '../services/fixtures.ts';
import { type ConsumerProject, createConsumerProject, packedPackage } from '../services/packed-package.ts';
import { startTcpProxy } from '../services/tcp-proxy.ts';
import { TEST_SECRET, visitorToken } from '../services/tokens.ts';
import { startWebPage, type WebPage } from '../services/web-page.ts';

const PROJECT = join(import.meta.dirname, '../..');
const png = pngFile({ width: 40, height: 30 });
const projects: Partial<Record<18 | 19 | 'backend', ConsumerProject>> = {};
let site: WebPage;
let server: Chatdrop;
let browser: Browser;
let page: Page | undefined;

declare global {
  interface Window {
    heard?: { name: string }[];
    unmount?: () => void;
    renew?: (jwt: string) => void;
    signedOut?: number;
    access?: string;
  }
}

beforeAll(async () => {
  await promisify(execFile)('npm', ['run', 'build:package'], { cwd: PROJECT });
  site = await startWebPage();
  server = await startChatdrop({ env: { ALLOWED_ORIGINS: site.origin('shop') } });
  browser = await launchChromium();
  for (const kind of [18, 19, 'backend'] as const) projects[kind] = await createConsumerProject(kind);
}, 300_000);

afterEach(async () => {
  await page?.context().close();
});

afterAll(async () => {
  await browser?.close();
  await server?.stop();
  await site?.close();
  for (const project of Object.values(projects)) await project.remove();
});

describe('the package', () => {
  test('publint finds nothing', async () => {
    const { buffer: tarball } = new Uint8Array(await readFile(await packedPackage()));
    const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('its types are whole: the strictest compiler finds nothing, in it and in what uses it', async () => {
    const project = projectOf(19);
    await project.write('use.tsx', `${APP}\n${HEADLESS}\n${DASHBOARD}\n${FROM_CLIENT}`);
    expect(await project.typeCheck()).toBe('');
    await project.write(
      'wrong.tsx',
      `import {FileUpload} from 'chatdrop/react'; export const x = <FileUpload sessionId={1} />;`,
    );
    expect(await project.typeCheck()).toContain("Type 'number' is not assignable to type 'string'");
  });

  test('can be imported where there is no browser, as frameworks do on the server', async () => {
    const script =
      "import {createElement} from 'react'; import {renderToString} from 'react-dom/server';" +
      "import {Dashboard, FileUpload, useChatFiles} from 'chatdrop/react'; import {createChatFiles} from 'chatdrop';" +
      "console.log(typeof createChatFiles, renderToString(createElement(FileUpload, {companyId: 'a', sessionId: 'b'})), renderToString(createElement(Dashboard, {useHash: true})))";
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: projectOf(19).folder,
    });
    expect(stdout.trim()).toBe(
      'function <chat-files company-id="a" session-id="b"></chat-files> <chat-files-dashboard use-hash=""></chat-files-dashboard>',
    );
  });

  test('who takes only the component gets a few hundred bytes, and the rest when it is shown', async () => {
    const { files } = await bundle(19, `import {FileUpload} from 'chatdrop/react'; console.log(FileUpload)`, ['react']);
    const first = files.find(({ path }) => path.endsWith('/entry.js'));
    const firstBytes = gzipSync(first?.contents ?? '').length;
    process.stdout.write(`chatdrop/react, the component alone: ${firstBytes} bytes gzip, ${files.length} files\n`);
    expect(firstBytes).toBeLessThan(1500);
    expect(new TextDecoder().decode(first?.contents)).not.toContain('Tus-Resumable');
  });
});

describe('chatdrop/client, in a backend', () => {
  test('the example of the docs, as it stands there: strict types, and a file of some megabytes through a cut connection', async () => {
    const project = projectOf('backend');
    const docs = await readFile(join(PROJECT, 'docs/client.md'), 'utf8');
    const [, example = ''] = /<!-- example -->\n```ts\n([\s\S]*?)```/.exec(docs) ?? [];
    const entry = await project.write('example.ts', example);
    await project.write(
      'admin.ts',
      `const url = '';\n${docs.split('## The operator')[1]?.split('```ts')[1]?.split('```')[0]}`,
    );
    expect(await project.typeCheck()).toBe('');
    await project.write(
      'wrong.ts',
      `import {createChatdrop} from 'chatdrop/client'; createChatdrop({url: 1, token: ''});`,
    );
    expect(await project.typeCheck()).toContain("Type 'number' is not assignable to type 'string'");

    const body = mp4File(5 * 1024 * 1024);
    await writeFile(join(project.folder, 'film.mp4'), body);
    const proxy = await startTcpProxy({ targetPort: server.port });
    proxy.rate(8 * 1024 * 1024);
    const env = { PATH: process.env.PATH, CHATDROP_URL: `http://127.0.0.1:${proxy.port}`, JWT_SECRET: TEST_SECRET };
    const run = promisify(execFile)(process.execPath, [entry, 'film.mp4'], { cwd: project.folder, env });
    await proxy.waitForBytesUp(2 * 1024 * 1024);
    proxy.cut();
    const { stdout, stderr } = await run;
    await proxy.stop();
    expect(stderr).toBe('');
    expect(
      stdout
        .replaceAll(/\d+ of/g, 'n of')
        .split('\n')
        .filter((line, at, all) => line !== all[at - 1]),
    ).toEqual([
      `n of ${body.length}`,
      `shared film.mp4 video/mp4 ${body.length}`,
      `downloaded film.mp4 ${body.length}`,
      expect.stringMatching(/^deleted \d+$/),
      '',
    ]);
  });
});

describe.each([18, 19] as const)('React %i', (react) => {
  test('StrictMode: a file goes up once, is heard of once, and nothing is left after unmounting', async () => {
    await open(react, APP, { sessionId: `app-${react}` });
    await choose('a.png');
    await shared('a.png').waitFor();
    const heard = await eventually('it is heard of', async () => {
      const names = await page?.evaluate(() => window.heard?.map(({ name }) => name));
      return names?.length ? names : undefined;
    });
    expect(heard).toEqual(['a.png']);
    await page?.evaluate(() => window.unmount?.());
    await eventually('the element is gone', async () => (await page?.locator('chat-files').count()) === 0);
  });

  test('a new jwt takes over without starting anew', async () => {
    await open(react, APP, { sessionId: `renew-${react}` });
    const before = await page
      ?.locator('chat-files')
      .evaluate((element) => (element as unknown as { chat: object }).chat !== null);
    expect(before).toBe(true);
    await page?.locator('chat-files').evaluate((element) => {
      (window as unknown as { first: unknown }).first = (element as unknown as { chat: object }).chat;
    });
    await page?.evaluate((jwt) => window.renew?.(jwt), visitorToken('shop', `renew-${react}`));
    await choose('b.png');
    await shared('b.png').waitFor();
    const isSame = await page
      ?.locator('chat-files')
      .evaluate(
        (element) => (window as unknown as { first: unknown }).first === (element as unknown as { chat: object }).chat,
      );
    expect(isSame).toBe(true);
  });

  test('useChatFiles: a user interface of one’s own', async () => {
    await open(react, HEADLESS, { sessionId: `own-${react}` });
    await page?.locator('#own-input').setInputFiles({ name: 'c.png', mimeType: 'image/png', buffer: png });
    await page?.locator('#own-list li', { hasText: 'c.png' }).waitFor();
  });
});

test('the dashboard: as a component, and as an element from its own entry', async () => {
  const room = newChatRoom('shop');
  await shareFile({ baseUrl: server.baseUrl, room, name: 'first.png', body: png });
  await open(19, DASHBOARD, { sessionId: room.session, jwt: 'not.a.token' });
  await eventually('it is refused', () => page?.evaluate(() => window.access === 'refused'));
  await page?.evaluate((jwt) => window.renew?.(jwt), room.agent);
  const shown = page?.locator('chat-files-dashboard');
  await shown?.getByText('first.png').waitFor();
  await shown?.getByRole('button', { name: 'Sign out' }).click();
  expect(await page?.evaluate(() => window.signedOut)).toBe(1);
  expect(await page?.evaluate(() => window.access)).toBe('ok');
  await page?.evaluate(() => window.unmount?.());
  await eventually('the element is gone', async () => (await shown?.count()) === 0);

  const element = `import 'chatdrop/dashboard'; document.getElementById('app')!.innerHTML =
    '<chat-files-dashboard api-base-url="' + window.options.apiBaseUrl + '" jwt="' + window.options.jwt + '"></chat-files-dashboard>';`;
  await page?.context().close();
  await open(19, element, { sessionId: room.session, jwt: room.agent });
  await page?.locator('chat-files-dashboard').getByText('first.png').waitFor();
});

const APP = `
import {StrictMode, useState} from 'react';
import {createRoot} from 'react-dom/client';
import {FileUpload} from 'chatdrop/react';

declare global { interface Window { options: {apiBaseUrl: string; sessionId: string; jwt: string}; heard?: {name: string}[]; unmount?: () => void; renew?: (jwt: string) => void } }

function App() {
  const [jwt, setJwt] = useState(window.options.jwt);
  window.renew = setJwt;
  return <FileUpload companyId="shop" {...window.options} jwt={jwt} theme="dark" style={{height: 400}}
    onFileShared={(file) => { (window.heard ??= []).push(file); }} onError={(error) => console.error(error.code, error.detail)} />;
}
export function start(place: HTMLElement) {
  const root = createRoot(place);
  root.render(<StrictMode><App /></StrictMode>);
  window.unmount = () => root.unmount();
}`;

const HEADLESS = `
import {StrictMode as Strict} from 'react';
import {createRoot as rootOf} from 'react-dom/client';
import {useChatFiles} from 'chatdrop/react';

declare global { interface Window { options: {apiBaseUrl: string; sessionId: string; jwt: string} } }

function Own() {
  const chat = useChatFiles({companyId: 'shop', ...window.options});
  return <div>
    <input id="own-input" type="file" onChange={(event) => chat?.commands.add([...event.target.files ?? []])} />
    <ul id="own-list">{chat?.files.map((file) => <li key={file.id}>{file.name}, {file.size}</li>)}</ul>
  </div>;
}
export function startOwn(place: HTMLElement) {
  rootOf(place).render(<Strict><Own /></Strict>);
}`;

const DASHBOARD = `
import {StrictMode as Strictly, useState as useValue} from 'react';
import {createRoot as rootFor} from 'react-dom/client';
import {Dashboard} from 'chatdrop/react';

declare global { interface Window { signedOut?: number; access?: string } }

function Agents() {
  const [jwt, setJwt] = useValue(window.options.jwt);
  window.renew = setJwt;
  return <Dashboard apiBaseUrl={window.options.apiBaseUrl} jwt={jwt} companyId="shop" style={{height: 500}}
    onSignOut={() => { window.signedOut = (window.signedOut ?? 0) + 1; }}
    onAccessChange={(access) => { window.access = access; }} />;
}
export function startDashboard(place: HTMLElement) {
  const root = rootFor(place);
  root.render(<Strictly><Agents /></Strictly>);
  window.unmount = () => root.unmount();
}`;

/** Types only: its place is a backend. */
const FROM_CLIENT = `export type {Chatdrop, ServerEvent} from 'chatdrop/client';`;

const STARTS: Record<string, string> = { [APP]: 'start', [HEADLESS]: 'startOwn', [DASHBOARD]: 'startDashboard' };

function projectOf(kind: 18 | 19 | 'backend'): ConsumerProject {
  const project = projects[kind];
  if (!project) throw new Error(`There is no project for ${kind}.`);
  return project;
}

async function bundle(react: 18 | 19, source: string, external: string[] = []) {
  const project = projectOf(react);
  const entry = await project.write('entry.tsx', source);
  const { outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: project.folder,
    bundle: true,
    format: 'esm',
    splitting: true,
    outdir: join(project.folder, 'out'),
    write: false,
    minify: true,
    jsx: 'automatic',
    jsxImportSource: 'react',
    tsconfigRaw: '{}',
    define: { 'process.env.NODE_ENV': '"development"' },
    external,
  });
  return { files: outputFiles };
}

/** Bundles the source, puts it on a page of the shop, and waits until it is there. */
async function open(
  react: 18 | 19,
  source: string,
  { sessionId, jwt = visitorToken('shop', sessionId) }: { sessionId: string; jwt?: string },
): Promise<void> {
  const start = STARTS[source];
  const { files } = await bundle(react, start ? `${source}\n${start}(document.getElementById('app')!);` : source);
  const options = { apiBaseUrl: server.baseUrl, sessionId, jwt };
  site.show(
    `<!doctype html><title>Shop</title><body><div id="app"></div>
    <script>window.options = ${JSON.stringify(options)}</script>
    <script type="module" src="/entry.js"></script>`,
  );
  const context = await browser.newContext();
  page = await context.newPage();
  await page.route('**/*.js', async (route) => {
    const name = new URL(route.request().url()).pathname;
    const file = files.find(({ path }) => path.endsWith(name));
    await route.fulfill({ contentType: 'text/javascript', body: Buffer.from(file?.contents ?? '') });
  });
  await page.goto(site.url('shop'));
  if (source === APP) await page.getByText('Live').waitFor();
  else await page.locator('#own-input, chat-files-dashboard').waitFor();
}

async function choose(name: string): Promise<void> {
  await page?.locator('input[type=file]').first().setInputFiles({ name, mimeType: 'image/png', buffer: png });
}

function shared(name: string) {
  if (!page) throw new Error('There is no page.');
  return page.locator('article:not([data-status])').filter({ hasText: name });
}
