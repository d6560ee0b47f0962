/** What waits between a request's body and whoever stores it. */

/** What may wait; the socket is paused above it. */
const MAX_QUEUED_BYTES = 1024 * 1024;

/** Bytes to store, in order. */
export type Batch = {
  chunks: Buffer[];
  bytes: number;
  /** Out of blocks of the pool, one chunk each; each ends with a page of the file. */
  areBlocks: boolean;
  /** To be called when they are stored, or never will be: their memory is somebody else's from then on. */
  done(): void;
};

export type BodyQueue = {
  add(chunk: Buffer): void;
  isFull(): boolean;
  /** Is there something that need not wait for more? */
  isReady(): boolean;
  /** Does what is not ready wait for more? After a while `take` has to be called for it with `isLate`. */
  gathers(): boolean;
  /** @returns null when nothing is ready; `isLate` takes all that is here, and gathers no more */
  take(isLate: boolean): Batch | null;
  /** Lets go of what nobody took. */
  drop(): void;
};

export type FreeChunks = (chunks: readonly Buffer[]) => void;

/** Here everything is ready as soon as it has come. A class, since each open upload has one. */
export class ChunkQueue implements BodyQueue {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private readonly free: FreeChunks;

  /** @param free gets the chunks of each batch that is done */
  constructor(free: FreeChunks = () => {}) {
    this.free = free;
  }

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  isFull(): boolean {
    return this.bytes >= MAX_QUEUED_BYTES;
  }

  isReady(): boolean {
    return this.bytes > 0;
  }

  gathers(): boolean {
    return false;
  }

  take(): Batch | null {
    if (this.chunks.length === 0) return null;
    const { chunks, bytes } = this;
    this.drop();
    return { chunks, bytes, areBlocks: false, done: () => this.free(chunks) };
  }

  drop(): void {
    this.chunks = [];
    this.bytes = 0;
  }
}
