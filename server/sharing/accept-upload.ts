/** May this upload start? Checks what is declared and reserves the upload's row before any byte is taken. */

import type { Runner } from '../database/statement.ts';
import type { NewUpload } from '../database/upload-table.ts';
import { bytesToReserve } from '../rules/allowance.ts';
import { filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { checkDeclared } from '../rules/file-policy.ts';
import { chooseSession, chooseSessionSoFar, type Participant } from '../rules/participant.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { checkRoom } from './check-room.ts';
import type { CheckScanner } from './check-scanner.ts';
import { newUpload, type UploadRequest } from './new-upload.ts';
import type { RefuseKnownBad } from './refuse-known-bad.ts';
import type { ReserveBytes } from './reserve-bytes.ts';

type Needs = {
  runner: Pick<Runner, 'transact'>;
  reserveBytes: Pick<ReserveBytes, 'forNew'>;
  policyOf: PolicyOf;
  checkScanner: CheckScanner;
  expirySeconds: number;
  storage: Pick<FileStorage, 'freeBytes'>;
  /** Counts one creation of a user and an address. @throws {Failure} `rate-limited` */
  countCreation(caller: Participant, address: string): Promise<void>;
  refuseKnownBad: RefuseKnownBad;
  /** Names this process: what comes in one request ends with it. */
  holder: string;
  now(): number;
};

/**
 * The reserved upload. @throws {Failure} `invalid-request`, `forbidden`, `file-too-large`, `type-not-allowed`,
 * `executable`, `storage-full`, `rate-limited`, `infected`, `quota-exceeded`, `scanner-unavailable`
 */
export type AcceptUpload = (caller: Participant, request: UploadRequest) => Promise<NewUpload>;

export function createAcceptUpload(needs: Needs): AcceptUpload {
  return async (caller, request) => {
    const session = request.oneRequest ? chooseSessionSoFar(caller, request) : chooseSession(caller, request);
    const policy = await needs.policyOf(caller.company);
    needs.checkScanner(policy);
    const createdAt = needs.now();
    const expiresAt = createdAt + needs.expirySeconds * 1000;
    const reservedBytes = bytesToReserve(request.sizeBytes, 0, policy.maxFileSizeBytes);
    const holder = request.oneRequest ? needs.holder : null;
    const facts = { session, reservedBytes, concat: null, holder, createdAt, expiresAt };
    const upload = newUpload(caller, request, facts);
    checkDeclared({ ...upload, sizeBytes: request.sizeBytes }, filePolicyOf(policy, upload.uploader));
    await checkRoom(needs.storage, request.sizeBytes ?? 0);
    await needs.countCreation(caller, request.address);
    await needs.refuseKnownBad(upload.sha256);
    await needs.runner.transact(() => needs.reserveBytes.forNew(upload, policy));
    return upload;
  };
}
