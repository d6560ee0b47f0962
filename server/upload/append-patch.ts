/** What a PATCH does to an open upload: the lock, where it stands, its length, the bytes, and the finish behind the last one. */
import type { IncomingHttpHeaders } from 'node:http';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { isPartial } from '../rules/upload-concat.ts';
import { isUnplaced } from '../rules/upload-place.ts';
import type { FinishPartial } from '../sharing/finish-partial.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import type { ReserveBytes } from '../sharing/reserve-bytes.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { UploadLocker } from './locker.ts';
import { Stop } from './stop.ts';
import { finishedInTime } from './tus-answers.ts';
import type { IncomingBody, WriteBody } from './write-body.ts';

type Needs = {
  policyOf: PolicyOf;
  locker: UploadLocker;
  uploads: Pick<UploadTable, 'find'>;
  reserveBytes: Pick<ReserveBytes, 'forLength'>;
  storage: Pick<FileStorage, 'create' | 'offsetOf'>;
  writeBody: WriteBody;
  finishUpload: FinishUpload;
  finishPartial: FinishPartial;
};

/** `offset` and `declaredBytes` as the request's headers say; the caller's right to the upload was looked at. */
export type PatchCall = IncomingBody & {
  headers: IncomingHttpHeaders;
  offset: number;
  declaredBytes: number | null;
};
export type Patched = { offset: number; fileId: number | null };

/**
 * Ours beside @tus/server, which makes web requests, headers, abort controllers and an exception for each PATCH: a file in
 * pieces of 8 MiB brings hundreds. @throws {Failure} `offset-conflict`, `gone`, `file-too-large`, `try-again`, …
 */
export type AppendPatch = (call: PatchCall) => Promise<Patched>;

export function createAppendPatch(needs: Needs): AppendPatch {
  return async (call) => {
    const { maxFileSizeBytes } = await needs.policyOf(call.upload.company);
    const stop = new Stop();
    const lock = needs.locker.newLock(call.upload.id);
    await lock.lock(stop, () => stop.abort());
    const { upload } = call;
    let offset: number;
    try {
      // What requests before this one did while it waited for the lock: a length declared, a finish, a refusal.
      await standAt(needs, call);
      await declareLength(needs, call, upload, maxFileSizeBytes);
      const maxBytes = bodyLimit(call, upload, maxFileSizeBytes);
      offset = await needs.writeBody({ incoming: call.incoming, upload }, call.offset, maxBytes, stop);
    } finally {
      await lock.unlock();
    }
    if (offset !== upload.sizeBytes) return { offset, fileId: null };
    if (!isPartial(upload)) return { offset, fileId: await finishedInTime(needs.finishUpload(upload.id)) };
    await needs.finishPartial(upload.id);
    return { offset, fileId: null };
  };
}

/** "If the offsets do not match, the Server MUST respond with the 409 Conflict status without modifying the upload resource." */
async function standAt({ uploads, storage }: Needs, { upload, ...call }: PatchCall): Promise<void> {
  const { id } = upload;
  const current = await uploads.find(id);
  if (current?.state !== 'open') throw ended();
  // Not beside it: both would be held for as long as the body takes.
  Object.assign(upload, current);
  let offset = await storage.offsetOf(id);
  if (offset === null && isUnplaced(upload)) {
    // The place of an upload that was created without bytes is made for its first ones.
    await storage.create(id, upload.sizeBytes);
    offset = 0;
  }
  if (offset === null) throw ended();
  if (offset !== call.offset)
    throw new Failure(
      'offset-conflict',
      'Upload-Offset is not where the upload stands. Ask with HEAD and go on from there.',
    );
}

/** "Once set the value MUST NOT change": said again with the same value it is no change. */
async function declareLength(
  { reserveBytes }: Needs,
  { declaredBytes, offset }: PatchCall,
  upload: UploadRecord,
  maxFileSizeBytes: number,
): Promise<void> {
  if (declaredBytes === null || declaredBytes === upload.sizeBytes) return;
  if (upload.sizeBytes !== null || declaredBytes < offset) throw wrongLength();
  if (declaredBytes > maxFileSizeBytes)
    throw new Failure('file-too-large', 'The file is larger than the limit. Choose a smaller one.');
  if (!(await reserveBytes.forLength(upload.id, declaredBytes))) throw wrongLength();
  upload.sizeBytes = declaredBytes;
  upload.reservedBytes = declaredBytes;
}

/** How many bytes this body may bring. Without a Content-Length as many as are missing. */
function bodyLimit({ headers, offset }: PatchCall, { sizeBytes }: UploadRecord, maxFileSizeBytes: number): number {
  const announced = headers['content-length'];
  const most = (sizeBytes ?? maxFileSizeBytes) - offset;
  if (Number(announced ?? 0) > most)
    throw new Failure('file-too-large', 'The request brings more bytes than the upload announced.');
  return sizeBytes === null || announced === undefined ? most : Number(announced);
}

function ended(): Failure {
  return new Failure('gone', 'This upload has ended. Start it again.');
}

function wrongLength(): Failure {
  return new Failure('invalid-request', 'Upload-Length cannot be changed, and cannot be less than what is uploaded.');
}
