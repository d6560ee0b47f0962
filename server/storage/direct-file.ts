/** Writes whole pages of a file past the page cache: the disk reads them out of our memory. */
import { close, constants, open, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { BlockPool } from './block-pool.ts';

/** At such multiples a write may begin and end, in the file and in memory; no disk has larger sectors. */
export const PAGE_BYTES = 4096;
/** A file system that has no such way says one of these: at the opening, or at the first write. */
const REFUSALS = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP']);

/**
 * What was written this way is no more synced than any other write: the disk has a cache of its own, and the file's length is
 * in the kernel's. fdatasync sees to both.
 */
export class DirectFile {
  private readonly place: string;
  private readonly pool: BlockPool;
  private opened: number | null = null;

  constructor(place: string, pool: BlockPool) {
    this.place = place;
    this.pool = pool;
  }

  /** @returns how many of the bytes, from the first on, are written; the others have to go the ordinary way */
  async write(pages: readonly Buffer[], position: number): Promise<number> {
    try {
      this.opened ??= await openFile(this.place, constants.O_WRONLY | constants.O_DIRECT);
    } catch (error) {
      // Whatever it is (no descriptor is left, the upload was ended and its file removed), the file is open the ordinary way.
      this.heed(error);
      return 0;
    }
    try {
      return await writePages(this.opened, pages, position);
    } catch (error) {
      if (!this.heed(error)) throw error;
      return 0;
    }
  }

  async close(): Promise<void> {
    if (this.opened !== null) await closeFile(this.opened);
    this.opened = null;
  }

  /** @returns whether the file system has no such way; then nobody tries it again */
  private heed(error: unknown): boolean {
    const isRefusal = REFUSALS.has((error as NodeJS.ErrnoException).code ?? '');
    if (isRefusal) this.pool.close();
    return isRefusal;
  }
}

const openFile = promisify(open);
const closeFile = promisify(close);

/** Not by a FileHandle: a thousand of its promises a gibibyte are a twentieth of all that a fast upload costs. */
function writePages(file: number, pages: readonly Buffer[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    writev(file, pages, position, (error, written) => (error === null ? resolve(written) : reject(error)));
  });
}
