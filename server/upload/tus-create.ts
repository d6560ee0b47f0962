/** POST: makes an upload, with its first bytes if there are any. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { freshRecord, type NewUpload, type UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import type { AcceptPartial } from '../sharing/accept-partial.ts';
import type { AnnouncedUpload, AnnounceUpload, ReserveUpload } from '../sharing/accept-upload.ts';
import type { GiveUpFinish } from '../sharing/give-up-finish.ts';
import { isRefusal } from '../sharing/reject-upload.ts';
import type { ShareSmall } from '../sharing/share-small.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { FreshUploads } from './fresh-uploads.ts';
import { bodyOf, type GatherBody } from './gather-body.ts';
import { setExpires, type TusContext } from './tus-answers.ts';
import { checkChecksumHeader } from './tus-checksum.ts';
import { type CreateFinalNeeds, createFinal } from './tus-create-final.ts';
import {
  bringsAll,
  checkBodyType,
  describeFile,
  hasBody,
  readConcat,
  readLength,
  readMetadata,
} from './tus-headers.ts';
import type { TusLibrary } from './tus-library.ts';

export type CreateNeeds = CreateFinalNeeds & {
  /** Without the last slash. */
  path: string;
  uploads: Pick<UploadTable, 'find'>;
  storage: Pick<FileStorage, 'offsetOf'>;
  announceUpload: AnnounceUpload;
  reserveUpload: ReserveUpload;
  acceptPartial: AcceptPartial;
  abortUpload: AbortUpload;
  giveUpFinish: GiveUpFinish;
  shareSmall: ShareSmall;
  gatherBody: GatherBody;
  freshUploads: Pick<FreshUploads, 'note'>;
  library: TusLibrary;
};

/** `offset`: null where the creation brought no bytes. */
type Created = { offset: number | null; fileId: number | null };

export async function createUpload(needs: CreateNeeds, ctx: TusContext): Promise<void> {
  const { req } = ctx;
  const concat = readConcat(req, needs.path);
  if (concat.kind === 'final') return createFinal(needs, ctx, concat);
  const request = describeFile(readMetadata(req), readLength(req), ctx);
  if (hasBody(req)) {
    checkBodyType(req);
    checkChecksumHeader(req);
  }
  const { caller } = ctx.state;
  if (concat.kind === 'partial') {
    const reserved = await needs.acceptPartial(caller, request, concat.raw);
    return answerCreated(needs, ctx, reserved, await createWithBody(needs, req, req, reserved));
  }
  const announced = await needs.announceUpload(caller, request);
  answerCreated(needs, ctx, announced.upload, await createWhole(needs, req, announced));
}

function answerCreated(needs: CreateNeeds, ctx: TusContext, upload: NewUpload, { offset, fileId }: Created): void {
  ctx.status = 201;
  ctx.body = '';
  ctx.set('Location', `${needs.path}/${upload.id}`);
  if (offset !== null) ctx.set('Upload-Offset', String(offset));
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, upload.expiresAt);
}

async function createWhole(needs: CreateNeeds, req: IncomingMessage, announced: AnnouncedUpload): Promise<Created> {
  const { upload, policy } = announced;
  const { sizeBytes } = upload;
  if (sizeBytes !== 0 && !hasBody(req)) {
    // Its bytes get a place when they come.
    const reserved = await needs.reserveUpload(announced);
    if (needs.shareSmall.takes(sizeBytes, policy)) needs.freshUploads.note(freshRecord(reserved));
    return { offset: null, fileId: null };
  }
  const streamed = async (body: Readable) => createWithBody(needs, req, body, await needs.reserveUpload(announced));
  if (!bringsAll(req, sizeBytes) || !needs.shareSmall.takes(sizeBytes, policy)) return streamed(req);
  return needs.gatherBody(req, sizeBytes, async (gathered) => {
    const fileId = 'bytes' in gathered ? await needs.shareSmall.create(announced, gathered.bytes) : null;
    return fileId === null ? streamed(bodyOf(gathered)) : { offset: sizeBytes, fileId };
  });
}

async function createWithBody(
  needs: CreateNeeds,
  { headers }: IncomingMessage,
  incoming: Readable,
  reserved: NewUpload,
): Promise<Created> {
  const upload = freshRecord(reserved);
  try {
    return await needs.library({ incoming, headers, upload });
  } catch (error) {
    const stillOpen = (await needs.uploads.find(reserved.id))?.state === 'open';
    // Of a body that is longer than announced the upload would survive, but this client never learns its URL.
    if (isRefusal(error) && stillOpen) await needs.abortUpload(upload, 'cancelled');
    if (isRefusal(error)) throw error;
    // 503 is promised for this one; and a client that is told so creates it again.
    if (error instanceof Failure && error.code === 'scanner-unavailable')
      return { offset: reserved.sizeBytes, fileId: await needs.giveUpFinish(reserved.id, error) };
    // Interrupted, or only the finish is owed. A client that heard of a fault would create a second upload, and the
    // file would be shared twice; 201 with the offset makes it go on with this one. Not when it failed before there was
    // a place for its bytes (nobody knows who writes, while the database is away): then there is nothing to go on with.
    const passing = error instanceof Failure && (error.code === 'try-again' || error.code === 'shutting-down');
    const stored = passing ? await needs.storage.offsetOf(reserved.id) : null;
    const offset = stored ?? (passing && !stillOpen ? reserved.sizeBytes : null);
    if (offset !== null) return { offset, fileId: null };
    await needs.abortUpload(upload, 'cancelled');
    throw error;
  }
}
