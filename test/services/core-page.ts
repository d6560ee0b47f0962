/** The widget's core in a page of the test: bundled as it is, with handles for files, state and callbacks. */
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { BrowserContext, Page } from 'playwright-core';
import type { ChatFile } from '../../server/contract/chat-file.ts';
import type { ChatFiles, ChatFilesState } from '../../widget/core/chat-files.ts';
import type { ChatFilesError, ChatFilesOptions } from '../../widget/core/options.ts';
import { eventually } from './eventually.ts';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));
const CORE_PAGE = '/core-test/';

/** What the page holds for the test. */
type Handles = {
  createChatFiles(options: ChatFilesOptions): ChatFiles;
  chat: ChatFiles;
  shared: ChatFile[];
  errors: Omit<ChatFilesError, 'file'>[];
  /** Every status and wait reason that an upload had. */
  seen: string[];
  /** What the side was whenever files were shown. */
  sides: string[];
  start(options: Partial<ChatFilesOptions>, tokens: 'getToken' | 'none'): void;
  nextToken(): Promise<string>;
};
declare global {
  var core: Handles;
  function nextToken(): Promise<string>;
}

const SCRIPT = `
import { createChatFiles } from './widget/core/chat-files.ts';
const core = (globalThis.core = { createChatFiles, chat: null, shared: [], errors: [], seen: [], sides: [] });
core.start = (options, tokens) => {
  core.chat = createChatFiles({
    apiBaseUrl: undefined,
    getToken: tokens === 'getToken' ? () => globalThis.nextToken() : undefined,
    ...options,
    onFileShared: (file) => core.shared.push(file),
    onError: ({ file, ...error }) => core.errors.push(error),
  });
  core.chat.state.subscribe(() => {
    const { files, side } = core.chat.state.get();
    if (files.length > 0) core.sides.push(side, core.chat.side);
    for (const { status, wait } of core.chat.state.get().uploads) {
      const now = wait ? status + ':' + wait.reason : status;
      if (core.seen.at(-1) !== now) core.seen.push(now);
    }
  });
};`;
const HTML =
  '<!doctype html><meta charset="utf-8"><input id="pick" type="file" multiple><script type="module" src="core.js"></script>';

/** Pages for `startHttpFront`. */
export async function corePages(): Promise<Record<string, [string, string | Uint8Array]>> {
  const { outputFiles } = await build({
    stdin: { contents: SCRIPT, resolveDir: PROJECT, loader: 'ts' },
    bundle: true,
    format: 'esm',
    target: 'es2022',
    write: false,
    legalComments: 'none',
  });
  return {
    [CORE_PAGE]: ['text/html', HTML],
    [`${CORE_PAGE}core.js`]: ['text/javascript', outputFiles[0]?.contents ?? ''],
  };
}

export type CorePage = {
  page: Page;
  /** Creates the chat; with `nextToken` as its `getToken` when that is given. */
  start(options: Partial<ChatFilesOptions>, nextToken?: () => string): Promise<void>;
  /** Adds files from the disk. */
  add(...paths: string[]): Promise<void>;
  goOn(unfinishedId: string, path: string): Promise<boolean>;
  chooseAgain(uploadId: string, path: string): Promise<boolean>;
  state(): Promise<ChatFilesState>;
  /** The first state for which it holds. */
  until(what: string, holds: (state: ChatFilesState) => boolean, timeoutMs?: number): Promise<ChatFilesState>;
  shared(): Promise<ChatFile[]>;
};

/** A page in this context, with the core loaded and nothing started. */
export async function openCore(context: BrowserContext, baseUrl: string): Promise<CorePage> {
  const page = await context.newPage();
  await page.goto(baseUrl + CORE_PAGE);
  await page.waitForFunction(() => globalThis.core !== undefined);
  const pick = (paths: string[]) => page.locator('#pick').setInputFiles(paths);
  const state = () =>
    page.evaluate(() => {
      const now = core.chat.state.get();
      return { ...now, uploads: now.uploads.map((upload) => ({ ...upload, file: {} as File })) };
    });
  return {
    page,
    async start(options, nextToken) {
      if (nextToken) await page.exposeFunction('nextToken', nextToken);
      await page.evaluate(([given, tokens]) => core.start(given, tokens), [
        options,
        nextToken ? 'getToken' : 'none',
      ] as const);
    },
    async add(...paths) {
      await pick(paths);
      await page.evaluate(() => {
        core.chat.add([...(document.querySelector<HTMLInputElement>('#pick')?.files ?? [])]);
      });
    },
    async goOn(id, path) {
      await pick([path]);
      return await page.evaluate(async (unfinishedId) => {
        const file = document.querySelector<HTMLInputElement>('#pick')?.files?.[0] as File;
        return await core.chat.goOn(unfinishedId, file);
      }, id);
    },
    async chooseAgain(id, path) {
      await pick([path]);
      return await page.evaluate(async (uploadId) => {
        const file = document.querySelector<HTMLInputElement>('#pick')?.files?.[0] as File;
        return await core.chat.chooseAgain(uploadId, file);
      }, id);
    },
    state,
    async until(what, holds, timeoutMs = 60_000) {
      let last: ChatFilesState | undefined;
      try {
        return await eventually(
          what,
          async () => {
            last = await state();
            return holds(last) && last;
          },
          timeoutMs,
        );
      } catch (cause) {
        const errors = await page.evaluate(() => [core.errors, core.seen]);
        throw new Error(`${what}: ${JSON.stringify({ ...last, config: undefined, errors })}`, { cause });
      }
    },
    shared: () => page.evaluate(() => core.shared),
  };
}
