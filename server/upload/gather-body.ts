/** Takes a small body into memory, if it comes at once; what does not is handed on as a stream, from its first byte. */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/** Of all bodies that are held at a time. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;
/**
 * What takes longer comes over a slow network: it is better stored as it comes, so that others see it grow, its client can go
 * on with it, and it holds no memory.
 */
const MAX_GATHER_MS = 1_000;

/** `bytes`: the whole body. `rest`: the body from its first byte, for who takes it as a stream; what came of one that broke off. */
export type Gathered = { bytes: Buffer } | { rest: Readable };

/** Calls `work` with what came, and holds the memory until that is done. */
export type GatherBody = <T>(
  request: IncomingMessage,
  lengthBytes: number,
  work: (gathered: Gathered) => Promise<T>,
) => Promise<T>;

export function createGatherBody({ draining }: { draining: AbortSignal }): GatherBody {
  let heldBytes = 0;
  /** Of those that are under way: what each does when the server shuts down. */
  const underWay = new Set<() => void>();
  draining.addEventListener('abort', () => {
    for (const hurry of underWay) hurry();
  });
  return async (request, lengthBytes, work) => {
    if (draining.aborted || heldBytes + lengthBytes > MAX_HELD_BYTES) return work({ rest: request });
    heldBytes += lengthBytes;
    try {
      const there = takeWhole(request, lengthBytes);
      if (there === null) return await work(await gather(request, lengthBytes, underWay));
      return await work({ bytes: there }).catch((error) => thrownAtEnd(request, error));
    } finally {
      heldBytes -= lengthBytes;
    }
  };
}

/**
 * Most small bodies came with their headers, and wait in the request: then nothing is to be waited for.
 * @returns null where bytes are still to come
 */
function takeWhole(request: IncomingMessage, lengthBytes: number): Buffer | null {
  if (lengthBytes === 0 || request.readableLength !== lengthBytes || request.destroyed) return null;
  const bytes = request.on('error', ignore).read() as Buffer;
  // To its end, which is told next.
  request.resume();
  return bytes;
}

/** Who answers looks whether the body has ended; of one that was taken before that was told, a refusal may be earlier. */
async function thrownAtEnd(request: IncomingMessage, error: unknown): Promise<never> {
  if (!request.readableEnded && !request.destroyed)
    await new Promise((resolve) => request.once('end', resolve).once('close', resolve));
  throw error;
}

/** An error after this must not be thrown at the process. */
function ignore(): void {}

/** The body again, for who takes streams only. */
export function bodyOf(gathered: Gathered): Readable {
  return 'rest' in gathered ? gathered.rest : Readable.from([gathered.bytes], { objectMode: false });
}

function gather(request: IncomingMessage, lengthBytes: number, underWay: Set<() => void>): Promise<Gathered> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let receivedBytes = 0;
    const settle = (gathered: Gathered) => {
      clearTimeout(timer);
      underWay.delete(onSlow);
      request.off('data', onData).off('end', onEnd).off('close', onLeft);
      // The error listener stays: an error after this must not be thrown at the process.
      resolve(gathered);
    };
    const onData = (chunk: Buffer) => {
      chunks.push(chunk);
      receivedBytes += chunk.length;
    };
    const onEnd = () => settle({ bytes: joined(chunks) });
    const onLeft = () => settle({ rest: Readable.from(chunks, { objectMode: false }) });
    const onSlow = () => {
      request.pause();
      if (receivedBytes > 0) request.unshift(joined(chunks));
      settle({ rest: request });
    };
    const timer = setTimeout(() => (receivedBytes < lengthBytes ? onSlow() : timer.refresh()), MAX_GATHER_MS);
    underWay.add(onSlow);
    request.on('data', onData).on('end', onEnd).on('close', onLeft).on('error', onLeft);
    if (request.readableEnded) onEnd();
    else if (request.destroyed) onLeft();
    else request.resume();
  });
}

/** One chunk, as most are, is not copied. */
function joined(chunks: readonly Buffer[]): Buffer {
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
}
