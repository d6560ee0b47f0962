/** May this upload start? Checks what is declared, and reserves the upload's row. */

import type { Runner } from '../database/statement.ts';
import type { NewUpload } from '../database/upload-table.ts';
import { bytesToReserve } from '../rules/allowance.ts';
import { type CompanyPolicy, filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { checkDeclared } from '../rules/file-policy.ts';
import { chooseSession, chooseSessionSoFar, type Participant } from '../rules/participant.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { checkRoom } from './check-room.ts';
import type { CheckScanner } from './check-scanner.ts';
import { newUpload, type UploadRequest } from './new-upload.ts';
import type { RefuseKnownBad } from './refuse-known-bad.ts';
import type { ReserveBytes } from './reserve-bytes.ts';

type ReserveNeeds = { runner: Pick<Runner, 'transact'>; reserveBytes: Pick<ReserveBytes, 'forNew'> };

type Needs = {
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

/** May begin, as far as that is known without its row: checked, and counted as a creation. `policy`: by which it was. */
export type AnnouncedUpload = { upload: NewUpload; policy: CompanyPolicy };

/**
 * @throws {Failure} `invalid-request`, `forbidden`, `file-too-large`, `type-not-allowed`, `executable`, `storage-full`,
 * `rate-limited`, `infected`, `scanner-unavailable`
 */
export type AnnounceUpload = (caller: Participant, request: UploadRequest) => Promise<AnnouncedUpload>;
/** Its row. @throws {Failure} `rate-limited`, `quota-exceeded`; nothing of it is left then */
export type ReserveUpload = (announced: AnnouncedUpload) => Promise<NewUpload>;
/** The reserved upload. @throws {Failure} as both of these */
export type AcceptUpload = (caller: Participant, request: UploadRequest) => Promise<NewUpload>;

export function createAcceptUpload(announce: AnnounceUpload, reserve: ReserveUpload): AcceptUpload {
  return async (caller, request) => reserve(await announce(caller, request));
}

export function createAnnounceUpload(needs: Needs): AnnounceUpload {
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
    return { upload, policy };
  };
}

export function createReserveUpload({ runner, reserveBytes }: ReserveNeeds): ReserveUpload {
  return async ({ upload, policy }) => {
    await runner.transact(() => reserveBytes.forNew(upload, policy));
    return upload;
  };
}
