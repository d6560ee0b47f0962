/** Starts, restarts and kills a whole Chatdrop server as a child process with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../../server/config.ts';
import { type Database, openDatabase } from '../../server/database/open-database.ts';
import { CHEAP_CONTEXTS } from '../../server/right-node.js';
import { EXECUTABLE, SERVER_ENTRY } from './built-server.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import { newTestDatabase } from './shared-postgres.ts';
import { bucketSettings } from './shared-s3.ts';
import { TEST_SECRET } from './tokens.ts';
import { send } from './wire.ts';

const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 60_000;
const MAX_LOG_CHARACTERS = 200_000;
const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

const NODE_COMPILE_CACHE = join(PROJECT, 'dist/compile-cache');

export type ChatdropOptions = {
  /** Settings on top of the harness's own; `undefined` takes one away. Nothing else of the test's environment is passed on. */
  env?: Record<string, string | undefined>;
  /** Kept after `stop()` when given; otherwise a temporary folder that goes with the server. */
  dataDir?: string;
  port?: number;
  /** No JWT_SECRET: the server makes its own and opens the demo. */
  development?: boolean;
  /** Another script than `SERVER_ENTRY`: crash tests wrap parts of the server. */
  entry?: string;
  /** The single executable, in an empty folder and with an empty PATH; `EXECUTABLE` if there is no `entry`. */
  executable?: string;
};

export type Ended = { code: number | null; signal: NodeJS.Signals | null };

export type Chatdrop = {
  baseUrl: string;
  port: number;
  dataDir: string;
  readonly pid: number;
  /** Its settings, for a command beside it. */
  env: Record<string, string>;
  /** Its database, to look into it or to change it behind its back. */
  openDatabase(): Promise<Database>;
  /** All output so far, of every run. */
  logs(): string;
  /** Sends the signal and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<Ended>;
  /** Starts again on the same port and data, ending the running process first if there is one. */
  restart(): Promise<void>;
  /** Ends the process (SIGTERM, then SIGKILL) and removes a temporary data folder. */
  stop(): Promise<Ended | undefined>;
};

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Resolves when `GET /readyz` says 200; an end or a timeout before that is an error with the output in it. */
export async function startChatdrop(options: ChatdropOptions = {}): Promise<Chatdrop> {
  const port = options.port ?? (await freePort());
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'chatdrop-test-')));
  const baseUrl = `http://127.0.0.1:${port}`;
  const executable = options.executable ?? (options.entry === undefined ? EXECUTABLE : undefined);
  const emptyFolder = executable === undefined ? null : await mkdtemp(join(tmpdir(), 'chatdrop-empty-'));
  const settings: Record<string, string | undefined> = {
    PATH: executable === undefined ? process.env.PATH : '',
    HOME: process.env.HOME,
    // Hundreds of starts of the same code: a tenth of a second each is spent on compiling it.
    NODE_COMPILE_CACHE,
    HOST: '127.0.0.1',
    PORT: String(port),
    DATA_DIR: dataDir,
    CHAT_UPLOAD_RATE_LIMIT: '100000',
    // They would come at some time after the file, as an event and an object more; who is after them turns them on.
    THUMBNAILS: 'false',
    JWT_SECRET: options.development ? undefined : TEST_SECRET,
    DATABASE_URL: await databaseOf(dataDir),
    ...(await bucketSettings(dataDir)),
    ...options.env,
  };
  const env = Object.fromEntries(
    Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  let output = '';
  let child: ChildProcess | undefined;

  const start = async () => {
    if (emptyFolder !== null) await mkdir(emptyFolder, { recursive: true });
    // As images, services and `npm start` run it; the executable brings the option with it.
    const script = executable === undefined ? [CHEAP_CONTEXTS, options.entry ?? SERVER_ENTRY] : [];
    const started = spawn(executable ?? process.execPath, [...script, 'serve'], {
      cwd: emptyFolder ?? PROJECT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    running.add(started);
    started.on('exit', () => running.delete(started));
    for (const stream of [started.stdout, started.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-MAX_LOG_CHARACTERS);
      });
    }
    await waitUntilReady(started);
  };

  const waitUntilReady = async (started: ChildProcess) => {
    let failure: Error | undefined;
    started.on('error', (error) => {
      failure = error;
    });
    try {
      await eventually(
        'GET /readyz answers 200',
        async () => {
          if (failure !== undefined || hasEnded(started)) return 'ended';
          return (await send({ method: 'GET', url: `${baseUrl}/readyz`, timeoutMs: 2000 })).status === 200;
        },
        READY_TIMEOUT_MS,
      );
      if (failure !== undefined || hasEnded(started)) {
        throw new Error(`it ended with ${started.exitCode ?? started.signalCode}`, { cause: failure });
      }
    } catch (cause) {
      await end(started, 'SIGKILL');
      throw new Error(`Chatdrop did not start: ${(cause as Error).message}\n--- its output ---\n${output}`, { cause });
    }
  };

  const kill = async (signal: NodeJS.Signals) => {
    if (child === undefined) throw new Error('The server is not running.');
    return await end(child, signal);
  };

  const removeFolders = async () => {
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    // Nothing was written beside the data: it is empty still.
    if (emptyFolder !== null && existsSync(emptyFolder)) await rmdir(emptyFolder);
  };

  try {
    await start();
  } catch (error) {
    await removeFolders();
    throw error;
  }
  return {
    baseUrl,
    port,
    dataDir,
    env,
    get pid() {
      return child?.pid ?? -1;
    },
    openDatabase: () => openDatabase(readConfig(env)),
    logs: () => output,
    kill,
    async restart() {
      if (child !== undefined && !hasEnded(child)) await end(child, 'SIGTERM');
      await start();
    },
    async stop() {
      const ended = child === undefined ? undefined : await end(child, 'SIGTERM');
      await removeFolders();
      return ended;
    },
  };
}

const databases = new Map<string, string>();

/** Undefined: SQLite. A server that is started on the folder again finds its database again. */
async function databaseOf(dataDir: string): Promise<string | undefined> {
  const known = databases.get(dataDir) ?? (await newTestDatabase());
  if (known !== null) databases.set(dataDir, known);
  return known ?? undefined;
}

/** Signals one child and waits for its end; SIGKILL when it does not. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<Ended> {
  if (!hasEnded(child) && child.pid !== undefined) {
    const exited = once(child, 'exit');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    child.kill(signal);
    await exited;
    clearTimeout(timer);
  }
  return { code: child.exitCode, signal: child.signalCode };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}
