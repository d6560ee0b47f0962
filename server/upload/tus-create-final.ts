/** POST with `Upload-Concat: final;…`: makes one upload of several partial ones. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import type { AcceptFinal, FinalRequest } from '../sharing/accept-final.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import { finishedSoon, setExpires, type TusContext } from './tus-answers.ts';
import { describeFile, hasBody, readMetadata } from './tus-headers.ts';

export type CreateFinalNeeds = {
  path: string;
  uploads: Pick<UploadTable, 'find'>;
  acceptFinal: AcceptFinal;
  finishUpload: FinishUpload;
};

/**
 * "The Client MAY send the concatenation request while the partial uploads are still in progress": then, and when joining
 * takes long, the answer is 201 without `Chat-File-Id`, and the file is shared later by itself.
 */
export async function createFinal(needs: CreateFinalNeeds, ctx: TusContext, final: FinalRequest): Promise<void> {
  const { headers } = ctx.req;
  // "The Client MUST NOT include the Upload-Length header in the final upload creation."
  if (headers['upload-length'] !== undefined || headers['upload-defer-length'] !== undefined)
    throw new Failure('invalid-request', 'A final upload is as long as its parts. Leave its length out.');
  if (hasBody(ctx.req)) throw new Failure('forbidden', 'A final upload takes no bytes but those of its parts.');
  const request = describeFile(readMetadata(ctx.req), null, ctx);
  const id = await needs.acceptFinal(ctx.state.caller, request, final);
  const fileId = await finishedSoon(needs.finishUpload(id));
  const { expiresAt } = (await needs.uploads.find(id)) as UploadRecord;
  ctx.status = 201;
  ctx.body = '';
  ctx.set('Location', `${needs.path}/${id}`);
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, expiresAt);
}
