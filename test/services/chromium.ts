/** Launches the Chromium that most widget tests drive. */
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { CHROMIUM, CHROMIUM_SHELL } from './browser-programs.ts';
import { type DebianProgram, debianProgram, hasDebianProgram } from './debian-programs.ts';

const LAUNCH_TIMEOUT_MS = 90_000;
/** Of all that waits in a page, unless it says so itself: a busy machine needs its time. */
const PAGE_TIMEOUT_MS = 60_000;
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a browser with a profile of its own; the caller closes it. `flags` come on top of ours. */
export async function launchChromium(flags: string[] = []): Promise<Browser> {
  // Where there is no shell, the whole browser does the same, more slowly.
  return await launch(hasDebianProgram(CHROMIUM_SHELL) ? CHROMIUM_SHELL : CHROMIUM, flags);
}

/** With all that a person's has: the shell has no wake lock, and asks nobody for permission. */
export async function launchWholeChromium(flags: string[] = []): Promise<Browser> {
  return await launch(CHROMIUM, flags);
}

/** The same with a profile folder of the caller's, and the settings in it; closing the context ends the browser. */
export async function launchChromiumProfile(folder: string): Promise<BrowserContext> {
  const executablePath = debianProgram(CHROMIUM);
  const options = { executablePath, args: FLAGS, timeout: LAUNCH_TIMEOUT_MS };
  const context = await chromium.launchPersistentContext(folder, options);
  context.setDefaultTimeout(PAGE_TIMEOUT_MS);
  return context;
}

async function launch(program: DebianProgram, flags: string[]): Promise<Browser> {
  const executablePath = debianProgram(program);
  const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...flags], timeout: LAUNCH_TIMEOUT_MS });
  browser.on('context', (context) => context.setDefaultTimeout(PAGE_TIMEOUT_MS));
  return browser;
}
