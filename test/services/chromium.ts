/** Launches the Chromium that most widget tests drive. */
import { type Browser, type BrowserContext, chromium } from 'playwright-core';
import { CHROMIUM } from './browser-programs.ts';
import { debianProgram } from './debian-programs.ts';

const LAUNCH_TIMEOUT_MS = 45_000;
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
  const executablePath = debianProgram(CHROMIUM);
  return await chromium.launch({ executablePath, args: [...FLAGS, ...flags], timeout: LAUNCH_TIMEOUT_MS });
}

/** The same with a profile folder of the caller's, and the settings in it; closing the context ends the browser. */
export async function launchChromiumProfile(folder: string): Promise<BrowserContext> {
  const executablePath = debianProgram(CHROMIUM);
  return await chromium.launchPersistentContext(folder, { executablePath, args: FLAGS, timeout: LAUNCH_TIMEOUT_MS });
}
