/** A finish that fails for the moment, of an upload whose client will send everything again: it must not be owed as well. */
import type { UploadTable } from '../database/upload-table.ts';
import type { Failure } from '../rules/failure.ts';
import type { RejectUpload } from './reject-upload.ts';

type Needs = { uploads: Pick<UploadTable, 'find'>; rejectUpload: RejectUpload };

/** The id of the file where another finish was quicker. @throws the failure: nothing of the upload is left then */
export type GiveUpFinish = (uploadId: string, failure: Failure) => Promise<number>;

export function createGiveUpFinish({ uploads, rejectUpload }: Needs): GiveUpFinish {
  return async (uploadId, failure) => {
    const upload = await uploads.find(uploadId);
    if (upload !== null) await rejectUpload(upload, failure).catch(() => {});
    const now = await uploads.find(uploadId);
    if (now?.state === 'finished' && now.fileId !== null) return now.fileId;
    throw failure;
  };
}
