/** What waits for the local disk: what comes fast is gathered into blocks, what comes slowly is written as it comes. */
import { BLOCK_BYTES, type BlockPool } from './block-pool.ts';
import { type Batch, type BodyQueue, ChunkQueue, type FreeChunks } from './body-queue.ts';
import { PAGE_BYTES } from './direct-file.ts';

/** A body is fast when so much of it came within its time: 50 MB/s. */
const PACE_BYTES = 256 * 1024;
const PACE_MS = 5;

/** A full block, and what of it is the body's: all but what the first one has before it. */
type FullBlock = { block: Buffer; bytes: Buffer };

/**
 * A chunk is copied into its block as soon as it is here, while it is in the processor's cache, and its memory is given back
 * for the next one. A block lies in memory as in the file, so that its pages are pages there.
 */
export class BlockQueue implements BodyQueue {
  private readonly pool: BlockPool;
  private readonly free: FreeChunks;
  private readonly chunks: ChunkQueue;
  /** Where in the file what was taken ends. */
  private position: number;
  /** Full ones, in order. */
  private waiting: FullBlock[] = [];
  /** While it fills: from `start` to `end` by now. Null also where all are full, and no other may be taken. */
  private block: Buffer | null = null;
  private start = 0;
  private end = 0;
  /** The chunk whose second part waits for a block. */
  private divided: Buffer | null = null;
  private pacedBytes = 0;
  private pacedAt = 0;
  private hasFilled = false;
  /** It is to have a block for its first byte, and none before: who sends nothing holds none. */
  private beginsWithBlock: boolean;

  /**
   * @param offset where in the file the body begins
   * @param isFast as the upload's last body was: it is gathered from its first byte on
   */
  constructor(pool: BlockPool, offset: number, free: FreeChunks, isFast = false) {
    this.pool = pool;
    this.position = offset;
    this.free = free;
    this.chunks = new ChunkQueue(free);
    this.beginsWithBlock = isFast;
  }

  /** Whether it filled a block. */
  wasFast(): boolean {
    return this.hasFilled;
  }

  add(chunk: Buffer): void {
    if (this.beginsWithBlock) this.begin(this.position % PAGE_BYTES, this.pool.take());
    this.beginsWithBlock = false;
    let taken = 0;
    while (this.block !== null && taken < chunk.length) taken += this.fill(this.block, chunk, taken);
    if (taken === 0) this.chunks.add(chunk);
    else if (taken === chunk.length) this.free([chunk]);
    else {
      this.chunks.add(chunk.subarray(taken));
      this.divided = chunk;
    }
  }

  isFull(): boolean {
    return this.gathers() ? this.block === null : this.chunks.isFull();
  }

  isReady(): boolean {
    return this.gathers() ? this.waiting.length > 0 : this.chunks.isReady();
  }

  gathers(): boolean {
    return this.block !== null || this.waiting.length > 0;
  }

  take(isLate: boolean): Batch | null {
    if (this.waiting.length > 0) return this.takeBlocks();
    if (this.block === null) return this.takeChunks();
    return isLate ? this.takeRest(this.block) : null;
  }

  drop(): void {
    this.chunks.drop();
    for (const { block } of this.waiting) this.pool.give(block);
    if (this.block !== null) this.pool.give(this.block);
    this.waiting = [];
    this.block = null;
  }

  /** @returns how many bytes of it, from `from` on, there was room for */
  private fill(block: Buffer, chunk: Buffer, from: number): number {
    const taken = Math.min(BLOCK_BYTES - this.end, chunk.length - from);
    block.set(taken === chunk.length ? chunk : chunk.subarray(from, from + taken), this.end);
    this.end += taken;
    if (this.end === BLOCK_BYTES) {
      this.hasFilled = true;
      this.waiting.push({ block, bytes: block.subarray(this.start) });
      // A full one ends with a page.
      this.begin(0, this.pool.takeSpare());
    }
    return taken;
  }

  private takeChunks(): Batch | null {
    const batch = this.chunks.take();
    if (batch === null) return null;
    this.position += batch.bytes;
    const now = performance.now();
    if (this.pacedBytes === 0) this.pacedAt = now;
    this.pacedBytes += batch.bytes;
    if (this.pacedBytes < PACE_BYTES) return batch;
    this.pacedBytes = 0;
    if (now - this.pacedAt <= PACE_MS) this.begin(this.position % PAGE_BYTES, this.pool.take());
    return batch;
  }

  private takeBlocks(): Batch {
    const blocks = this.waiting;
    this.waiting = [];
    const chunks = blocks.map(({ bytes }) => bytes);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.position += bytes;
    if (this.block === null) this.goOn();
    const done = () => {
      for (const { block } of blocks) this.pool.give(block);
    };
    return { chunks, bytes, areBlocks: true, done };
  }

  /** With a block for what had no room; where there is none, that goes on as it is. */
  private goOn(): void {
    // The first of it is the rest of the chunk that was divided.
    const over = this.chunks.take()?.chunks ?? [];
    const { divided } = this;
    this.divided = null;
    const block = this.pool.take();
    this.begin(0, block);
    for (const chunk of over) this.add(chunk);
    // Not while its rest waits again. Another may have been divided by now: that one does wait.
    if (block !== null && divided !== null && this.divided !== over[0]) this.free([divided]);
  }

  private takeRest(block: Buffer): Batch | null {
    const { start, end } = this;
    this.block = null;
    if (end > start) {
      this.position += end - start;
      const done = () => this.pool.give(block);
      return { chunks: [block.subarray(start, end)], bytes: end - start, areBlocks: false, done };
    }
    this.pool.give(block);
    return null;
  }

  /** @param start where in its first page the bytes begin */
  private begin(start: number, block: Buffer | null): void {
    this.block = block;
    this.start = start;
    this.end = start;
  }
}
