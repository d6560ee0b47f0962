/** Reads a request's body into batches: straight from the socket's stream, with a limit on what waits in memory. */
import type { Readable } from 'node:stream';
import type { AppendOptions, BodyEnd } from './file-storage.ts';

/** What may wait for the disk; the socket is paused above it. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/**
 * Hands every batch to `write` in order and returns how the body ended, after the last write. The body is never
 * destroyed: whoever owns the request may still want to answer on its connection.
 */
export async function pumpBody(
  body: Readable,
  options: Pick<AppendOptions, 'maxBytes' | 'idleTimeoutMs' | 'signal'>,
  write: (batch: Buffer[], bytes: number) => Promise<void>,
): Promise<BodyEnd> {
  const queue = listen(body, options);
  try {
    for (;;) {
      const batch = queue.take();
      if (batch !== null) await write(batch.chunks, batch.bytes);
      else if (queue.end !== null) return queue.end;
      else await queue.changed();
    }
  } finally {
    queue.stop();
  }
}

function listen(
  body: Readable,
  { maxBytes, idleTimeoutMs, signal }: Pick<AppendOptions, 'maxBytes' | 'idleTimeoutMs' | 'signal'>,
) {
  let chunks: Buffer[] = [];
  let queuedBytes = 0;
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
    if (queuedBytes >= MAX_QUEUED_BYTES) idle.refresh();
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
    chunks.push(chunk);
    queuedBytes += chunk.length;
    if (queuedBytes >= MAX_QUEUED_BYTES) body.pause();
    wake();
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
    take() {
      if (chunks.length === 0) return null;
      const batch = { chunks, bytes: queuedBytes };
      chunks = [];
      queuedBytes = 0;
      if (state.end === null && body.isPaused()) {
        // While the disk was the slow one, the client was not idle.
        idle.refresh();
        body.resume();
      }
      return batch;
    },
    changed: () =>
      new Promise<void>((resolve) => {
        wake = resolve;
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
