/** May this partial upload start? It is no file yet, so only what it could take from others is limited. */
import type { Runner } from '../database/statement.ts';
import type { NewUpload } from '../database/upload-table.ts';
import { bytesToReserve } from '../rules/allowance.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import { chooseSessionSoFar, type Participant } from '../rules/participant.ts';
import { tooLarge } from '../rules/refusals.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { checkRoom } from './check-room.ts';
import type { CheckScanner } from './check-scanner.ts';
import { newUpload, type UploadRequest } from './new-upload.ts';
import type { ReserveBytes } from './reserve-bytes.ts';

type Needs = {
  runner: Pick<Runner, 'transact'>;
  reserveBytes: Pick<ReserveBytes, 'forNew'>;
  policyOf: PolicyOf;
  checkScanner: CheckScanner;
  storage: Pick<FileStorage, 'freeBytes'>;
  expirySeconds: number;
  /** Counts one partial upload, and looks whether a file may follow. @throws {Failure} `rate-limited` */
  countPartial(caller: Participant, address: string): Promise<void>;
  now(): number;
};

/** The reserved upload. @throws {Failure} `invalid-request`, `forbidden`, `file-too-large`, `rate-limited`, `quota-exceeded`, `scanner-unavailable` */
export type AcceptPartial = (caller: Participant, request: UploadRequest, concat: string) => Promise<NewUpload>;

export function createAcceptPartial(needs: Needs): AcceptPartial {
  return async (caller, request, concat) => {
    const policy = await needs.policyOf(caller.company);
    needs.checkScanner(policy);
    const { maxFileSizeBytes } = policy;
    const session = chooseSessionSoFar(caller, request);
    const createdAt = needs.now();
    const expiresAt = createdAt + needs.expirySeconds * 1000;
    // A part is one of the user's pending uploads like others, so nobody gains room by taking a file apart.
    const reservedBytes = bytesToReserve(request.sizeBytes, 0, maxFileSizeBytes);
    const upload = newUpload(caller, request, { session, reservedBytes, concat, holder: null, createdAt, expiresAt });
    if ((upload.sizeBytes ?? 0) > maxFileSizeBytes) throw tooLarge(upload.name, maxFileSizeBytes);
    await checkRoom(needs.storage, upload.sizeBytes ?? 0);
    await needs.countPartial(caller, request.address);
    await needs.runner.transact(() => needs.reserveBytes.forNew(upload, policy));
    return upload;
  };
}
