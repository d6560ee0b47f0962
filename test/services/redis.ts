/** A Redis of the tests' own, with nothing on disk; or the one that TEST_REDIS_URL names. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const REDIS: DebianProgram = {
  title: 'Redis',
  setting: 'TEST_REDIS_SERVER',
  commands: ['redis-server', 'valkey-server'],
  debianPackages: ['redis-server'],
};

export type TestRedis = {
  url: string;
  isRunning(): boolean;
  /** Ends it (SIGKILL) and starts an empty one on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** It holds its connections and answers nothing more. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
};

/** One that the test may stop and start. */
export async function startRedis(): Promise<TestRedis> {
  await installDebianPrograms([REDIS]);
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-redis-'));
  const port = await freePort();
  let child: ChildProcess | null = null;
  const start = async () => {
    const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--daemonize', 'no'];
    child = spawn(debianProgram(REDIS), args, { stdio: 'ignore' });
    await eventually('Redis answers', () => answers(port));
  };
  const stop = async () => {
    if (child === null || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    child = null;
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    isRunning: () => child !== null,
    start,
    stop,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async close() {
      await stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function answers(port: number): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', reject);
  });
}
