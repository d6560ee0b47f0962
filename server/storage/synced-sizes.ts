/** Remembers of uploads whose bytes this process wrote last how many are synced, so that nobody has to sync them to know it. */
import { type Stats, statSync } from 'node:fs';

/** The oldest is forgotten first, and looked at anew. */
const MAX_REMEMBERED = 10_000;

type Synced = Pick<Stats, 'size' | 'ino' | 'mtimeMs'>;

/**
 * Only where no other server writes to the same folder: over a network a file's size may be seconds old. What is remembered counts
 * while the file is the one that was written and as it was then; so a process beside this one that changes it is noticed.
 */
export class SyncedSizes {
  private readonly sizes = new Map<string, Synced>();

  /** Its bytes are synced, and nobody writes to it. */
  note(place: string): void {
    this.forget(place);
    const found = statSync(place, { throwIfNoEntry: false });
    if (found === undefined) return;
    const oldest = this.sizes.size >= MAX_REMEMBERED ? this.sizes.keys().next().value : undefined;
    if (oldest !== undefined) this.sizes.delete(oldest);
    this.sizes.set(place, { size: found.size, ino: found.ino, mtimeMs: found.mtimeMs });
  }

  /** Before it is written to, and when it goes. */
  forget(place: string): void {
    this.sizes.delete(place);
  }

  /**
   * Looked up without leaving the event loop, a few microseconds: each PATCH asks.
   * @returns undefined where it is not known: its bytes have to be synced first, or there are none
   */
  sizeOf(place: string): number | undefined {
    const synced = this.sizes.get(place);
    const found = synced === undefined ? undefined : statSync(place, { throwIfNoEntry: false });
    if (synced === undefined || found === undefined) return undefined;
    const isSame = found.size === synced.size && found.ino === synced.ino && found.mtimeMs === synced.mtimeMs;
    return isSame ? synced.size : undefined;
  }
}
