/** One process that decodes pictures, from its start to its end; whatever goes wrong with it is one kind of fault. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { isSea } from 'node:sea';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PREVIEW_WORKER_WORD, unpackSetting } from '../embedded/load-library.ts';
import {
  MAX_ANSWER_BYTES,
  MAX_DATA_BYTES,
  MAX_DECODE_MS,
  MAX_PICTURE_BYTES,
  MAX_PICTURES_A_PROCESS,
  MAX_SEND_MS,
  MAX_START_MS,
  MAX_THUMBNAIL_BYTES,
} from './limits.ts';
import { readAnswer, type WorkerAnswer, type WorkerRequest } from './preview-answer.ts';
import { ProcessFault } from './preview-faults.ts';

/** `bytes`: the picture that is announced. */
export type Exchanged = { answer: WorkerAnswer; bytes: Buffer };
export type PreviewProcess = {
  readonly pid: number | undefined;
  readonly hasEnded: boolean;
  /** Its first word. */
  ready(): Promise<WorkerAnswer>;
  /** Says what is wanted, sends a picture, and waits for the answer. @throws {ProcessFault}, and the process has ended then */
  exchange(wanted: WorkerRequest, bytes: Readable, sizeBytes: number, signal: AbortSignal): Promise<Exchanged>;
  kill(): void;
};

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
type Waiting = { resolve(exchanged: Exchanged): void; reject(error: Error): void };

const MAX_KEPT_ERROR_CHARACTERS = 500;
/** Of JavaScript; pictures are decoded beside it. */
const MAX_HEAP_MB = 192;

/** Beside this file, both as it stands and bundled: there it is an entry of its own. In the single executable it is a word. */
const WORKER = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? './preview-worker.ts' : './preview-worker.js', import.meta.url),
);

