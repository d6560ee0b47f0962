/**
 * Small uploads that this process created a moment ago, and that nobody has named since. Their first PATCH needs no look at the row,
 * which says what was just written into it, and none at the store, in which only a request for the upload makes it a place.
 */
import type { UploadRecord } from '../database/upload-table.ts';

/** Of a kilobyte each, and 16 KB at most, which is what Node takes for headers. The oldest is forgotten first, and looked up. */
const MAX_REMEMBERED = 1_000;
/** Longer than between the two requests of a client; and what is deleted by then is looked up, and nothing of it written again. */
const FRESH_MS = 10_000;

export type FreshUploads = {
  /** Its row is committed, and nobody knows its id yet. */
  note(upload: UploadRecord): void;
  /** Every request that names an upload says so before it does anything. @returns it for the first one */
  named(id: string): FreshUpload | null;
};

export type FreshUpload = {
  /**
   * As it was created. It may have ended since (by an expiry, by a deletion, by another process): what is done with it ends in a
   * compare-and-set on its row.
   */
  readonly upload: UploadRecord;
  /**
   * Ask once, under the upload's lock; it is forgotten then. @returns whether no other request has named it, so that nothing of it
   * is in the store. False also where nobody would know.
   */
  isUntouched(): boolean;
};

/** For a process that is the only one to serve uploads of its database: what others do would not be noticed. */
export function createFreshUploads(now: () => number, maxRemembered = MAX_REMEMBERED): FreshUploads {
  const known = new Map<string, Fresh>();
  const forget = (fresh: Fresh) => {
    fresh.isAlone = false;
    known.delete(fresh.upload.id);
  };
  return {
    note(upload) {
      known.set(upload.id, new Fresh(known, upload));
      if (known.size > maxRemembered) forget(known.values().next().value as Fresh);
    },
    named(id) {
      const fresh = known.get(id);
      if (fresh === undefined) return null;
      if (fresh.isNamed || now() - fresh.upload.createdAt > FRESH_MS) forget(fresh);
      else fresh.isNamed = true;
      return fresh.isAlone ? fresh : null;
    },
  };
}

/** Where other processes serve uploads of the same database. */
export const NO_FRESH_UPLOADS: FreshUploads = { note() {}, named: () => null };

class Fresh implements FreshUpload {
  readonly upload: UploadRecord;
  isNamed = false;
  isAlone = true;
  private readonly known: Map<string, Fresh>;

  constructor(known: Map<string, Fresh>, upload: UploadRecord) {
    this.known = known;
    this.upload = upload;
  }

  isUntouched(): boolean {
    const { isAlone } = this;
    this.isAlone = false;
    // Not under another's name: ids are not used twice.
    this.known.delete(this.upload.id);
    return isAlone;
  }
}
