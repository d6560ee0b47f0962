/** Finishes what is complete but not recorded: after a crash, and when an earlier try failed. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { isFinal, isPartial } from '../rules/upload-concat.ts';
import { BeingFinished, type FinishUpload } from '../sharing/finish-upload.ts';
import { WaitingForParts } from '../sharing/join-parts.ts';
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

export type OwedFinishes = { lookAtAll(): Promise<number>; sweep(): Promise<number> };

export function createOwedFinishes(needs: Needs): OwedFinishes {
  const finish = async (uploadId: string): Promise<void> => {
    await needs.finishUpload(uploadId).catch((error: unknown) => {
      const isInOrder = error instanceof WaitingForParts || error instanceof BeingFinished;
      if (!isInOrder) needs.onFault(uploadId, error);
    });
  };
  /** @returns whether something was owed */
  const lookAt = async (upload: UploadRecord): Promise<boolean> => {
    if (!isFinal(upload)) {
      const offset = upload.state === 'finishing' ? upload.sizeBytes : await needs.storage.offsetOf(upload.id);
      if (offset === null || offset !== upload.sizeBytes) return false;
      if (isPartial(upload)) {
        // So that the sweep sees that a final upload waits for nothing more.
        await needs.uploads.noteBytes(upload.id, offset, upload.expiresAt);
        return false;
      }
    }
    await finish(upload.id);
    return true;
  };
  return {
    /** Looks at every unfinished upload: a process that was killed had no time to note how far it came. */
    async lookAtAll() {
      let found = 0;
      for (let afterId = ''; ; ) {
        const page = await needs.uploads.pageUnfinished(afterId, PAGE_UPLOADS);
        for (const upload of page) if (await lookAt(upload)) found += 1;
        const last = page.at(-1);
        if (last === undefined) return found;
        afterId = last.id;
      }
    },

    /** Those that are due again. */
    async sweep() {
      const due = await needs.uploads.listFinishDue(needs.now(), PAGE_UPLOADS, needs.holder);
      for (const uploadId of due) await finish(uploadId);
      return due.length;
    },
  };
}
