/** The tus 1.0.0 endpoint: one function for each verb, over the use cases. */
import type { IncomingMessage } from 'node:http';
import type { Locker } from '@tus/utils';
import type { Middleware, ParameterizedContext } from 'koa';
import type { NewUpload, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { isUploader, type Participant } from '../rules/participant.ts';
import { isUploadId } from '../rules/upload-id.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import type { AcceptUpload } from '../sharing/accept-upload.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import { isRefusal, type RejectUpload, storedRefusal } from '../sharing/reject-upload.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { withLock } from './locker.ts';
import {
  checkBodyType,
  checkVersion,
  hasBody,
  readInteger,
  readLength,
  readMetadata,
  TUS_EXTENSIONS,
  TUS_VERSION,
} from './tus-headers.ts';
import type { TusLibrary } from './tus-library.ts';

type Needs = {
  /** Without the last slash. */
  path: string;
  maxFileSizeBytes: number;
  uploads: UploadTable;
  storage: Pick<FileStorage, 'offsetOf'>;
  expirySeconds: number;
  acceptUpload: AcceptUpload;
  finishUpload: FinishUpload;
  abortUpload: AbortUpload;
  rejectUpload: RejectUpload;
  library: TusLibrary;
  locker: Locker;
  now(): number;
};

type Context = ParameterizedContext<{ caller: Participant }>;

/** The verbs as middleware; `id` of the route is the upload's. The caller is authenticated before, but for OPTIONS. */
export type TusEndpoint = { options: Middleware; create: Middleware; upload: Middleware };

export function createTusEndpoint(needs: Needs): TusEndpoint {
  return {
    options: async (ctx) => {
      ctx.status = 204;
      ctx.set({ 'Tus-Resumable': TUS_VERSION, 'Tus-Version': TUS_VERSION, 'Tus-Extension': TUS_EXTENSIONS.join(',') });
      ctx.set('Tus-Max-Size', String(needs.maxFileSizeBytes));
    },
    create: async (ctx) => {
      ctx.set('Tus-Resumable', TUS_VERSION);
      checkVersion(ctx.req);
      await create(needs, ctx as unknown as Context);
    },
    upload: async (ctx) => {
      ctx.set('Tus-Resumable', TUS_VERSION);
      checkVersion(ctx.req);
      const { caller } = ctx.state as { caller: Participant };
      const id = String(ctx.params.id);
      const upload = await findOwn(needs, caller, id);
      const verb = VERBS.get(verbOf(ctx.req));
      if (verb === undefined)
        throw new Failure('method-not-allowed', undefined, { headers: { Allow: 'HEAD, PATCH, DELETE, OPTIONS' } });
      await verb(needs, ctx as unknown as Context, upload);
    },
  };
}

const VERBS = new Map([
  ['HEAD', head],
  ['PATCH', patch],
  ['DELETE', terminate],
]);

/** "The X-HTTP-Method-Override request header MUST be […] interpreted as the request's method by the Server, if presented." */
function verbOf({ method, headers }: IncomingMessage): string {
  return String(headers['x-http-method-override'] ?? method).toUpperCase();
}

/** Somebody else's upload is as good as none: 404 on every verb. */
async function findOwn({ uploads }: Needs, caller: Participant, id: string): Promise<UploadRecord> {
  const upload = isUploadId(id) ? await uploads.find(id) : null;
  if (upload === null || !isUploader(caller, upload)) throw new Failure('not-found', 'There is no such upload.');
  return upload;
}

async function create(needs: Needs, ctx: Context): Promise<void> {
  const { req } = ctx;
  if (req.headers['upload-concat'] !== undefined)
    throw new Failure('invalid-request', 'Concatenation is not offered here.');
  const sizeBytes = readLength(req);
  const metadata = readMetadata(req);
  if (hasBody(req)) checkBodyType(req);
  const reserved = await needs.acceptUpload(ctx.state.caller, {
    sizeBytes,
    metadata: metadata.raw,
    company: metadata.get('company_id'),
    session: metadata.get('session_id'),
    name: metadata.get('filename', 'name'),
    declaredType: metadata.get('filetype', 'type'),
    fileKey: metadata.get('file_key'),
    sha256: metadata.get('sha256'),
  });
  const { offset, fileId } = await createWithBody(needs, req, reserved);
  ctx.status = 201;
  ctx.body = '';
  ctx.set('Location', `${needs.path}/${reserved.id}`);
  if (offset !== null) ctx.set('Upload-Offset', String(offset));
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, reserved.expiresAt);
}

