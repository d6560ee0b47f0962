/** m: from the start of the process to the first answer, with SQLite: the built server and the single executable, in an empty folder and again. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildServer } from '../../../server/build/build-server.ts';
import { freePort } from '../../services/free-port.ts';
import { processSeconds } from './process-seconds.ts';
import type { Bench, Figure, Target, Work } from './work.ts';

const DIST = path.join(import.meta.dirname, '../../../dist');
const SERVER = path.join(DIST, 'bench-start');
/** Measured where it was built (`npm run build:executable`). */
const EXECUTABLE = path.join(DIST, 'chatdrop');
const LOOK_EVERY_MS = 3;
const MAX_START_MS = 60_000;

const FIRST_ANSWER: Target = { what: 'first answer', unit: 's', better: 'less', floor: 0.5, goal: 0.25 };

type Start = { seconds: number; cpu: number };

export const startWork: Work = {
  id: 'm',
  title: 'start to first answer, SQLite, empty folder',
  targets: [FIRST_ANSWER],
  async run(bench: Bench): Promise<Figure[]> {
    await buildServer(SERVER);
    const figures = await measure(bench, 'built', [process.execPath, path.join(SERVER, 'chatdrop.js')]);
    if (existsSync(EXECUTABLE)) figures.push(...(await measure(bench, 'executable', [EXECUTABLE])));
    return figures;
  },
};

async function measure(bench: Bench, form: string, command: readonly string[]): Promise<Figure[]> {
  const [first, again]: [Start[], Start[]] = [[], []];
  // What is read from the disk is in memory after the first round, which is not among them.
  for (let round = 0; round <= bench.rounds; round += 1) {
    const folder = await mkdtemp(path.join(tmpdir(), 'bench-start-'));
    try {
      const starts = [await startOnce(command, folder), await startOnce(command, folder)] as const;
      if (round > 0) {
        first.push(starts[0]);
        again.push(starts[1]);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    bench.progress(`${form}, ${round} of ${bench.rounds}`);
  }
  const seconds = (starts: Start[]) => starts.map((start) => start.seconds);
  const cpu = (starts: Start[]) => starts.map((start) => start.cpu);
  const told = { unit: 's', better: 'less' } as const;
  return [
    { ...FIRST_ANSWER, ...(form === 'built' ? {} : { of: form }), samples: seconds(first) },
    { ...told, what: 'CPU of it', of: form, samples: cpu(first) },
    { ...told, what: 'second start', of: form, samples: seconds(again) },
    { ...told, what: 'CPU of that', of: form, samples: cpu(again) },
  ];
}

/** @throws when it ends, or does not answer within a minute */
async function startOnce([program = '', ...args]: readonly string[], folder: string): Promise<Start> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = spawn(program, [...args, 'serve'], {
    cwd: folder,
    env: {
      HOME: folder,
      PORT: String(port),
      DATA_DIR: path.join(folder, 'data'),
      UNPACK_DIR: path.join(folder, 'lib'),
    },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  try {
    while (!(await listens(port))) {
      if (child.exitCode !== null || performance.now() - startedAt > MAX_START_MS)
        throw new Error('the server does not start');
      await sleep(LOOK_EVERY_MS);
    }
    const status = await statusOf(port);
    if (status !== 200) throw new Error(`/healthz answered ${status}`);
    return { seconds: (performance.now() - startedAt) / 1000, cpu: processSeconds(child.pid ?? 0) };
  } finally {
    child.kill();
    await ended;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function statusOf(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}
