/** Takes away what nobody needs any more: expired uploads, bytes without a row, old rows. */
import type { EventLedger } from '../database/event-ledger.ts';
import type { UploadTable } from '../database/upload-table.ts';
import { isPartial } from '../rules/upload-concat.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import type { DeleteRemovedBytes } from '../sharing/delete-removed-bytes.ts';
import type { Exclusively } from '../sharing/exclusively.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = {
  uploads: Pick<UploadTable, 'listExpired' | 'find' | 'purge'>;
  storage: Pick<FileStorage, 'offsetOf' | 'discard' | 'incomingIds'>;
  ledger: Pick<EventLedger, 'trim'>;
  finishUpload: FinishUpload;
  abortUpload: AbortUpload;
  exclusively: Exclusively;
  deleteRemovedBytes: DeleteRemovedBytes;
  now(): number;
};

const PAGE_UPLOADS = 200;
const DAY_MS = 24 * 60 * 60 * 1000;
/** A client that was away longer gets a `resync`. */
const LEDGER_KEPT_DAYS = 30;
/** How long an ended upload still answers 410 instead of 404. */
const ENDED_KEPT_DAYS = 7;

export type CleanUp = {
  expireUploads(): Promise<number>;
  dropOrphans(): Promise<number>;
  forget(): Promise<void>;
  deleteRemovedBytes: DeleteRemovedBytes;
};

export function createCleanUp(needs: Needs): CleanUp {
  const { uploads, storage, ledger, finishUpload, abortUpload, exclusively, deleteRemovedBytes, now } = needs;
  return {
    deleteRemovedBytes,

    async expireUploads() {
      let expired = 0;
      for (const upload of await uploads.listExpired(now(), PAGE_UPLOADS)) {
        // Late, but all bytes are here: it is a file, and the finish has the word. A part is none.
        const isFile = !isPartial(upload) && upload.sizeBytes !== null;
        if (isFile && (await storage.offsetOf(upload.id)) === upload.sizeBytes) {
          await finishUpload(upload.id).catch(() => {});
        } else if (await exclusively(upload.id, () => abortUpload(upload, 'expired'))) {
          expired += 1;
        }
      }
      return expired;
    },

    /** Bytes of uploads that ended: a process may die between the row's change and the deletion. */
    async dropOrphans() {
      let dropped = 0;
      for await (const id of storage.incomingIds()) {
        const state = (await uploads.find(id))?.state;
        // No row at all: rows come before bytes, so nobody can be about to write it.
        if (state === 'open' || state === 'finishing') continue;
        await storage.discard(id);
        dropped += 1;
      }
      return dropped;
    },

    async forget() {
      await uploads.purge(now() - ENDED_KEPT_DAYS * DAY_MS);
      await ledger.trim(now() - LEDGER_KEPT_DAYS * DAY_MS);
    },
  };
}
