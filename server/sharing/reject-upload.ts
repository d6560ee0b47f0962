/** Refuses an upload for good: the row keeps the code, the bytes go. */
import { PROBLEMS, type ProblemCode } from '../contract/problem.ts';
import type { Database } from '../database/open-database.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { isFinal } from '../rules/upload-concat.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { ReportProgress } from './upload-progress.ts';

type Needs = {
  database: Database;
  uploads: Pick<UploadTable, 'reject'>;
  parts: Pick<UploadPartTable, 'endParts'>;
  removedObjects: Pick<RemovedObjectTable, 'add' | 'done'>;
  storage: Pick<FileStorage, 'discard' | 'remove'>;
  report: ReportProgress;
  now(): number;
};

/** Longer than a store takes with what it was asked and did not answer, with all tries. */
const MAY_STILL_COME_MS = 10 * 60 * 1000;

/** Codes that speak of the file itself; everything else can be tried again. */
const REFUSALS = new Set<ProblemCode>([
  'file-too-large',
  'type-not-allowed',
  'type-mismatch',
  'executable',
  'archive-refused',
  'encrypted',
  'checksum-mismatch',
  'infected',
  'unscannable',
]);

/** Whether a failure is about the file, so that trying again cannot help. */
export function isRefusal(error: unknown): error is Failure {
  return error instanceof Failure && REFUSALS.has(error.code);
}

/** The stored refusal of an upload, to be given again. */
export function storedRefusal(upload: UploadRecord): Failure {
  const { code, detail } = upload.refusal ?? { code: 'gone' as const, detail: PROBLEMS.gone[1] };
  return new Failure(code, detail);
}

export type RejectUpload = (upload: UploadRecord, refusal: Failure) => Promise<void>;

/**
 * Leaves no bytes, whenever the process dies: what cannot be deleted now is on the list of removed objects. Nor where the store still
 * does what it was asked before: if it was not the file that is refused, but a fault of the store, the key is deleted a second time.
 */
export function createRejectUpload(needs: Needs): RejectUpload {
  return async (upload, refusal) => {
    const mayStillCome = !isRefusal(refusal);
    const dueAt = mayStillCome ? needs.now() + MAY_STILL_COME_MS : 0;
    const { moved, endedParts } = await needs.database.transaction(async (transaction) => {
      const moved = await needs.uploads.reject(transaction, upload.id, { code: refusal.code, detail: refusal.message });
      if (moved && upload.storageKey !== null) await needs.removedObjects.add(transaction, upload.storageKey, dueAt);
      const endedParts = moved && isFinal(upload) ? await needs.parts.endParts(transaction, upload.id) : [];
      return { moved, endedParts };
    });
    if (!moved) return;
    for (const id of [upload.id, ...endedParts]) await needs.storage.discard(id);
    if (upload.storageKey !== null) {
      await needs.storage.remove(upload.storageKey);
      if (!mayStillCome) await needs.removedObjects.done(upload.storageKey);
    }
    needs.report(upload, upload.bytesReceived, refusal.code === 'unscannable' ? 'unscannable' : 'failed');
  };
}
