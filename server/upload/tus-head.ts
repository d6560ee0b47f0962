/** HEAD: where an upload stands. */
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { isFinal, isPartial } from '../rules/upload-concat.ts';
import { isUnplaced } from '../rules/upload-place.ts';
import type { FinishPartial } from '../sharing/finish-partial.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import type { NoteResume } from '../sharing/note-resume.ts';
import { isRefusal, storedRefusal } from '../sharing/reject-upload.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { type UploadLocker, withLock } from './locker.ts';
import { checkAlive, finishedInTime, finishedSoon, setExpires, type TusContext } from './tus-answers.ts';

export type HeadNeeds = {
  uploads: Pick<UploadTable, 'find'>;
  parts: Pick<UploadPartTable, 'totalBytes'>;
  storage: Pick<FileStorage, 'offsetOf'>;
  finishUpload: FinishUpload;
  finishPartial: FinishPartial;
  noteResume: NoteResume;
  locker: UploadLocker;
};

/** `find`: the upload, which may have to be waited for too. */
export async function headUpload(needs: HeadNeeds, ctx: TusContext, find: () => Promise<UploadRecord>): Promise<void> {
  try {
    await answerHead(needs, ctx, await find());
  } catch (error) {
    if (isRefusal(error)) throw new Failure('gone', error.message);
    // 423 for whatever passes: a 5xx to HEAD makes tus-js-client throw the upload away and start from the first byte.
    if (error instanceof Failure && error.status < 500) throw error;
    throw new Failure('try-again', 'The upload cannot be looked up right now.', { retryAfterSeconds: 2, cause: error });
  }
}

async function answerHead(needs: HeadNeeds, ctx: TusContext, upload: UploadRecord): Promise<void> {
  if (upload.state === 'rejected') throw new Failure('gone', storedRefusal(upload).message);
  checkAlive(upload);
  if (isFinal(upload)) return answerFinal(needs, ctx, upload);
  if (upload.state === 'open') {
    const offset = await withLock(needs.locker, upload.id, () => needs.storage.offsetOf(upload.id));
    // What the request before us did while we waited for the lock: a length declared, a finish, a refusal.
    const current = await needs.uploads.find(upload.id);
    if (current === null || (current.state === 'open' && offset === null && !isUnplaced(current)))
      throw new Failure('gone', 'The bytes of this upload are gone. Start it again.');
    if (current.state !== 'open') return answerHead(needs, ctx, current);
    needs.noteResume(current, offset ?? 0);
    return answerOffset(needs, ctx, current, offset ?? 0);
  }
  await answerOffset(needs, ctx, upload, upload.sizeBytes ?? 0);
}

async function answerOffset(needs: HeadNeeds, ctx: TusContext, upload: UploadRecord, offset: number): Promise<void> {
  const isComplete = offset === upload.sizeBytes;
  if (isComplete && isPartial(upload)) await needs.finishPartial(upload.id);
  const fileId = isComplete && !isPartial(upload) ? await finishedInTime(needs.finishUpload(upload.id)) : null;
  ctx.set('Upload-Offset', String(offset));
  if (upload.sizeBytes === null) ctx.set('Upload-Defer-Length', '1');
  answer(ctx, upload, upload.sizeBytes, fileId);
}

/**
 * "The response to a HEAD request for a final upload SHOULD NOT contain the Upload-Offset header unless the concatenation
 * has been successfully finished. After [that], the Upload-Offset and Upload-Length MUST be set and […] equal."
 */
async function answerFinal(needs: HeadNeeds, ctx: TusContext, upload: UploadRecord): Promise<void> {
  const fileId = await finishedSoon(needs.finishUpload(upload.id));
  // "The Upload-Length header MUST be included if the length of the final resource can be calculated at the time".
  const current = (await needs.uploads.find(upload.id)) ?? upload;
  const sizeBytes = current.sizeBytes ?? (await needs.parts.totalBytes(upload.id));
  if (fileId !== null) ctx.set('Upload-Offset', String(sizeBytes));
  answer(ctx, current, sizeBytes, fileId);
}

function answer(ctx: TusContext, upload: UploadRecord, sizeBytes: number | null, fileId: number | null): void {
  ctx.status = 200;
  ctx.body = '';
  if (sizeBytes !== null) ctx.set('Upload-Length', String(sizeBytes));
  if (upload.metadata !== null) ctx.set('Upload-Metadata', upload.metadata);
  if (upload.concat !== null) ctx.set('Upload-Concat', upload.concat);
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, upload.expiresAt);
}
