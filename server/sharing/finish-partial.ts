/** The bytes of a partial upload are here: whichever final upload waited for them is finished. */
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { FinishUpload } from './finish-upload.ts';

type Needs = { parts: Pick<UploadPartTable, 'waitingFinals'>; finishUpload: FinishUpload };

/**
 * Does not wait for the finish: the answer is about the part. What becomes of the file is said by its own URL, and a finish
 * that fails now is owed and comes again.
 */
export type FinishPartial = (partialId: string) => Promise<void>;

export function createFinishPartial({ parts, finishUpload }: Needs): FinishPartial {
  return async (partialId) => {
    for (const finalId of await parts.waitingFinals(partialId)) void finishUpload(finalId).catch(() => {});
  };
}
