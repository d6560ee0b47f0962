/** DELETE: ends the tus resource. A file that was shared stays: only `DELETE /api/chat/files/{id}/` removes it. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { isFinal, isPartial } from '../rules/upload-concat.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import { WaitingForParts } from '../sharing/join-parts.ts';
import { isRefusal } from '../sharing/reject-upload.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { type UploadLocker, withLock } from './locker.ts';
import { checkAlive, type TusContext } from './tus-answers.ts';

export type TerminateNeeds = {
  uploads: Pick<UploadTable, 'find' | 'end'>;
  storage: Pick<FileStorage, 'offsetOf'>;
  finishUpload: FinishUpload;
  abortUpload: AbortUpload;
  locker: UploadLocker;
  now(): number;
};

export async function terminateUpload(needs: TerminateNeeds, ctx: TusContext, upload: UploadRecord): Promise<void> {
  ctx.status = 204;
  if (upload.state === 'rejected') return;
  checkAlive(upload);
  if (upload.state === 'open' && (await withLock(needs.locker, upload.id, () => abortIncomplete(needs, upload))))
    return;
  // A part that is just being joined ends with its final upload.
  if (isPartial(upload)) return;
  await needs.finishUpload(upload.id).catch((error) => {
    if (!isRefusal(error)) throw error;
  });
  await needs.uploads.end(upload.id, needs.now());
}

/** Once all bytes are here the finish has the word: stock Uppy sends DELETE when a page is torn down. */
async function abortIncomplete(needs: TerminateNeeds, upload: UploadRecord): Promise<boolean> {
  if (isFinal(upload)) return abortWaiting(needs, upload);
  const current = await needs.uploads.find(upload.id);
  const offset = await needs.storage.offsetOf(upload.id);
  if (current === null || (offset !== null && offset === current.sizeBytes && !isPartial(upload))) return false;
  return needs.abortUpload(current, 'cancelled');
}

async function abortWaiting(needs: TerminateNeeds, upload: UploadRecord): Promise<boolean> {
  try {
    await needs.finishUpload(upload.id);
    return false;
  } catch (error) {
    return error instanceof WaitingForParts && needs.abortUpload(upload, 'cancelled');
  }
}
