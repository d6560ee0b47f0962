/** One writer for each upload: a fair queue, in which whoever comes asks the one before to end. */
import type { RequestRelease } from '@tus/utils';
import { Failure } from '../rules/failure.ts';
import type { StopSignal } from '../storage/file-storage.ts';
import { Stop } from './stop.ts';

/** Longer than a writer needs to put on disk what it has; then the newcomer is told to try again. */
export const MAX_WAIT_MS = 10_000;
/** Requests that may wait for one upload. */
const MAX_WAITING = 50;

/** @tus/server's `Locker`, which takes less for a signal. */
export type UploadLocker = { newLock(id: string): UploadLock };
export type UploadLock = {
  /** `requestRelease`: somebody waits. @throws {Failure} `try-again` when the signal, or the wait, ends before it is free */
  lock(signal: StopSignal, requestRelease: RequestRelease): Promise<void>;
  unlock(): Promise<void>;
};

type Waiting = { requestRelease: RequestRelease; start(): void };
type Queue = { holder: RequestRelease; waiting: Waiting[] };

/**
 * The stock MemoryLocker polls; this one wakes the next in line. A request that comes while a body is being read is
 * the sign that the body's client is gone, so the holder is asked to stop (and keeps what it has).
 */
export function createLocker(): UploadLocker {
  const queues = new Map<string, Queue>();
  return {
    newLock: (id) => new LocalLock(queues, id),
  };
}

/** A class: there is one for each open body. */
class LocalLock implements UploadLock {
  private readonly queues: Map<string, Queue>;
  private readonly id: string;

  constructor(queues: Map<string, Queue>, id: string) {
    this.queues = queues;
    this.id = id;
  }

  lock(signal: StopSignal, requestRelease: RequestRelease): Promise<void> {
    return enter(this.queues, this.id, signal, requestRelease);
  }

  async unlock(): Promise<void> {
    leave(this.queues, this.id);
  }
}

/** Runs `work` as the only one on an upload. */
export async function withLock<T>(locker: UploadLocker, id: string, work: () => Promise<T>): Promise<T> {
  const lock = locker.newLock(id);
  await lock.lock(new Stop(), () => {});
  try {
    return await work();
  } finally {
    await lock.unlock();
  }
}

async function enter(
  queues: Map<string, Queue>,
  id: string,
  signal: StopSignal,
  requestRelease: RequestRelease,
): Promise<void> {
  const queue = queues.get(id);
  if (queue === undefined) {
    queues.set(id, { holder: requestRelease, waiting: [] });
    return;
  }
  if (queue.waiting.length >= MAX_WAITING) throw busy();
  await new Promise<void>((resolve, reject) => {
    const giveUp = () => {
      queue.waiting.splice(queue.waiting.indexOf(waiting), 1);
      end();
      reject(busy());
    };
    const timer = setTimeout(giveUp, MAX_WAIT_MS);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    };
    const waiting: Waiting = {
      requestRelease,
      start: () => {
        end();
        resolve();
      },
    };
    signal.addEventListener('abort', giveUp, { once: true });
    queue.waiting.push(waiting);
    void queue.holder();
  });
}

function leave(queues: Map<string, Queue>, id: string): void {
  const queue = queues.get(id);
  const next = queue?.waiting.shift();
  if (queue === undefined || next === undefined) {
    queues.delete(id);
    return;
  }
  queue.holder = next.requestRelease;
  next.start();
  // Others wait already: the new holder learns at once that it should be brief.
  if (queue.waiting.length > 0) queueMicrotask(() => void next.requestRelease());
}

/** 423: the client waits and asks again. */
export function busy(): Failure {
  return new Failure('try-again', 'Another request is writing to this upload.', { retryAfterSeconds: 1 });
}
