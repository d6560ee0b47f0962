/** Blocks of memory that a disk can read by itself: a bounded number for all uploads together. */

export const BLOCK_BYTES = 1024 * 1024;
/**
 * An upload that is fast takes two: one fills while the other is written. Who gets none goes through the page cache. The others
 * make of what a disk is late with fewer and larger writes: from one to the next its thread may have to wait for a processor.
 */
const MAX_BLOCKS = 40;
/** Kept for uploads that have fewer than two: eight at once have theirs, however late the disk is with one of them. */
const KEPT_BLOCKS = 16;
const WASM_PAGE_BYTES = 64 * 1024;

/**
 * A disk reads memory from addresses that are multiples of its sector, and JavaScript does not say at which address a buffer
 * lies. The memory of a WebAssembly module begins with a page of the machine, and can be had without a module. It takes no
 * room before a block of it is used.
 */
export class BlockPool {
  private free: Buffer[] | null = null;
  private isClosed = false;

  /** Null when all are taken, and where there are none. */
  take(): Buffer | null {
    if (this.isClosed) return null;
    this.free ??= newBlocks();
    return this.free.pop() ?? null;
  }

  /** One more than two, for an upload whose disk is late: null when others might want it. */
  takeSpare(): Buffer | null {
    return this.free !== null && this.free.length > KEPT_BLOCKS ? this.take() : null;
  }

  /** When nobody reads it any more, the kernel neither. */
  give(block: Buffer): void {
    this.free?.push(block);
  }

  /** For a file system that does not take them: nobody gets one any more. */
  close(): void {
    this.isClosed = true;
  }
}

function newBlocks(): Buffer[] {
  try {
    const pages = (MAX_BLOCKS * BLOCK_BYTES) / WASM_PAGE_BYTES;
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages });
    return Array.from({ length: MAX_BLOCKS }, (_, at) => Buffer.from(buffer, at * BLOCK_BYTES, BLOCK_BYTES));
  } catch {
    // Where addresses are limited (`ulimit -v`) V8 may not get as many as it wants for it.
    return [];
  }
}
