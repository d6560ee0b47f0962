/** Runs one program on one open file: without a setting of ours, on limits that the kernel keeps, and never longer than it may. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { FileHandle } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { NoDecoder, ProcessFault } from './preview-faults.ts';

export type ProgramLimits = {
  cpuSeconds: number;
  wallMs: number;
  memoryBytes: number;
  /** Of each file that it writes. */
  outputBytes: number;
};

type Run = {
  program: string;
  words: readonly string[];
  /** Its standard input and output, at which it may also open them again. */
  input: FileHandle;
  output: FileHandle;
  folder: string;
  limits: ProgramLimits;
  signal: AbortSignal;
};

/**
 * What the shell does before it becomes the program. Where memory runs out, the program goes and not the server; a write above
 * the bound is an error to it, and no end with a core. What a system does not know is left out.
 */
const PREPARE = [
  'echo 1000 2>/dev/null >/proc/self/oom_score_adj || :',
  "trap '' XFSZ 2>/dev/null || :",
  'ulimit -c 0 2>/dev/null || :',
  // A program may end well at the first of these; the second it does not see.
  'ulimit -S -t "$1" 2>/dev/null || :',
  'ulimit -H -t "$(($1 + 5))" 2>/dev/null || :',
  'ulimit -v "$2" 2>/dev/null || ulimit -d "$2" 2>/dev/null || :',
  'ulimit -f "$3" 2>/dev/null || :',
  'ulimit -n 64 2>/dev/null || :',
  'shift 3',
  'exec "$@"',
].join('\n');
/** POSIX counts the size of a file in these. */
const BLOCK_BYTES = 512;
const NICE = 10;
/** What a shell says where it could not become the program. */
const NOT_RUN = [126, 127];
const MAX_KEPT_ERROR_CHARACTERS = 300;
/** Ends that say something about the file: of the kernel for the limits, and of a program that met what it could not take. */
const ENDS_BY_THE_FILE: readonly (NodeJS.Signals | null)[] = [
  ...(['SIGXCPU', 'SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGTRAP', 'SIGPIPE', 'SIGSYS'] as const),
];

/**
 * @returns null where it ended well, else the reason: with this file it will always be so
 * @throws {NoDecoder} where it cannot be run any more · {ProcessFault} where another try may do: it was ended by somebody else,
 * or took too long on a busy machine
 */
export async function runProgram(run: Run): Promise<string | null> {
  run.signal.throwIfAborted();
  const child = spawnBounded(run);
  let complaints = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-MAX_KEPT_ERROR_CHARACTERS);
  });
  let isLate = false;
  const stop = () => endGroup(child);
  const late = setTimeout(() => {
    isLate = true;
    stop();
  }, run.limits.wallMs);
  run.signal.addEventListener('abort', stop, { once: true });
  try {
    const { code, signal } = await endOf(child);
    if (run.signal.aborted) throw new ProcessFault('stopped');
    if (isLate) throw new ProcessFault('the program takes too long');
    if (code === 0) return null;
    if (code !== null && NOT_RUN.includes(code))
      throw new NoDecoder(`${run.program} cannot be run: ${firstLine(complaints)}`);
    if (code === null && !ENDS_BY_THE_FILE.includes(signal))
      throw new ProcessFault(`the program was ended (${signal})`);
    return `it cannot be read (${signal ?? code}) ${firstLine(complaints)}`.trim();
  } finally {
    clearTimeout(late);
    run.signal.removeEventListener('abort', stop);
  }
}

function spawnBounded({ program, words, input, output, folder, limits }: Run): ChildProcess {
  const bounds = [
    limits.cpuSeconds,
    Math.floor(limits.memoryBytes / 1024),
    Math.floor(limits.outputBytes / BLOCK_BYTES),
  ].map(String);
  const child = spawn('/bin/sh', ['-c', PREPARE, 'sh', ...bounds, program, ...words], {
    cwd: folder,
    env: {},
    stdio: [input.fd, output.fd, 'pipe'],
    // A group of its own, so that what it starts ends with it.
    detached: true,
  });
  try {
    if (child.pid !== undefined) setPriority(child.pid, NICE);
  } catch {
    // It has ended already, or nothing may be made nicer here.
  }
  return child;
}

function endGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(new ProcessFault(`the program could not be started: ${error.message}`)));
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] ?? '';
}
