/** MD5 of large blocks in a thread beside the event loop, where hashing would keep everybody else waiting. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

/** So much is handed over at once, and so many of them may be with the thread. */
const SLOT_BYTES = 1024 * 1024;
const SLOTS = 4;
/** A thread holds some megabytes. */
const IDLE_MS = 10_000;

/**
 * Words and no file, so that a bundle and the single executable carry it as well. Told which slot holds how many bytes of which
 * block, it answers with the slot that is free again, and behind a block's last one with its hash.
 */
const WORK = `
const { parentPort, workerData: slots } = require('node:worker_threads');
const { createHash } = require('node:crypto');
const hashes = new Map();
parentPort.on('message', ({ block, slot, bytes, isLast }) => {
  const hash = hashes.get(block) ?? createHash('md5');
  hash.update(new Uint8Array(slots, slot * ${SLOT_BYTES}, bytes));
  if (isLast) hashes.delete(block);
  else hashes.set(block, hash);
  parentPort.postMessage({ block, slot, md5: isLast ? hash.digest('base64') : null });
});`;

type Answer = { block: number; slot: number; md5: string | null };
type Waiting = { resolve(md5: string): void; reject(error: unknown): void };

export type Md5Thread = {
  /**
   * In Base64. The bytes must stay as they are until it returns: they are copied for the thread, at a fifth of what hashing
   * them would take. @throws when the thread ended: no memory for one more, say
   */
  digest(bytes: Buffer): Promise<string>;
};

/** Started when it is needed, ended when it was not for a while; it keeps no process alive that waits for nothing of it. */
export function createMd5Thread(): Md5Thread {
  let running: Running | null = null;
  let idle: NodeJS.Timeout | undefined;
  return {
    async digest(bytes) {
      clearTimeout(idle);
      running = running?.isUsable() ? running : start();
      const { digest, isIdle, end } = running;
      try {
        return await digest(bytes);
      } finally {
        if (isIdle()) idle = setTimeout(end, IDLE_MS).unref();
      }
    },
  };
}

type Running = Md5Thread & { isUsable(): boolean; isIdle(): boolean; end(): void };

function start(): Running {
  const memory = new SharedArrayBuffer(SLOTS * SLOT_BYTES);
  const thread = new Worker(WORK, { eval: true, execArgv: [], workerData: memory });
  const free = Array.from({ length: SLOTS }, (_, slot) => slot);
  const waiting = new Map<number, Waiting>();
  let blocks = 0;
  let fault: unknown = null;
  let wake = () => {};
  let turn: Promise<void> = Promise.resolve();

  const fail = (error: unknown) => {
    fault ??= error;
    for (const { reject } of waiting.values()) reject(fault);
    waiting.clear();
    wake();
  };
  thread.on('message', ({ block, slot, md5 }: Answer) => {
    free.push(slot);
    wake();
    if (md5 !== null) waiting.get(block)?.resolve(md5);
  });
  thread.on('error', fail).on('exit', () => fail(new Error('The thread that hashes has ended.')));
  thread.unref();

  /** Blocks wait for each other: one that has all slots is done sooner than several that share them. */
  const handOver = async (block: number, bytes: Buffer) => {
    for (let at = 0; at < bytes.length && fault === null; ) {
      const slot = free.pop();
      if (slot === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      const slice = bytes.subarray(at, at + SLOT_BYTES);
      at += slice.length;
      new Uint8Array(memory, slot * SLOT_BYTES).set(slice);
      thread.postMessage({ block, slot, bytes: slice.length, isLast: at === bytes.length });
      await nextTurn();
    }
  };
  return {
    async digest(bytes) {
      const block = blocks++;
      const md5 = new Promise<string>((resolve, reject) => waiting.set(block, { resolve, reject }));
      thread.ref();
      turn = turn.then(() => handOver(block, bytes));
      try {
        return await md5;
      } finally {
        waiting.delete(block);
        if (waiting.size === 0) thread.unref();
      }
    },
    isUsable: () => fault === null,
    isIdle: () => waiting.size === 0,
    end() {
      fault ??= new Error('The thread that hashes was not needed any more.');
      void thread.terminate();
    },
  };
}
