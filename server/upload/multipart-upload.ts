/** `POST /api/chat/upload/`: the original API's upload in one request, over the same use cases as tus. */

import type { IncomingMessage } from 'node:http';
import type { ChatFile } from '../contract/chat-file.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import type { Participant } from '../rules/participant.ts';
import { tooLarge } from '../rules/refusals.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import type { AcceptUpload } from '../sharing/accept-upload.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import { type GiveUpFinish, sendAgain } from '../sharing/give-up-finish.ts';
import type { PresentFile } from '../sharing/present-file.ts';
import type { SettleUpload } from '../sharing/settle-upload.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { UploadLocker } from './locker.ts';
import { type Fields, readFields, type Said } from './multipart-fields.ts';
import { type FilePart, MAX_AROUND_FILE_BYTES, readMultipart } from './read-multipart.ts';
import { Stop, stopWith } from './stop.ts';
import type { WriteBody } from './write-body.ts';
import { IDLE_TIMEOUT_MS } from './write-body.ts';

type Needs = {
  policyOf: PolicyOf;
  uploads: Pick<UploadTable, 'find'>;
  files: Pick<ChatFileTable, 'find'>;
  storage: Pick<FileStorage, 'create'>;
  locker: UploadLocker;
  acceptUpload: AcceptUpload;
  writeBody: WriteBody;
  settleUpload: SettleUpload;
  finishUpload: FinishUpload;
  abortUpload: AbortUpload;
  giveUpFinish: GiveUpFinish;
  presentFile: PresentFile;
  /** Aborts when the server shuts down: the upload ends and leaves nothing. */
  draining: AbortSignal;
};

/** An upload whose file part has begun: its row, and what ends our hold on it. */
type Taken = { upload: UploadRecord; part: FilePart; receivedBytes: number; unlock(): Promise<void> };

/** @throws {Failure} whatever is wrong with the request or the file; nothing of it stays then */
export type MultipartUpload = (caller: Participant, request: IncomingMessage, address: string) => Promise<ChatFile>;

/**
 * The row is reserved when the file's part begins, of unknown length, and in no session yet if that is to be named after
 * the file. The bytes go the way of a tus body. Only when the whole request is here is the row settled, and finished like
 * any other: until then there is nothing that a restart, a sweep or another client could go on with.
 */
export function createMultipartUpload(needs: Needs): MultipartUpload {
  return async (caller, request, address) => {
    const { maxFileSizeBytes } = await needs.policyOf(caller.company);
    checkLength(maxFileSizeBytes, request);
    let taken: Taken | undefined;
    try {
      const fields = await readMultipart(request, {
        maxBytes: maxFileSizeBytes + MAX_AROUND_FILE_BYTES,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
        stopping: needs.draining,
        takeFile: async (part, before, cut) => {
          const stop = stopWith(cut);
          const userAgent = request.headers['user-agent'];
          taken = await take(needs, { caller, address, userAgent }, part, before, stop);
          await write(needs, taken, maxFileSizeBytes, stop);
        },
      });
      // Without a file `readMultipart` throws.
      const { upload, part, receivedBytes } = taken as unknown as Taken;
      if (part.name === undefined && receivedBytes === 0) throw new Failure('invalid-request', 'No file was chosen.');
      await needs.settleUpload(caller, upload, withPart(readFields(caller, fields), part), receivedBytes);
      return await present(needs, await finishNow(needs, upload.id));
    } catch (error) {
      // Whatever the reason, nobody can go on with it. What was settled, finished or refused is not open any more.
      if (taken !== undefined) await needs.abortUpload(taken.upload, 'cancelled').catch(() => {});
      throw isPassing(error) ? sendAgain(error) : error;
    } finally {
      await taken?.unlock();
    }
  };
}

/** Refused by its announcement, when no file inside it could be small enough. */
function checkLength(maxFileSizeBytes: number, request: IncomingMessage): void {
  const announcedBytes = Number(request.headers['content-length'] ?? 0);
  if (announcedBytes > maxFileSizeBytes + MAX_AROUND_FILE_BYTES) throw tooLarge('', maxFileSizeBytes);
}

async function take(
  needs: Needs,
  { caller, ...client }: { caller: Participant; address: string; userAgent: string | undefined },
  part: FilePart,
  before: Fields,
  stop: Stop,
): Promise<Taken> {
  const said = withPart(readFields(caller, before), part);
  const nothingElse = { fileKey: undefined, sha256: undefined, metadata: null };
  const { id } = await needs.acceptUpload(caller, { ...said, ...nothingElse, ...client, oneRequest: true });
  const lock = needs.locker.newLock(id);
  const upload = (await needs.uploads.find(id)) as UploadRecord;
  await lock
    .lock(new Stop(), () => stop.abort())
    .catch(async (error: unknown) => {
      // The database is away. What was reserved would be held until it expires.
      await needs.abortUpload(upload, 'cancelled').catch(() => {});
      throw error;
    });
  // Others see how much there is to come; the row learns it when it is true.
  upload.sizeBytes = said.sizeBytes;
  return { upload, part, receivedBytes: 0, unlock: () => lock.unlock() };
}

/** What the fields say wins over what the part says. */
function withPart(said: Said, part: FilePart): Said {
  return { ...said, name: said.name ?? part.name, declaredType: said.declaredType ?? part.declaredType };
}

async function write(needs: Needs, taken: Taken, maxFileSizeBytes: number, stop: Stop): Promise<void> {
  const { upload, part } = taken;
  await needs.storage.create(upload.id);
  try {
    const body = { incoming: part.bytes, upload };
    taken.receivedBytes = await needs.writeBody(body, 0, maxFileSizeBytes, stop);
  } catch (error) {
    const isTooLarge = error instanceof Failure && error.code === 'file-too-large';
    throw isTooLarge ? tooLarge(upload.name, maxFileSizeBytes) : error;
  }
}

/**
 * A finish that fails for the moment is not owed here: the client has no URL to ask at, so it will send the file again,
 * and the chat would get it twice.
 */
async function finishNow({ finishUpload, giveUpFinish }: Needs, uploadId: string): Promise<number> {
  try {
    return await finishUpload(uploadId);
  } catch (error) {
    if (!isPassing(error)) throw error;
    return giveUpFinish(uploadId, error);
  }
}

function isPassing(error: unknown): error is Failure {
  return error instanceof Failure && (error.code === 'try-again' || error.code === 'scanner-unavailable');
}

async function present({ files, presentFile }: Needs, fileId: number): Promise<ChatFile> {
  const file = await files.find(fileId);
  if (file === null) throw new Failure('gone', 'The file was shared, and removed at once.');
  return presentFile(file);
}
