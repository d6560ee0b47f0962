/** Makes `dist/chatdrop`, tries it in an empty folder, and prints what it weighs and how fast it starts: `npm run build:executable`. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { packExecutable } from './pack-executable.ts';

const MAX_START_MS = 60_000;
const LOOK_EVERY_MS = 10;
const MEBIBYTE = 1024 ** 2;

const dist = path.join(import.meta.dirname, '../../dist');
const file = path.join(dist, process.platform === 'win32' ? 'chatdrop.exe' : 'chatdrop');
await packExecutable(file, { pages: path.join(dist, 'widget') });
const bytes = await readFile(file);
const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-executable-'));
try {
  console.log(`${path.relative(process.cwd(), file)}  ${(bytes.length / MEBIBYTE).toFixed(1)} MiB`);
  console.log(`sha256        ${createHash('sha256').update(bytes).digest('hex')}`);
  console.log(`first start   ${await startAndEnd()} ms to /healthz`);
  console.log(`second start  ${await startAndEnd()} ms`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** In an empty folder, with nothing on the PATH. */
async function startAndEnd(): Promise<number> {
  const port = await freePort();
  const startedAt = performance.now();
  const work = path.join(folder, 'work');
  await mkdir(work, { recursive: true });
  const env = { PATH: '', HOME: folder, UNPACK_DIR: path.join(folder, 'libraries'), PORT: String(port) };
  // Windows' sockets need to know where the system is.
  const system = process.platform === 'win32' ? { SystemRoot: process.env.SystemRoot ?? '' } : {};
  const server = spawn(file, ['serve'], {
    cwd: work,
    env: { ...env, ...system },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(server, 'exit');
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  try {
    while (!(await answers(port))) {
      if (server.exitCode !== null || performance.now() - startedAt > MAX_START_MS)
        throw new Error(`the executable does not start: ${said}`);
      await sleep(LOOK_EVERY_MS);
    }
    return Math.round(performance.now() - startedAt);
  } finally {
    server.kill();
    await ended;
  }
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/healthz`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