export function startPreviewProcess(): PreviewProcess {
  const child = spawnWorker();
  let waiting: Waiting | null = null;
  let ended: ProcessFault | null = null;
  let complaints = '';
  const over = new AbortController();

  const end = (why: string) => {
    ended ??= new ProcessFault(why);
    over.abort(ended);
    child.kill('SIGKILL');
    waiting?.reject(ended);
    waiting = null;
  };
  const take = createAnswerReader((exchanged) => {
    if (waiting === null) return end('the decoding process spoke without being asked');
    waiting.resolve(exchanged);
    waiting = null;
  });
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      take(chunk);
    } catch (error) {
      end((error as Error).message);
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-MAX_KEPT_ERROR_CHARACTERS);
  });
  // What it could not take any more is told by its end.
  child.stdin.on('error', () => {});
  // The end of each pipeline leaves a listener there; the pipe lives no longer than its process.
  child.stdin.setMaxListeners(MAX_PICTURES_A_PROCESS + 10);
  child.on('error', (error) => end(`the decoding process could not be started: ${error.message}`));
  child.on('close', (code, signal) => end(`the decoding process ended (${signal ?? code}) ${complaints}`.trim()));

  const next = (maxMs: number, tooLate: string): Promise<Exchanged> =>
    new Promise((resolve, reject) => {
      if (ended !== null) return reject(ended);
      const timer = setTimeout(() => end(tooLate), maxMs);
      waiting = {
        resolve: (exchanged) => {
          clearTimeout(timer);
          resolve(exchanged);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
    });

  const first = next(MAX_START_MS, 'the decoding process does not start').then(({ answer }) => answer);
  first.catch(() => {});
  return {
    pid: child.pid,
    get hasEnded() {
      return ended !== null;
    },
    ready: () => first,
    async exchange(wanted, bytes, sizeBytes, signal) {
      const stop = () => end('stopped');
      signal.addEventListener('abort', stop, { once: true });
      const answered = next(MAX_SEND_MS + MAX_DECODE_MS, 'the picture takes too long to arrive');
      answered.catch(() => {});
      let decoding: NodeJS.Timeout | undefined;
      try {
        const sending = AbortSignal.any([signal, over.signal, AbortSignal.timeout(MAX_SEND_MS)]);
        await sendPicture(child.stdin, wanted, bytes, sizeBytes, sending);
        decoding = setTimeout(() => end('the picture takes too long to decode'), MAX_DECODE_MS);
        return await answered;
      } catch (error) {
        // Half a picture may be on its way: nothing more can be said to this process.
        const fault = ended ?? error;
        end(`a picture could not be sent: ${(error as Error).message}`);
        throw fault;
      } finally {
        clearTimeout(decoding);
        signal.removeEventListener('abort', stop);
      }
    },
    kill: () => end('stopped'),
  };
}

/**
 * Its environment is empty but for what bounds the decoder: no secret is in it. The kernel bounds what memory it can ask for
 * where a shell can tell it to; what it may use it watches itself, everywhere.
 */
function spawnWorker(): Child {
  // The executable takes its own words only, and options in NODE_OPTIONS would have it compile all its code anew: twice the
  // start. Its heap is bounded there with the rest of its memory.
  const words = isSea()
    ? [ownProgram(), PREVIEW_WORKER_WORD]
    : [process.execPath, '--disable-warning=ExperimentalWarning', `--max-old-space-size=${MAX_HEAP_MB}`, WORKER];
  const bounded = [
    '/bin/sh',
    '-c',
    'ulimit -c 0 2>/dev/null || :; ulimit -d "$1" 2>/dev/null || :; shift; exec "$@"',
    'sh',
    String(MAX_DATA_BYTES / 1024),
    ...words,
  ];
  const [program = '', ...args] = process.platform === 'win32' ? words : bounded;
  return spawn(program, args, {
    cwd: path.parse(process.execPath).root,
    env: {
      // Nothing is put aside in files: what does not fit into memory is too much.
      VIPS_DISC_THRESHOLD: '4g',
      VIPS_BLOCK_UNTRUSTED: '1',
      // Each arena of glibc keeps what was freed in it.
      MALLOC_ARENA_MAX: '2',
      // Where it finds what the server has unpacked.
      ...(isSea() ? unpackSetting() : {}),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

/** The program that runs, also where an upgrade has put another in its place: that one may speak otherwise. */
function ownProgram(): string {
  const own = `/proc/${process.pid}/exe`;
  return existsSync(own) ? own : process.execPath;
}

async function sendPicture(
  stdin: Writable,
  wanted: WorkerRequest,
  bytes: Readable,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const words = Buffer.from(JSON.stringify(wanted));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32BE(words.length, 0);
  lengths.writeUInt32BE(sizeBytes, 4);
  stdin.write(Buffer.concat([lengths, words]));
  let sent = 0;
  // Not by a pipeline: the pipe is used again for the next picture, and each would leave its listeners on it.
  const stop = () => bytes.destroy(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      sent += chunk.length;
      if (!stdin.write(chunk)) await once(stdin, 'drain', { signal });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    bytes.destroy();
  }
  if (sent !== sizeBytes) throw new Error(`${sent} bytes were there instead of ${sizeBytes}`);
}

/** Puts the pieces of an answer together. Its function throws when that is too long or makes no sense. */
function createAnswerReader(onAnswer: (exchanged: Exchanged) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = [];
  let keptBytes = 0;
  let neededBytes = 4;
  return (chunk) => {
    chunks.push(chunk);
    keptBytes += chunk.length;
    // Put together only when there is enough: a picture comes in hundreds of pieces.
    while (keptBytes >= neededBytes) {
      const kept = Buffer.concat(chunks);
      const found = readExchanged(kept);
      const rest = typeof found === 'number' ? kept : kept.subarray(found.endsAt);
      chunks = rest.length > 0 ? [rest] : [];
      keptBytes = rest.length;
      neededBytes = typeof found === 'number' ? found : 4;
      if (typeof found !== 'number') onAnswer(found);
    }
  };
}

/** How many bytes it takes, where there are fewer. */
function readExchanged(kept: Buffer): number | (Exchanged & { endsAt: number }) {
  const jsonEnd = 4 + bounded(kept.readUInt32BE(0), MAX_ANSWER_BYTES);
  if (kept.length < jsonEnd) return jsonEnd;
  const answer = readAnswer(kept.subarray(4, jsonEnd).toString());
  const endsAt = jsonEnd + announcedBytes(answer);
  return kept.length < endsAt ? endsAt : { answer, bytes: Buffer.from(kept.subarray(jsonEnd, endsAt)), endsAt };
}

function announcedBytes(answer: WorkerAnswer): number {
  if (answer.is === 'made') return bounded(answer.thumbnailBytes, MAX_THUMBNAIL_BYTES);
  return answer.is === 'compressed' ? bounded(answer.pictureBytes, MAX_PICTURE_BYTES) : 0;
}

function bounded(bytes: number, maxBytes: number): number {
  if (bytes > maxBytes) throw new Error('the decoding process says too much');
  return bytes;
}
