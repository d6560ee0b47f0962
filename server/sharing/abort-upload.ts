/** Ends an unfinished upload, because its client says so or because its time is over. It cannot beat a finish. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { ReportProgress } from './upload-progress.ts';

type Needs = {
  uploads: Pick<UploadTable, 'abort' | 'expire'>;
  storage: Pick<FileStorage, 'discard'>;
  report: ReportProgress;
  now(): number;
};

/** @returns false when the upload is no longer open: it is finishing, finished or has ended. */
export type AbortUpload = (upload: UploadRecord, why: 'cancelled' | 'expired') => Promise<boolean>;

export function createAbortUpload({ uploads, storage, report, now }: Needs): AbortUpload {
  return async (upload, why) => {
    const ended = why === 'expired' ? await uploads.expire(upload.id, now()) : await uploads.abort(upload.id);
    if (!ended) return false;
    await storage.discard(upload.id);
    report(upload, upload.bytesReceived, why === 'expired' ? 'failed' : 'cancelled');
    return true;
  };
}