async function createWithBody(
  needs: Needs,
  req: IncomingMessage,
  reserved: NewUpload,
): Promise<{ offset: number | null; fileId: number | null }> {
  const upload = (await needs.uploads.find(reserved.id)) as UploadRecord;
  try {
    return await needs.library({ incoming: req, method: 'POST', upload });
  } catch (error) {
    const stillOpen = (await needs.uploads.find(reserved.id))?.state === 'open';
    // Of a body that is longer than announced the upload would survive, but this client never learns its URL.
    if (isRefusal(error) && stillOpen) await needs.abortUpload(upload, 'cancelled');
    if (isRefusal(error)) throw error;
    // Interrupted, or only the finish is owed. A client that heard of a fault would create a second upload, and the
    // file would be shared twice; 201 with the offset makes it go on with this one.
    const passing = error instanceof Failure && (error.code === 'try-again' || error.code === 'shutting-down');
    const offset = passing ? ((await needs.storage.offsetOf(reserved.id)) ?? reserved.sizeBytes) : null;
    if (offset !== null) return { offset, fileId: null };
    await needs.abortUpload(upload, 'cancelled');
    throw error;
  }
}

async function patch(needs: Needs, ctx: Context, upload: UploadRecord): Promise<void> {
  checkBodyType(ctx.req);
  const offset = readInteger(ctx.req, 'upload-offset');
  if (offset === null) throw new Failure('invalid-request', 'Upload-Offset is missing.');
  checkAlive(upload);
  checkLength(upload, readInteger(ctx.req, 'upload-length'));
  if (upload.state === 'open') return patchOpen(needs, ctx, upload, offset);
  if (offset !== upload.sizeBytes) throw conflict(upload.sizeBytes ?? 0);
  answerWritten(needs, ctx, offset, await needs.finishUpload(upload.id));
}

/** A length is declared once; a client whose declaring request was cut says the same again, and is right. */
function checkLength(upload: UploadRecord, declared: number | null): void {
  if (declared === null || upload.sizeBytes === null || declared === upload.sizeBytes) return;
  throw new Failure('invalid-request', 'Upload-Length cannot be changed.');
}

async function patchOpen(needs: Needs, ctx: Context, upload: UploadRecord, offset: number): Promise<void> {
  try {
    const answer = await needs.library({ incoming: ctx.req, method: 'PATCH', upload });
    answerWritten(needs, ctx, answer.offset ?? offset, answer.fileId);
  } catch (error) {
    const code = error instanceof Failure ? error.code : null;
    if (code === 'offset-conflict') throw conflict((await needs.storage.offsetOf(upload.id)) ?? upload.sizeBytes ?? 0);
    const current = await needs.uploads.find(upload.id);
    // Of a length that is still deferred: no later request could make this file small enough.
    if (code === 'file-too-large' && current?.sizeBytes === null) await needs.rejectUpload(current, error as Failure);
    // It was finished or ended between our look and the library's: answer by what it is now.
    if (code === 'gone' && current !== null && current.state !== 'open') return patch(needs, ctx, current);
    throw error;
  }
}

function answerWritten(needs: Needs, ctx: Context, offset: number, fileId: number | null): void {
  ctx.status = 204;
  ctx.set('Upload-Offset', String(offset));
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, needs.now() + needs.expirySeconds * 1000);
}

