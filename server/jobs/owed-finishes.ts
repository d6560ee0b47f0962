/** Finishes what is complete but not recorded: after a crash, and when an earlier try failed. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { isFinal, isPartial } from '../rules/upload-concat.ts';
import { BeingFinished, type FinishUpload } from '../sharing/finish-upload.ts';
import { WaitingForParts } from '../sharing/join-parts.ts';
import { createPatience, type Patience } from '../sharing/patience.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = {
  uploads: Pick<UploadTable, 'pageUnfinished' | 'listFinishDue' | 'noteBytes'>;
  storage: Pick<FileStorage, 'offsetOf'>;
  finishUpload: FinishUpload;
  /** A finish failed; it is tried again later, or the file was refused. */
  onFault(uploadId: string, error: unknown): void;
  /** Names this process in its leases. */
  holder: string;
  now(): number;
};

const PAGE_UPLOADS = 200;
/** Most of a finish is waiting: for the disk, the store, the virus scanner. */
const MAX_AT_ONCE = 4;

export type OwedFinishes = { lookAtAll(): Promise<number>; sweep(): Promise<number> };

export function createOwedFinishes(needs: Needs): OwedFinishes {
  const finish = async (uploadId: string, patience: Patience): Promise<void> => {
    await patience
      .wait(() => needs.finishUpload(uploadId))
      .catch((error: unknown) => {
        const isInOrder = error instanceof WaitingForParts || error instanceof BeingFinished;
        if (!isInOrder) needs.onFault(uploadId, error);
      });
  };
  /** @returns whether something was owed */
  const lookAt = async (upload: UploadRecord, patience: Patience): Promise<boolean> => {
    if (!isFinal(upload)) {
      const offset = upload.state === 'finishing' ? upload.sizeBytes : await needs.storage.offsetOf(upload.id);
      if (offset === null || offset !== upload.sizeBytes) return false;
      // So that the sweep sees that a final upload waits for nothing more, and what is left to it while the store is away.
      if (isPartial(upload) || patience.isOver()) {
        await needs.uploads.noteBytes(upload.id, offset, upload.expiresAt);
        return false;
      }
    }
    if (patience.isOver()) return false;
    await finish(upload.id, patience);
    return true;
  };
  return {
    /** Looks at every unfinished upload: a process that was killed had no time to note how far it came. */
    async lookAtAll() {
      let found = 0;
      const patience = createPatience(needs.now);
      for (let afterId = ''; ; ) {
        const page = await needs.uploads.pageUnfinished(afterId, PAGE_UPLOADS);
        for (const upload of page) if (await lookAt(upload, patience)) found += 1;
        const last = page.at(-1);
        if (last === undefined) return found;
        afterId = last.id;
      }
    },

    /** Those that are due again. */
    async sweep() {
      const due = await needs.uploads.listFinishDue(needs.now(), PAGE_UPLOADS, needs.holder);
      const patience = createPatience(needs.now);
      const left = [...due];
      const work = async () => {
        for (let id = left.shift(); id !== undefined && !patience.isOver(); id = left.shift())
          await finish(id, patience);
      };
      await Promise.all(Array.from({ length: MAX_AT_ONCE }, work));
      return due.length;
    },
  };
}
