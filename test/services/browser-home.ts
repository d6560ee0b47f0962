/** A folder of its own for one browser, and the end of every process that was started with it. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export type BrowserHome = {
  folder: string;
  /** For the browser's processes: its home, temporary and run folders lie in `folder`; nothing else of the test's environment. */
  env: Record<string, string>;
  /** SIGKILLs every process of this home, whatever group or session it went to, and waits until none is left. */
  killAll(): Promise<void>;
  /** After `killAll`. */
  remove(): Promise<void>;
};

const KILL_AGAIN_AFTER_MS = 20;
/** With the id of the process that made it. */
const NAME = /^chatdrop-browser-(\d+)-/;
const homes = new Set<string>();
process.on('exit', () => {
  for (const folder of homes) {
    signalAll(folder);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
});

export async function createBrowserHome(): Promise<BrowserHome> {
  const folder = await mkdtemp(join(tmpdir(), `chatdrop-browser-${process.pid}-`));
  homes.add(folder);
  const temporary = join(folder, 'tmp');
  const run = join(folder, 'run');
  for (const path of [temporary, run]) await mkdir(path, { mode: 0o700 });
  return {
    folder,
    env: {
      PATH: process.env.PATH ?? '',
      LANG: 'C.UTF-8',
      HOME: folder,
      TMPDIR: temporary,
      XDG_RUNTIME_DIR: run,
      // No desktop: neither its bus, nor its settings, nor its screen reader.
      DBUS_SESSION_BUS_ADDRESS: 'disabled:',
      GSETTINGS_BACKEND: 'memory',
      NO_AT_BRIDGE: '1',
    },
    async killAll() {
      while (signalAll(folder) > 0) await sleep(KILL_AGAIN_AFTER_MS);
    },
    async remove() {
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
      homes.delete(folder);
    },
  };
}

/** Ends and removes what a run left that could not clean up: it was killed, or interrupted. */
export async function removeAbandonedHomes(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const maker = NAME.exec(name)?.[1];
    if (maker === undefined || isAlive(Number(maker))) continue;
    const folder = join(tmpdir(), name);
    signalAll(folder);
    // Another user's is theirs to remove.
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }).catch(() => undefined);
  }
}

/** Children inherit the environment, also those that leave the process group (Firefox's crash helper does). */
export function processesOf(folder: string): number[] {
  return pidsOfAll().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`HOME=${folder}`);
    } catch {
      // Ended meanwhile, or somebody else's.
      return false;
    }
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @returns how many there were */
function signalAll(folder: string): number {
  const pids = processesOf(folder);
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It was quicker.
    }
  }
  return pids.length;
}

/** Linux only, as the packages are; elsewhere a browser ends by its own means. */
function pidsOfAll(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}