/** 423 for whatever passes: a 5xx to HEAD makes tus-js-client throw the upload away and start from the first byte. */
async function head(needs: Needs, ctx: Context, upload: UploadRecord): Promise<void> {
  try {
    await answerHead(needs, ctx, upload);
  } catch (error) {
    if (isRefusal(error)) throw new Failure('gone', error.message);
    if (error instanceof Failure && error.status < 500) throw error;
    throw new Failure('try-again', 'The upload cannot be looked up right now.', { retryAfterSeconds: 2, cause: error });
  }
}

async function answerHead(needs: Needs, ctx: Context, upload: UploadRecord): Promise<void> {
  if (upload.state === 'rejected') throw new Failure('gone', storedRefusal(upload).message);
  checkAlive(upload);
  if (upload.state === 'open') {
    const offset = await withLock(needs.locker, upload.id, () => needs.storage.offsetOf(upload.id));
    // What the request before us did while we waited for the lock: a length declared, a finish, a refusal.
    const current = await needs.uploads.find(upload.id);
    if (current === null || (current.state === 'open' && offset === null))
      throw new Failure('gone', 'The bytes of this upload are gone. Start it again.');
    return current.state === 'open' ? answerOffset(needs, ctx, current, offset ?? 0) : answerHead(needs, ctx, current);
  }
  await answerOffset(needs, ctx, upload, upload.sizeBytes ?? 0);
}

async function answerOffset(needs: Needs, ctx: Context, upload: UploadRecord, offset: number): Promise<void> {
  const fileId = offset === upload.sizeBytes ? await needs.finishUpload(upload.id) : null;
  ctx.status = 200;
  ctx.body = '';
  ctx.set('Upload-Offset', String(offset));
  if (upload.sizeBytes === null) ctx.set('Upload-Defer-Length', '1');
  else ctx.set('Upload-Length', String(upload.sizeBytes));
  if (upload.metadata !== null) ctx.set('Upload-Metadata', upload.metadata);
  if (fileId !== null) ctx.set('Chat-File-Id', String(fileId));
  else setExpires(ctx, upload.expiresAt);
}

/** Ends the tus resource. A file that was shared stays: only `DELETE /api/chat/files/{id}/` removes it. */
async function terminate(needs: Needs, ctx: Context, upload: UploadRecord): Promise<void> {
  if (upload.state !== 'rejected') checkAlive(upload);
  if (upload.state === 'open' && (await withLock(needs.locker, upload.id, () => abortIncomplete(needs, upload)))) {
    ctx.status = 204;
    return;
  }
  if (upload.state !== 'rejected') {
    await needs.finishUpload(upload.id).catch((error) => {
      if (!isRefusal(error)) throw error;
    });
    await needs.uploads.end(upload.id, needs.now());
  }
  ctx.status = 204;
}

/** Once all bytes are here the finish has the word: stock Uppy sends DELETE when a page is torn down. */
async function abortIncomplete(needs: Needs, upload: UploadRecord): Promise<boolean> {
  const current = await needs.uploads.find(upload.id);
  const offset = await needs.storage.offsetOf(upload.id);
  if (current === null || (offset !== null && offset === current.sizeBytes)) return false;
  return needs.abortUpload(current, 'cancelled');
}

function checkAlive(upload: UploadRecord): void {
  if (upload.state === 'rejected') throw storedRefusal(upload);
  if (upload.state === 'aborted' || upload.endedAt !== null)
    throw new Failure('gone', 'This upload has ended. Start it again.');
  if (upload.state === 'expired') throw new Failure('gone', 'This upload has expired. Start it again.');
}

function conflict(offset: number): Failure {
  const detail = `The upload stands at ${offset}. Go on from there.`;
  return new Failure('offset-conflict', detail, { headers: { 'Upload-Offset': String(offset) } });
}

function setExpires(ctx: Context, expiresAt: number): void {
  ctx.set('Upload-Expires', new Date(expiresAt).toUTCString());
}
