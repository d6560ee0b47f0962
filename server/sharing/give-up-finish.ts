/** A finish that fails for the moment, of an upload whose client will send everything again: it must not be owed as well. */
import type { UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { NoScanner } from './check-scanner.ts';
import type { RejectUpload } from './reject-upload.ts';

type Needs = { uploads: Pick<UploadTable, 'find'>; rejectUpload: RejectUpload };

/** The id of the file where another finish was quicker. @throws {Failure} to send it again: nothing of the upload is left then */
export type GiveUpFinish = (uploadId: string, passing: Failure) => Promise<number>;

export function createGiveUpFinish({ uploads, rejectUpload }: Needs): GiveUpFinish {
  return async (uploadId, passing) => {
    const failure = sendAgain(passing);
    const upload = await uploads.find(uploadId);
    if (upload !== null) await rejectUpload(upload, failure).catch(() => {});
    const now = await uploads.find(uploadId);
    if (now?.state === 'finished' && now.fileId !== null) return now.fileId;
    throw failure;
  };
}

const RETRY_AFTER_SECONDS = 5;

/** 423 is for who can go on; here all has to be sent again. */
export function sendAgain(passing: Failure): Failure {
  // In a moment it would be no different.
  if (passing instanceof NoScanner) return passing;
  const { code, cause } = passing;
  const options = { retryAfterSeconds: RETRY_AFTER_SECONDS, cause };
  return code === 'scanner-unavailable'
    ? new Failure(code, 'The virus scanner is away, so the file was not shared. Send it again in a moment.', options)
    : new Failure('storage-unavailable', 'The file could not be stored. Send it again in a moment.', options);
}
