/** Reads objects: a connection that breaks or stalls in the middle is taken up again where it was. */
import { Readable } from 'node:stream';
import type { StoredObject } from './file-storage.ts';
import type { Bucket } from './s3-bucket.ts';

/** Comes with the first answer: most files that a chat has are whole in it. */
const FIRST_READ_BYTES = 64 * 1024;
/** In a row, without one byte between them. */
const MAX_BREAKS = 3;
const BUFFERED_BYTES = 256 * 1024;

export type S3Reader = {
  /** Null if there is no such object. */
  open(key: string): Promise<StoredObject | null>;
  /** Both ends included. @throws when the object is not there, or ends before */
  bytes(key: string, first: number, last: number, etag?: string): AsyncGenerator<Buffer>;
};

export function createS3Reader(bucket: Bucket, stallTimeoutMs: number): S3Reader {
  async function* bytes(key: string, first: number, last: number, etag?: string): AsyncGenerator<Buffer> {
    let position = first;
    for (let breaks = 0; position <= last; ) {
      const found = await bucket.get(key, position, last, etag);
      if (found === null) throw new Error(`the object ${key} is not there`);
      try {
        for await (const chunk of withoutStalls(found.body, stallTimeoutMs)) {
          position += chunk.length;
          breaks = 0;
          yield chunk;
        }
        if (position <= last) throw new Error(`the object ${key} ended at byte ${position}`);
      } catch (error) {
        breaks += 1;
        if (breaks === MAX_BREAKS) throw error;
      } finally {
        found.body.destroy();
      }
    }
  }

  return {
    bytes,
    async open(key) {
      const found = await bucket.get(key, 0, FIRST_READ_BYTES - 1).catch((error: unknown) => {
        // An empty object has no first byte to ask for.
        if ((error as Error).name === 'InvalidRange') return emptyOr(bucket, key);
        throw error;
      });
      if (found === null) return null;
      const start = await collect(withoutStalls(found.body, stallTimeoutMs));
      const { objectBytes, etag } = found;
      return {
        sizeBytes: objectBytes,
        async read(position, lengthBytes) {
          const end = Math.min(position + lengthBytes, objectBytes);
          if (end <= position) return new Uint8Array();
          if (end <= start.length) return start.subarray(position, end);
          return collect(bytes(key, position, end - 1, etag));
        },
        stream(first, last) {
          const isHere = last < start.length;
          const source = isHere ? [start.subarray(first, last + 1)] : bytes(key, first, last, etag);
          return Readable.from(source, { objectMode: false, highWaterMark: BUFFERED_BYTES });
        },
        close: async () => {},
      };
    },
  };
}

async function emptyOr(bucket: Bucket, key: string) {
  const sizeBytes = await bucket.sizeOf(key);
  return sizeBytes === null ? null : { body: Readable.from([]), objectBytes: sizeBytes, etag: undefined };
}

/** Only while a byte is waited for: a reader that takes its time is not the store's fault. */
async function* withoutStalls(body: Readable, timeoutMs: number): AsyncGenerator<Buffer> {
  const chunks = body[Symbol.asyncIterator]();
  for (;;) {
    const stalled = setTimeout(() => {
      body.destroy(Object.assign(new Error('the store sends no more bytes'), { code: 'ETIMEDOUT' }));
    }, timeoutMs);
    const { done, value } = await chunks.next().finally(() => clearTimeout(stalled));
    if (done === true) return;
    yield value as Buffer;
  }
}

async function collect(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
