/** A PostgreSQL of the tests' own, gone with them. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

export type TestPostgres = {
  /** Of its first database, as superuser. */
  url: string;
  /** A new, empty database. */
  newDatabase(): Promise<string>;
  /** As superuser. */
  query(sql: string, values?: unknown[]): Promise<pg.QueryResult>;
  /** Ends it: `fast` says goodbye to all, `immediate` and `SIGKILL` do not. */
  stop(how?: 'fast' | 'immediate' | 'SIGKILL'): Promise<void>;
  start(): Promise<void>;
  /** All its processes hold their connections, take new ones, and say nothing, until it goes on. */
  pause(): Promise<void>;
  resume(): void;
  close(): Promise<void>;
};

const DEBIAN_FOLDER = '/usr/lib/postgresql';
const START_TIMEOUT_MS = 60_000;
const STOP_SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', SIGKILL: 'SIGKILL' } as const;
const run = promisify(execFile);

/** One that the test may stop and start. */
export async function startPostgres(): Promise<TestPostgres> {
  const programs = [program('initdb'), program('postgres')];
  await installDebianPrograms(programs);
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-postgres-'));
  const port = await freePort();
  const data = path.join(folder, 'data');
  // PostgreSQL refuses to be root.
  const asUser = await postgresUser();
  if (asUser !== null) {
    await chown(folder, asUser.uid, asUser.gid);
    await chmod(folder, 0o711);
  }
  const command = (name: 'initdb' | 'postgres', args: string[]) => {
    const words = [debianProgram(program(name)), ...args];
    return asUser === null
      ? words
      : ['setpriv', `--reuid=${asUser.uid}`, `--regid=${asUser.gid}`, '--clear-groups', ...words];
  };
  let child: ChildProcess | null = null;
  const adminUrl = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const start = async () => {
    const settings = {
      listen_addresses: '127.0.0.1',
      port,
      unix_socket_directories: folder,
      max_connections: 200,
      shared_buffers: '32MB',
      // What is killed here is the program and never the machine: what it has written is there without being synced.
      fsync: 'off',
      full_page_writes: 'off',
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [file = '', ...args] = command('postgres', ['-D', data, ...flags]);
    const launch = () => {
      const launched = spawn(file, args, { cwd: folder, stdio: 'ignore' });
      child = launched;
      return launched;
    };
    let launched = launch();
    await eventually(
      'PostgreSQL answers',
      () => {
        // After SIGKILL some of the old processes are still there for a moment, and it does not start beside them.
        if (launched.exitCode !== null) launched = launch();
        return withClient(adminUrl, (client) => client.query('select 1'));
      },
      START_TIMEOUT_MS,
    );
  };
  const stop = async (how: keyof typeof STOP_SIGNALS = 'fast') => {
    const ending = child;
    child = null;
    if (ending === null || ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill(STOP_SIGNALS[how]);
    await exited;
  };
  const paused: number[] = [];
  const resume = () => {
    for (const pid of paused.splice(0)) {
      try {
        process.kill(pid, 'SIGCONT');
      } catch {
        // It has ended.
      }
    }
  };
  const pause = async () => {
    if (child?.pid === undefined) return;
    // The first of all, so that there are no new ones.
    for (const pid of [child.pid, ...(await childrenOf(child.pid))]) {
      process.kill(pid, 'SIGSTOP');
      paused.push(pid);
    }
  };
  const killWithTests = () => {
    resume();
    child?.kill('SIGQUIT');
  };
  process.on('exit', killWithTests);
  const close = async () => {
    resume();
    await stop('immediate');
    process.off('exit', killWithTests);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const [file = '', ...args] = command('initdb', [
      '-D',
      data,
      '-U',
      'postgres',
      '-A',
      'trust',
      '--no-sync',
      '--locale=C.UTF-8',
      '-E',
      'UTF8',
    ]);
    await run(file, args, { cwd: folder });
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    url: adminUrl,
    async newDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await withClient(adminUrl, (client) => client.query(`create database ${name}`));
      return adminUrl.replace(/postgres$/, name);
    },
    query: (sql, values) => withClient(adminUrl, (client) => client.query(sql, values)),
    start,
    stop,
    pause,
    resume,
    close,
  };
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** Debian keeps each version's programs in a folder of its own; the newest is taken. */
function program(name: 'initdb' | 'postgres'): DebianProgram {
  let versions: string[] = [];
  try {
    versions = readdirSync(DEBIAN_FOLDER).sort((a, b) => Number(b) - Number(a));
  } catch {}
  const folders = versions.map((version) => path.join(DEBIAN_FOLDER, version, 'bin'));
  const setting = `TEST_${name.toUpperCase()}`;
  return { title: 'PostgreSQL', setting, commands: [name], folders, debianPackages: ['postgresql'] };
}

async function childrenOf(pid: number): Promise<number[]> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

async function postgresUser(): Promise<{ uid: number; gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const idOf = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
