/** A clamd of the tests' own: the real one, with three signatures instead of millions, so that it is there at once. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type DebianProgram, debianProgram, installDebianPrograms } from './debian-programs.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';

const CLAMD: DebianProgram = {
  title: 'clamd',
  setting: 'TEST_CLAMD',
  commands: ['clamd'],
  folders: ['/usr/sbin'],
  debianPackages: ['clamav-daemon', 'clamav-testfiles'],
};

/** Every scanner finds it, and it does nothing. In two halves, so that this file is none. */
export const EICAR = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD', '-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
);
/** ClamAV's own samples: one small program, packed in as many ways as it can unpack. */
export const SAMPLES_FOLDER = '/usr/share/clamav-testfiles';
/** The program itself, which the others hold. */
const SAMPLE = path.join(SAMPLES_FOLDER, 'clam.exe');

export type ClamdOptions = {
  /** Like `StreamMaxLength`, in bytes. */
  maxBytes?: number;
  /** Instead of our own limits and alerts. */
  settings?: Record<string, string>;
};

export type TestClamd = {
  /** For `CLAMAV_URL`. */
  url: string;
  socketUrl: string;
  port: number;
  /** Ends it (SIGKILL) and starts it again on the same port, with what `learn` taught it. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** It holds its connections, takes new ones, and says nothing. */
  pause(): void;
  resume(): void;
  /** A signature for exactly these bytes, from its next start on. */
  learn(name: string, bytes: Buffer): Promise<void>;
  close(): Promise<void>;
};

export async function startClamd({ maxBytes = 30 * 1024 * 1024, settings }: ClamdOptions = {}): Promise<TestClamd> {
  await installDebianPrograms([CLAMD]);
  const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-clamd-'));
  const port = await freePort();
  const file = (name: string) => path.join(folder, name);
  const limits = {
    StreamMaxLength: maxBytes,
    MaxFileSize: maxBytes,
    MaxScanSize: 4 * maxBytes,
    AlertExceedsMax: 'yes',
    AlertEncrypted: 'yes',
  };
  const all = {
    DatabaseDirectory: folder,
    TemporaryDirectory: folder,
    LocalSocket: file('clamd.sock'),
    TCPSocket: port,
    TCPAddr: '127.0.0.1',
    LogFile: file('log'),
    ...(settings ?? limits),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name} ${value}\n`);
  await writeFile(file('clamd.conf'), lines.join(''));
  const signatures = [bySha256('ClamAV-Test-File', await readFile(SAMPLE))];
  await writeFile(file('anywhere.ndb'), `Eicar-Test-Signature:0:*:${EICAR.toString('hex')}\n`);
  await writeFile(file('whole.hsb'), signatures.join(''));
  let child: ChildProcess | null = null;
  const kill = () => child?.kill('SIGKILL');
  process.on('exit', kill);
  const start = async () => {
    child = spawn(debianProgram(CLAMD), ['--foreground', '--config-file', file('clamd.conf')], { stdio: 'ignore' });
    await eventually('clamd answers', () => answers(port), 30_000);
  };
  const stop = async () => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    kill();
    await ended;
    child = null;
    await rm(file('clamd.sock'), { force: true });
  };
  await start();
  return {
    url: `tcp://127.0.0.1:${port}`,
    socketUrl: `unix:${file('clamd.sock')}`,
    port,
    start,
    stop,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async learn(name, bytes) {
      signatures.push(bySha256(name, bytes));
      await writeFile(file('whole.hsb'), signatures.join(''));
    },
    async close() {
      await stop();
      process.off('exit', kill);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** 73: from this version of the engine on. */
function bySha256(name: string, bytes: Buffer): string {
  return `${createHash('sha256').update(bytes).digest('hex')}:${bytes.length}:${name}:73\n`;
}

function answers(port: number): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write('zPING\0'));
    socket.once('data', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('clamd hung up')));
  });
}
