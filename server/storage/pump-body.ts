/** Reads a request's body into batches: straight from the socket's stream, with a limit on what waits in memory. */
import type { Readable } from 'node:stream';
import { type BodyQueue, ChunkQueue } from './body-queue.ts';
import type { AppendOptions, BodyEnd } from './file-storage.ts';

/** How long what is gathered may wait to become more. */
const MAX_GATHER_MS = 20;

/**
 * Hands every batch to `write` in order and returns how the body ended, after the last write. The body is never
 * destroyed: whoever owns the request may still want to answer on its connection.
 */
export async function pumpBody(
  body: Readable,
  options: Pick<AppendOptions, 'maxBytes' | 'idleTimeoutMs' | 'signal'>,
  write: (batch: Buffer[], bytes: number, areBlocks: boolean) => Promise<void>,
  queue: BodyQueue = new ChunkQueue(),
): Promise<BodyEnd> {
  const reading = listen(body, options, queue);
  try {
    for (let isLate = false; ; ) {
      const batch = reading.take(isLate);
      isLate = false;
      if (batch !== null) await write(batch.chunks, batch.bytes, batch.areBlocks).finally(batch.done);
      else if (reading.end !== null) return reading.end;
      else isLate = await reading.changed();
    }
  } finally {
    reading.stop();
    queue.drop();
  }
}

function listen(
  body: Readable,
  { maxBytes, idleTimeoutMs, signal }: Pick<AppendOptions, 'maxBytes' | 'idleTimeoutMs' | 'signal'>,
  queue: BodyQueue,
) {
  let receivedBytes = 0;
  let wake = () => {};
  const state = { end: null as BodyEnd | null };

  const finish = (end: BodyEnd) => {
    state.end ??= end;
    body.pause();
    wake();
  };
  const idle = setTimeout(() => {
    // Paused by us, because the disk is the slow one: that is not the client's silence.
    if (queue.isFull()) idle.refresh();
    else finish('idle');
  }, idleTimeoutMs);
  const onData = (chunk: Buffer) => {
    if (state.end !== null) return;
    receivedBytes += chunk.length;
    if (receivedBytes > maxBytes) {
      finish('too-long');
      return;
    }
    idle.refresh();
    queue.add(chunk);
    if (queue.isFull()) body.pause();
    if (queue.isReady()) wake();
  };
  const onEnd = () => finish('complete');
  const onLeft = () => finish('client-left');
  const onStop = () => finish('stopped');

  body.on('data', onData).on('end', onEnd).on('close', onLeft).on('error', onLeft);
  signal.addEventListener('abort', onStop, { once: true });
  if (signal.aborted) onStop();
  else if (body.readableEnded) onEnd();
  else if (body.destroyed) onLeft();
  else body.resume();

  return {
    get end() {
      return state.end;
    },
    take(isLate: boolean) {
      const batch = queue.take(isLate || state.end !== null);
      if (batch !== null && state.end === null && body.isPaused()) {
        // While the disk was the slow one, the client was not idle.
        idle.refresh();
        body.resume();
      }
      return batch;
    },
    /** @returns whether what is gathered has waited long enough */
    changed: () =>
      new Promise<boolean>((resolve) => {
        const late = queue.gathers() ? setTimeout(resolve, MAX_GATHER_MS, true) : undefined;
        wake = () => {
          clearTimeout(late);
          resolve(false);
        };
      }),
    stop() {
      clearTimeout(idle);
      signal.removeEventListener('abort', onStop);
      body.off('data', onData).off('end', onEnd).off('close', onLeft);
      // The error listener stays: an error after this must not be thrown at the process.
      if (state.end === null) body.pause();
    },
  };
}
