/** Server, fronts and browser for the tests of the widget's core: browser → TCP proxy → HTTP front → server. */
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import { listFiles } from './chat-api.ts';
import type { ChatRoom } from './chat-room.ts';
import { type Chatdrop, startChatdrop } from './chatdrop-process.ts';
import { launchChromium } from './chromium.ts';
import { type CorePage, corePages, openCore } from './core-page.ts';
import { mp4Stream, sha256Of } from './fixtures.ts';
import { type HttpFront, startHttpFront } from './http-front.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { send } from './wire.ts';

export const MIB = 1024 * 1024;
export const TUS = '/api/chat/tus';
const REQUESTS_SHOWN = 40;
const LOG_CHARACTERS_SHOWN = 4000;

export type CoreSuite = {
  server: Chatdrop;
  /** New for each test. */
  front: HttpFront;
  /** New for each test: rate, hole and cut. */
  wire: TcpProxy;
  baseUrl: string;
  /** A page in a new profile. `init` runs before anything else in it; `within`: another browser than the suite's. */
  open(init?: () => void, within?: Browser): Promise<CorePage>;
  /** Another page in the profile of this one. */
  openBeside(other: CorePage): Promise<CorePage>;
  fileNamed(name: string, content: Buffer): Promise<string>;
  bigFile(name: string, mebibytes: number, seed?: number): Promise<string>;
  /** Of the bytes that the server has for this file. */
  sha256Of(room: ChatRoom, name: string): Promise<string>;
};

/** Starts before all tests of the file and stops after them; each test has its own proxies and profiles. */
export function coreSuite(): CoreSuite {
  const suite = {} as CoreSuite;
  let browser: Browser;
  let folder: string;
  let pages: Awaited<ReturnType<typeof corePages>>;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chatdrop-core-'));
    pages = await corePages();
    suite.server = await startChatdrop({ env: { CHAT_MAX_FILE_SIZE: '300MB', CHAT_UPLOAD_RATE_LIMIT: '1000' } });
    browser = await launchChromium();
  });
  beforeAll(startWires);
  afterEach(async ({ task }) => {
    if (task.result?.state === 'fail') tellOfRequests();
    for (const context of contexts.splice(0)) await context.close();
    await stopWires();
    await startWires();
  });
  afterAll(async () => {
    await browser?.close();
    await stopWires();
    await suite.server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function startWires(): Promise<void> {
    suite.front = await startHttpFront({ targetPort: suite.server.port, pages });
    suite.wire = await startTcpProxy({ targetPort: suite.front.port });
    suite.baseUrl = `http://127.0.0.1:${suite.wire.port}`;
  }

  /** What was asked and not answered says whether a page waits for the server or for itself. */
  function tellOfRequests(): void {
    const lines = suite.front.requests
      .slice(-REQUESTS_SHOWN)
      .map(({ method, path, status }) => `${status} ${method} ${path}`);
    console.error(`--- the last requests, null: without an answer ---\n${lines.join('\n')}`);
    console.error(`--- the server's output ---\n${suite.server.logs().slice(-LOG_CHARACTERS_SHOWN)}`);
  }

  async function stopWires(): Promise<void> {
    await suite.wire?.stop();
    await suite.front?.stop();
  }

  return Object.assign(suite, {
    async open(init?: () => void, within: Browser = browser) {
      const context = await within.newContext();
      contexts.push(context);
      if (init) await context.addInitScript(init);
      return await openCore(context, suite.baseUrl);
    },
    openBeside: (other: CorePage) => openCore(other.page.context(), suite.baseUrl),
    async fileNamed(name: string, content: Buffer) {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    },
    async bigFile(name: string, mebibytes: number, seed?: number) {
      const path = join(folder, name);
      await pipeline(mp4Stream(mebibytes * MIB, seed), createWriteStream(path));
      return path;
    },
    async sha256Of(room: ChatRoom, name: string) {
      const { files } = await listFiles(suite.server.baseUrl, room);
      const { url } = files.find((file) => file.name === name) as ChatFile;
      const { body } = await send({ method: 'GET', url, timeoutMs: 60_000 });
      return await sha256Of(body);
    },
  });
}
