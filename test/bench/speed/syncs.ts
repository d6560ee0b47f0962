/** Follows a server's system calls while files are brought to it: a hundred small ones and a long one in PATCHes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { type DebianProgram, debianProgram, installDebianPrograms } from '../../services/debian-programs.ts';
import { pngFile } from '../../services/fixtures.ts';
import { followSyncs, type SyncFindings } from './follow-syncs.ts';
import { BLOCK_BYTES, RawConnection } from './raw-http.ts';
import { type Measured, type ServerName, startServer } from './servers.ts';
import { pictureInTwo, UPLOAD_CLIENTS } from './upload-clients.ts';

const STRACE: DebianProgram = {
  title: 'strace',
  setting: 'TEST_STRACE',
  commands: ['strace'],
  debianPackages: ['strace'],
};
const CALLS = 'openat,write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,fsync,fdatasync,rename,renameat,renameat2';
/** Of a call's text: an answer's head has to be in it. */
const TEXT_BYTES = 2000;
const SMALL_FILES = 100;
const AT_ONCE = 16;
const SMALL_BYTES = 25_000;
const LONG_BYTES = 64 * BLOCK_BYTES;
const PATCH_BYTES = 8 * BLOCK_BYTES;

export async function measureSyncs(name: ServerName): Promise<SyncFindings> {
  await installDebianPrograms([STRACE]);
  const folder = await mkdtemp(path.join(tmpdir(), 'bench-syncs-'));
  const server = await startServer(name);
  try {
    const trace = path.join(folder, 'trace');
    const stop = await attach(server.pid, trace);
    try {
      await bring(server);
    } finally {
      await stop();
    }
    const lines: string[] = [];
    for await (const line of createInterface({ input: createReadStream(trace, 'latin1') })) lines.push(line);
    const whole = new Set([...sizes(), LONG_BYTES]);
    const findings = followSyncs(lines, (offset) => whole.has(offset));
    const answers = SMALL_FILES + LONG_BYTES / PATCH_BYTES;
    if (findings.answers.length !== answers)
      findings.faults.push(`${findings.answers.length} answers were seen instead of ${answers}`);
    return findings;
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

/** For `printTable`. */
export function syncRows({ answers, syncs, sharedCommits, faults }: SyncFindings): Record<string, string>[] {
  const files = SMALL_FILES + 1;
  const row = (what: string, count: number) => ({ what, count: String(count), 'a file': (count / files).toFixed(2) });
  return [
    row('answers with an offset', answers.length),
    row('syncs of files', syncs.bytes),
    row('syncs of folders', syncs.folder),
    row('syncs of commits', syncs.commit),
    row('syncs of the database', syncs.database),
    row('commits that two answers or more waited for', sharedCommits),
    row('answers before what they count was on the disk', faults.length),
  ];
}

/** Each size once: the trace is read by them. Every second file comes in two requests. */
async function bring(server: Measured): Promise<void> {
  const left = sizes();
  const sender = async () => {
    const connection = new RawConnection(server.port);
    for (let bytes = left.pop(); bytes !== undefined; bytes = left.pop()) {
      const send = bytes % 2 === 0 ? UPLOAD_CLIENTS.tus.picture : pictureInTwo;
      await send(server, connection, bytes, pngFile({ bytes }));
    }
    connection.close();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  const connection = new RawConnection(server.port);
  await UPLOAD_CLIENTS.tus.film(server, connection, 0, LONG_BYTES, PATCH_BYTES);
  connection.close();
}

function sizes(): number[] {
  return Array.from({ length: SMALL_FILES }, (_, at) => SMALL_BYTES + at);
}

/** Resolves when it sees every call; the function ends it, and the server goes on. */
async function attach(pid: number, trace: string): Promise<() => Promise<void>> {
  const words = ['-f', '-y', '-s', String(TEXT_BYTES), '-e', `trace=${CALLS}`, '-e', 'signal=none', '-o', trace];
  const child = spawn(debianProgram(STRACE), [...words, '-p', String(pid)], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'exit');
  let said = '';
  const attached = new Promise<boolean>((resolve) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('attached')) resolve(true);
    });
    void ended.then(() => resolve(false));
  });
  if (!(await attached)) throw new Error(`strace cannot follow the server: ${said.trim()}`);
  return async () => {
    child.kill('SIGINT');
    await ended;
  };
}
