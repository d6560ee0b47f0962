/** May this upload start? Checks what is declared and reserves the upload's row before any byte is taken. */

import type { NewUpload, UploadTable } from '../database/upload-table.ts';
import { checkDeclared, type FilePolicy } from '../rules/file-policy.ts';
import { chooseSession, chooseSessionSoFar, type Participant, participantKey } from '../rules/participant.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { checkRoom } from './check-room.ts';
import { newUpload, tooManyPending, type UploadRequest } from './new-upload.ts';

type Needs = {
  uploads: Pick<UploadTable, 'reserve'>;
  policy: FilePolicy;
  maxPendingUploads: number;
  expirySeconds: number;
  storage: Pick<FileStorage, 'freeBytes'>;
  /** Counts one creation of a user. @throws {Failure} `rate-limited` */
  countCreation(key: string): Promise<void>;
  now(): number;
};

/**
 * The reserved upload. @throws {Failure} `invalid-request`, `forbidden`, `file-too-large`, `type-not-allowed`,
 * `executable`, `storage-full`, `rate-limited`
 */
export type AcceptUpload = (caller: Participant, request: UploadRequest) => Promise<NewUpload>;

export function createAcceptUpload(needs: Needs): AcceptUpload {
  return async (caller, request) => {
    const session = request.oneRequest ? chooseSessionSoFar(caller, request) : chooseSession(caller, request);
    const createdAt = needs.now();
    const expiresAt = createdAt + needs.expirySeconds * 1000;
    const upload = newUpload(caller, request, { session, concat: null, createdAt, expiresAt });
    checkDeclared({ ...upload, sizeBytes: request.sizeBytes }, needs.policy);
    await checkRoom(needs.storage, request.sizeBytes ?? 0);
    await needs.countCreation(participantKey(caller));
    if (await needs.uploads.reserve(upload, needs.maxPendingUploads)) return upload;
    throw tooManyPending(needs.maxPendingUploads);
  };
}
