/** Deletes the bytes of uploads that have ended; what the store does not let go is noted on the row and tried again. */
import type { UploadTable } from '../database/upload-table.ts';
import { backOffMs } from '../rules/back-off.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { createPatience } from './patience.ts';

type Needs = {
  uploads: Pick<UploadTable, 'noteFailure' | 'listDiscardDue' | 'noteDiscarded'>;
  storage: Pick<FileStorage, 'discard'>;
  now(): number;
};

const MAX_UPLOADS_A_RUN = 200;
const MAX_BACKOFF_MS = 60 * 60 * 1000;
/** So long a store that was away is not asked again. */
const REST_MS = 30_000;

export type DiscardBytes = {
  /** The row has ended before. A fault of the store is not the caller's: the job is on the row then. */
  discard(uploadId: string): Promise<void>;
  /** Those that failed before and are due. @returns how many are gone now */
  retry(): Promise<number>;
};

export function createDiscardBytes({ uploads, storage, now }: Needs): DiscardBytes {
  let patience = createPatience(now);
  let restsUntil = 0;
  const attempt = async (uploadId: string, attempts: number): Promise<boolean> => {
    try {
      // Many may end one after the other: each would wait for it.
      if (now() < restsUntil) throw new Error('The storage was away a moment ago.');
      await patience.wait(() => storage.discard(uploadId));
      return true;
    } catch (error) {
      if (patience.isOver()) {
        restsUntil = now() + REST_MS;
        patience = createPatience(now);
      }
      await uploads.noteFailure(uploadId, String(error), now() + backOffMs(attempts, MAX_BACKOFF_MS));
      return false;
    }
  };
  return {
    async discard(uploadId) {
      await attempt(uploadId, 0);
    },
    async retry() {
      let discarded = 0;
      for (const { id, attempts } of await uploads.listDiscardDue(now(), MAX_UPLOADS_A_RUN)) {
        if (now() < restsUntil) break;
        if (!(await attempt(id, attempts))) continue;
        await uploads.noteDiscarded(id);
        discarded += 1;
      }
      return discarded;
    },
  };
}
