/** What the figures were measured on, and of which versions. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import Sqlite from 'better-sqlite3';
import packageJson from '../../../package.json' with { type: 'json' };
import type { Machine } from './record.ts';

const PROJECT = path.join(import.meta.dirname, '../../..');
const GIBIBYTE = 1024 ** 3;

export function thisMachine(): Machine {
  const [first] = os.cpus();
  return {
    processor: `${first?.model.trim() ?? 'unknown'}, ${os.cpus().length} cores`,
    memory: `${(os.totalmem() / GIBIBYTE).toFixed(0)} GiB`,
    system: `${os.type()} ${os.release()}`,
    fileSystem: fileSystemOf(os.tmpdir()),
  };
}

/** With the commit, where this is a checkout: two tables of one version may lie far apart. */
export function chatdropVersion(): string {
  try {
    const commit = execFileSync('git', ['rev-parse', '--short=10', 'HEAD'], {
      cwd: PROJECT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return `${packageJson.version} (${commit})`;
  } catch {
    return packageJson.version;
  }
}

/** Of what every work stands on. */
export function commonVersions(): Record<string, string> {
  return { Node: process.versions.node, SQLite: sqliteVersion() };
}

/** @param name of a package that is installed here */
export function packageVersion(name: string): string {
  return JSON.parse(readFileSync(path.join(PROJECT, 'node_modules', name, 'package.json'), 'utf8')).version;
}

function sqliteVersion(): string {
  const database = new Sqlite(':memory:');
  const version = database.prepare('select sqlite_version()').pluck().get();
  database.close();
  return String(version);
}

/** The one whose mount point is the longest that the folder begins with. */
function fileSystemOf(folder: string): string {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([, at = '-']) => at === '/' || folder === at || folder.startsWith(`${at}/`))
    .sort(([, one = ''], [, other = '']) => one.length - other.length);
  return mounts.at(-1)?.[2] ?? 'unknown';
}
