/** What waits for the local disk: what comes fast is gathered into blocks, what comes slowly is written as it comes. */
import { BLOCK_BYTES, type BlockPool } from './block-pool.ts';
import { type Batch, type BodyQueue, ChunkQueue, type FreeChunks } from './body-queue.ts';
import { PAGE_BYTES } from './direct-file.ts';

/** A body is fast when so much of it came within its time: 50 MB/s. */
const PACE_BYTES = 256 * 1024;
const PACE_MS = 5;

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
  /** While it fills: from `start` to `end` by now. */
  private block: Buffer | null = null;
  private start = 0;
  private end = 0;
  /** The chunk whose second part waits for the next block. */
  private divided: Buffer | null = null;
  private pacedBytes = 0;
  private pacedAt = 0;

  /** @param offset where in the file the body begins */
  constructor(pool: BlockPool, offset: number, free: FreeChunks) {
    this.pool = pool;
    this.position = offset;
    this.free = free;
    this.chunks = new ChunkQueue(free);
  }

  add(chunk: Buffer): void {
    if (this.block === null || this.isReady()) {
      this.chunks.add(chunk);
      return;
    }
    const taken = this.fill(this.block, chunk);
    if (taken === chunk.length) this.free([chunk]);
    else {
      this.chunks.add(chunk.subarray(taken));
      this.divided = chunk;
    }
  }

  isFull(): boolean {
    return this.block === null ? this.chunks.isFull() : this.isReady();
  }

  isReady(): boolean {
    return this.block === null ? this.chunks.isReady() : this.end === BLOCK_BYTES;
  }

  gathers(): boolean {
    return this.block !== null;
  }

  take(isLate: boolean): Batch | null {
    const { block } = this;
    if (block === null) return this.takeChunks();
    if (this.isReady()) return this.takeBlock(block);
    return isLate ? this.takeRest(block) : null;
  }

  drop(): void {
    this.chunks.drop();
    if (this.block !== null) this.pool.give(this.block);
    this.block = null;
  }

  /** @returns how many bytes there was room for */
  private fill(block: Buffer, chunk: Buffer): number {
    const room = BLOCK_BYTES - this.end;
    block.set(chunk.length > room ? chunk.subarray(0, room) : chunk, this.end);
    const taken = Math.min(room, chunk.length);
    this.end += taken;
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
    if (now - this.pacedAt <= PACE_MS) this.begin();
    return batch;
  }

  private takeBlock(block: Buffer): Batch {
    const batch = this.batchOf(block, true);
    // What did not fit; the first of it is the rest of the chunk that was divided.
    const over = this.chunks.take()?.chunks ?? [];
    const { divided } = this;
    this.divided = null;
    this.begin();
    for (const chunk of over) this.add(chunk);
    // Not while its rest waits again. Another may have been divided by now: that one does wait.
    if (this.block !== null && divided !== null && this.divided !== over[0]) this.free([divided]);
    return batch;
  }

  private takeRest(block: Buffer): Batch | null {
    this.block = null;
    if (this.end > this.start) return this.batchOf(block, false);
    this.pool.give(block);
    return null;
  }

  private batchOf(block: Buffer, isBlock: boolean): Batch {
    const bytes = this.end - this.start;
    this.position += bytes;
    const chunks = [block.subarray(this.start, this.end)];
    return { chunks, bytes, isBlock, done: () => this.pool.give(block) };
  }

  private begin(): void {
    this.block = this.pool.take();
    this.start = this.position % PAGE_BYTES;
    this.end = this.start;
  }
}
