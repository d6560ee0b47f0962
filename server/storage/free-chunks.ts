/** Gives the memory of written bytes back at once, instead of leaving it to the garbage collector. */
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';

/**
 * Node's HTTP parser copies each piece of a body into a block of memory of its own, 64 KiB mostly. Left alone, hundreds of
 * dead blocks wait for a collection, and more memory is touched than a cache holds. Given back here, the allocator hands out
 * the same few blocks again and again.
 *
 * The chunks are empty afterwards, so nobody may look at them any more. Only for bodies whose chunks are nobody else's:
 * a stream of somebody else's may have sliced its chunks out of a block that it still reads.
 */
export function chunkFreer(body: Readable): (chunks: readonly Buffer[]) => void {
  if (!(body instanceof IncomingMessage)) return () => {};
  return (chunks) => {
    for (const { buffer, byteLength } of chunks)
      if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  };
}
