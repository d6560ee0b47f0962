/** Files that this process has just recorded, on their way to a company's followers without being read back. */
import type { FileRecord } from '../database/chat-file-table.ts';

/** Beyond that they are read: a page of the ledger costs less than as many rows in memory. */
const MAX_HANDED = 200;

/**
 * A company's numbers have no gaps, since one that is rolled back is given again, and they are committed in their order. So
 * what was handed over is all that there is, as long as it follows the last number that was told without a gap, and nothing
 * else was announced. In any other case the ledger is read.
 */
export class HandedFiles {
  private readonly files = new Map<number, FileRecord>();
  private isIncomplete = false;

  /** After the commit. */
  add(file: FileRecord): void {
    if (this.files.size < MAX_HANDED) this.files.set(file.seq, file);
    else this.missOne();
  }

  /** Something is in the ledger that was not handed over. */
  missOne(): void {
    this.isIncomplete = true;
    this.files.clear();
  }

  /** All that is new after a number, in order. @returns null when only the ledger knows: what was handed over is in it too */
  takeAfter(cursor: number): FileRecord[] | null {
    const next: FileRecord[] = [];
    let isWhole = !this.isIncomplete;
    if (isWhole) {
      for (let file = this.files.get(cursor + 1); file !== undefined; file = this.files.get(file.seq + 1))
        next.push(file);
      const last = cursor + next.length;
      for (const seq of this.files.keys()) if (seq > last) isWhole = false;
    }
    this.files.clear();
    this.isIncomplete = false;
    return isWhole ? next : null;
  }
}
