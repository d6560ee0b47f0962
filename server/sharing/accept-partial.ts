/** May this partial upload start? It is no file yet, so only what it could take from others is limited. */
import type { Database } from '../database/open-database.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { NewUpload, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import type { FilePolicy } from '../rules/file-policy.ts';
import { chooseSessionSoFar, type Participant, participantKey } from '../rules/participant.ts';
import { tooLarge } from '../rules/refusals.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { checkRoom } from './check-room.ts';
import { newUpload, tooManyPending, type UploadRequest } from './new-upload.ts';

type Needs = {
  database: Database;
  uploads: Pick<UploadTable, 'insert' | 'countPending'>;
  parts: Pick<UploadPartTable, 'sumOpenBytes'>;
  policy: FilePolicy;
  storage: Pick<FileStorage, 'freeBytes'>;
  maxPendingUploads: number;
  expirySeconds: number;
  /** Counts one partial upload, and looks whether a file may follow. @throws {Failure} `rate-limited` */
  countPartial(key: string): Promise<void>;
  now(): number;
};

/**
 * What one user's open partial uploads may announce together, in files of the largest size: as much as ten uploads at a
 * time. One of deferred length counts as a whole file. Each is also one of the user's pending uploads, so that nobody gains
 * storage by taking a file apart.
 */
const MAX_OPEN_FILES = 10;

/** The reserved upload. @throws {Failure} `invalid-request`, `forbidden`, `file-too-large`, `rate-limited` */
export type AcceptPartial = (caller: Participant, request: UploadRequest, concat: string) => Promise<NewUpload>;

export function createAcceptPartial(needs: Needs): AcceptPartial {
  const { maxFileSizeBytes } = needs.policy;
  return async (caller, request, concat) => {
    const session = chooseSessionSoFar(caller, request);
    const createdAt = needs.now();
    const expiresAt = createdAt + needs.expirySeconds * 1000;
    const upload = newUpload(caller, request, { session, concat, createdAt, expiresAt });
    if ((upload.sizeBytes ?? 0) > maxFileSizeBytes) throw tooLarge(upload.name, maxFileSizeBytes);
    await checkRoom(needs.storage, upload.sizeBytes ?? 0);
    await needs.countPartial(participantKey(caller));
    await needs.database.transaction(async (transaction) => {
      await needs.uploads.insert(transaction, upload);
      if ((await needs.uploads.countPending(transaction, upload)) > needs.maxPendingUploads)
        throw tooManyPending(needs.maxPendingUploads);
      const openBytes = await needs.parts.sumOpenBytes(transaction, upload, maxFileSizeBytes);
      if (openBytes > MAX_OPEN_FILES * maxFileSizeBytes) throw tooManyBytes();
    });
    return upload;
  };
}

function tooManyBytes(): Failure {
  const detail = 'The parts of your unfinished uploads take too much room together. Finish or cancel some first.';
  return new Failure('rate-limited', detail, { retryAfterSeconds: 60 });
}
