/** PATCH: puts bytes behind those that are there. */
import type { IncomingMessage } from 'node:http';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { isFinal } from '../rules/upload-concat.ts';
import { isUnplaced } from '../rules/upload-place.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import type { RejectUpload } from '../sharing/reject-upload.ts';
import type { ShareSmall } from '../sharing/share-small.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { AppendPatch, PatchCall, Patched } from './append-patch.ts';
import type { FreshUpload } from './fresh-uploads.ts';
import { bodyOf, type GatherBody } from './gather-body.ts';
import { type UploadLocker, withLock } from './locker.ts';
import { checkAlive, finishedInTime, setExpires, type TusContext } from './tus-answers.ts';
import { checkChecksumHeader } from './tus-checksum.ts';
import { bringsAll, checkBodyType, readInteger } from './tus-headers.ts';

export type PatchNeeds = {
  uploads: Pick<UploadTable, 'find'>;
  storage: Pick<FileStorage, 'offsetOf'>;
  expirySeconds: number;
  finishUpload: FinishUpload;
  rejectUpload: RejectUpload;
  policyOf: PolicyOf;
  shareSmall: ShareSmall;
  gatherBody: GatherBody;
  locker: UploadLocker;
  appendPatch: AppendPatch;
  now(): number;
};

/**
 * `find`: the upload, and `fresh` where it is that. All in one function, as far as it waits for the body: there may be thousands of
 * them.
 */
export async function patchUpload(
  needs: PatchNeeds,
  ctx: TusContext,
  find: () => Promise<UploadRecord>,
  fresh: FreshUpload | null = null,
): Promise<void> {
  const upload = await find();
  // "The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL".
  if (isFinal(upload)) throw new Failure('forbidden', 'A final upload takes no bytes but those of its parts.');
  checkBodyType(ctx.req);
  checkChecksumHeader(ctx.req);
  const offset = readInteger(ctx.req, 'upload-offset');
  if (offset === null) throw new Failure('invalid-request', 'Upload-Offset is missing.');
  checkAlive(upload);
  const declaredBytes = readInteger(ctx.req, 'upload-length');
  checkLength(upload, declaredBytes);
  if (upload.state !== 'open') {
    if (offset !== upload.sizeBytes) throw conflict(upload.sizeBytes ?? 0);
    return answerWritten(needs, ctx, offset, await finishedInTime(needs.finishUpload(upload.id)));
  }
  try {
    const call = { incoming: ctx.req, headers: ctx.req.headers, upload, offset, declaredBytes };
    const isSmall = await comesWhole(needs, ctx.req, upload, offset);
    const written = await (isSmall ? writeWhole(needs, call, fresh) : needs.appendPatch(call));
    answerWritten(needs, ctx, written.offset, written.fileId);
  } catch (error) {
    const code = error instanceof Failure ? error.code : null;
    if (code === 'offset-conflict') throw conflict(await offsetNow(needs, upload));
    const current = await needs.uploads.find(upload.id);
    // Of a length that is still deferred: no later request could make this file small enough.
    if (code === 'file-too-large' && current?.sizeBytes === null) await needs.rejectUpload(current, error as Failure);
    // It was finished or ended between our look and the lock: answer by what it is now.
    if (code !== 'gone' || current === null || current.state === 'open') throw error;
    await patchUpload(needs, ctx, async () => current);
  }
}

/** A length is declared once; a client whose declaring request was cut says the same again, and is right. */
function checkLength(upload: UploadRecord, declared: number | null): void {
  if (declared === null || upload.sizeBytes === null || declared === upload.sizeBytes) return;
  throw new Failure('invalid-request', 'Upload-Length cannot be changed.');
}

type SmallCall = PatchCall & { incoming: IncomingMessage };

/** Whether it comes in one body, and small enough to be taken into memory. */
async function comesWhole(
  needs: PatchNeeds,
  req: IncomingMessage,
  upload: UploadRecord,
  offset: number,
): Promise<boolean> {
  const { sizeBytes, concat, company } = upload;
  const isWhole = offset === 0 && isUnplaced(upload) && concat === null && bringsAll(req, sizeBytes);
  return isWhole && needs.shareSmall.takes(sizeBytes, await needs.policyOf(company));
}

function writeWhole(needs: PatchNeeds, call: SmallCall, fresh: FreshUpload | null): Promise<Patched> {
  // All of it comes in this body.
  const sizeBytes = call.upload.sizeBytes as number;
  // The lock is taken when all is here: what another request waits for then is no network.
  return needs.gatherBody(call.incoming, sizeBytes, async (gathered) => {
    const fileId = 'bytes' in gathered ? await completeAlone(needs, call.upload, fresh, gathered.bytes) : null;
    if (fileId === null) return needs.appendPatch({ ...call, incoming: bodyOf(gathered) });
    return { offset: sizeBytes, fileId };
  });
}

/** @returns null for what has to go the ordinary way */
function completeAlone(
  needs: PatchNeeds,
  upload: UploadRecord,
  fresh: FreshUpload | null,
  bytes: Buffer,
): Promise<number | null> {
  return withLock(needs.locker, upload.id, async () => {
    // Bytes of a request before this one, or a place for them: append-patch knows what to do.
    if (!fresh?.isUntouched() && (await needs.storage.offsetOf(upload.id)) !== null) return null;
    return needs.shareSmall.complete(upload, bytes);
  });
}

async function offsetNow({ storage }: PatchNeeds, upload: UploadRecord): Promise<number> {
  return (await storage.offsetOf(upload.id)) ?? (isUnplaced(upload) ? 0 : (upload.sizeBytes ?? 0));
}

function answerWritten(needs: PatchNeeds, ctx: TusContext, offset: number, fileId: number | null): void {
  ctx.status = 204;
  ctx.set('Upload-Offset', String(offset));
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, needs.now() + needs.expirySeconds * 1000);
}

/** "If the offsets do not match, the Server MUST respond with the 409 Conflict status"; with the true one, to save a HEAD. */
function conflict(offset: number): Failure {
  const detail = `The upload stands at ${offset}. Go on from there.`;
  return new Failure('offset-conflict', detail, { headers: { 'Upload-Offset': String(offset) } });
}
