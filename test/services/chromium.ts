/** Finds, installs and launches the Chromium that the widget tests drive. */
import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, type BrowserContext, chromium } from 'playwright-core';

const INSTALL_TIMEOUT_MS = 300_000;
const LAUNCH_TIMEOUT_MS = 30_000;
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
const run = promisify(execFile);

/** Starts a browser with a profile of its own; the caller closes it. */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(missingMessage());
  return await chromium.launch({ executablePath, args: FLAGS, timeout: LAUNCH_TIMEOUT_MS });
}

/** The same with a profile folder of the caller's, and the settings in it; closing the context ends the browser. */
export async function launchChromiumProfile(folder: string): Promise<BrowserContext> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error(missingMessage());
  return await chromium.launchPersistentContext(folder, { executablePath, args: FLAGS, timeout: LAUNCH_TIMEOUT_MS });
}

/** `TEST_CHROMIUM`, else Debian's place, else the first one on PATH. */
function findChromium(): string | undefined {
  const named = process.env.TEST_CHROMIUM;
  if (named) {
    if (!isExecutable(named)) throw new Error(`TEST_CHROMIUM names ${named}, which cannot be run.`);
    return named;
  }
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = ['/usr/bin/chromium', ...folders.map((folder) => join(folder, 'chromium'))];
  return candidates.find(isExecutable);
}

/** Installs Debian's package where Chromium is missing and root or a password-less sudo is there. */
export async function installChromium(): Promise<void> {
  if (findChromium() !== undefined) return;
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  try {
    await runApt([...prefix, 'apt-get', 'update']);
    await runApt([...prefix, 'apt-get', 'install', '-y', '--no-install-recommends', 'chromium']);
  } catch (cause) {
    throw new Error(missingMessage(), { cause });
  }
  if (findChromium() === undefined) throw new Error(missingMessage());
}

async function runApt([command = '', ...args]: string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run(command, args, { env, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
}

function missingMessage(): string {
  return (
    'Chromium is missing, and the widget tests need it. Install it with ' +
    '`apt-get install --no-install-recommends chromium` (Debian, as root), or name one in TEST_CHROMIUM.'
  );
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
