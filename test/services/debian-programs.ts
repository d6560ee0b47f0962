/** The programs that the tests start, browsers and servers: where they are, and how to get what is missing. */
import { execFile } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { promisify } from 'node:util';

const INSTALL_TIMEOUT_MS = 300_000;
/** Another run on this machine may be installing too. */
const APT_LOCK_SECONDS = 240;
const run = promisify(execFile);

export type DebianProgram = {
  title: string;
  /** The environment's variable that names one to be used as it is. */
  setting: string;
  /** Looked for in `folders`, in /usr/bin, then on PATH, in this order. */
  commands: string[];
  folders?: string[];
  /** What has to be there besides, where the program alone is not enough. */
  needs?: string;
  debianPackages: string[];
};

/** The program's path. Throws with the way to get it where it is missing. */
export function debianProgram(program: DebianProgram): string {
  const path = find(program);
  if (path === undefined) throw new Error(missingMessage([program]));
  return path;
}

export function hasDebianProgram(program: DebianProgram): boolean {
  return find(program) !== undefined;
}

/**
 * Installs Debian's packages of all that is missing, in one go, where root or a password-less sudo is there.
 * Rejects, naming what is missing and the command that gets it.
 */
export async function installDebianPrograms(programs: DebianProgram[]): Promise<void> {
  const missing = () => programs.filter((program) => find(program) === undefined);
  const wanted = missing();
  if (wanted.length === 0) return;
  let cause: unknown;
  // Old lists may do, and new ones may be on their way by somebody else: only the result counts.
  await runApt(['update']).catch((error) => {
    cause = error;
  });
  await runApt(['install', '-y', '--no-install-recommends', ...packagesOf(wanted)]).catch((error) => {
    cause = error;
  });
  const stillMissing = missing();
  if (stillMissing.length > 0) throw new Error(missingMessage(stillMissing), { cause });
}

function find({ setting, commands, folders: own = [], needs }: DebianProgram): string | undefined {
  const named = process.env[setting];
  if (named) {
    if (!isExecutable(named)) throw new Error(`${setting} names ${named}, which cannot be run.`);
    return named;
  }
  if (needs !== undefined && !existsSync(needs)) return undefined;
  const folders = [...own, '/usr/bin', ...(process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '')];
  return commands
    .flatMap((command) => (isAbsolute(command) ? [command] : folders.map((folder) => join(folder, command))))
    .find(isExecutable);
}

async function runApt(words: string[]): Promise<void> {
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [command = '', ...args] = [...prefix, 'apt-get', '-o', `DPkg::Lock::Timeout=${APT_LOCK_SECONDS}`, ...words];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run(command, args, { env, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 64 * 1024 * 1024 });
}

function missingMessage(programs: DebianProgram[]): string {
  const titles = programs.map(({ title }) => title).join(', ');
  const settings = programs.map(({ setting }) => setting).join(', ');
  return (
    `The tests need ${titles}. Install with ` +
    `\`apt-get install --no-install-recommends ${packagesOf(programs).join(' ')}\` (Debian, as root), ` +
    `or name your own in ${settings}.`
  );
}

function packagesOf(programs: DebianProgram[]): string[] {
  return programs.flatMap(({ debianPackages }) => debianPackages);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
