/** May these partial uploads become a file? The policy is asked here: until now they were nobody's file. */
import type { Database } from '../database/open-database.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { NewUpload, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { type CompanyPolicy, filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { checkDeclared } from '../rules/file-policy.ts';
import { chooseSession, isUploader, type Participant } from '../rules/participant.ts';
import { isPartial } from '../rules/upload-concat.ts';
import { isUploadId } from '../rules/upload-id.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { checkRoom } from './check-room.ts';
import type { CheckScanner } from './check-scanner.ts';
import { newUpload, type UploadRequest } from './new-upload.ts';
import type { RefuseKnownBad } from './refuse-known-bad.ts';
import { isRefusal, type RejectUpload } from './reject-upload.ts';
import type { ReserveBytes } from './reserve-bytes.ts';

type Needs = {
  database: Database;
  uploads: Pick<UploadTable, 'find' | 'insert' | 'remove'>;
  parts: Pick<UploadPartTable, 'add' | 'findSameFinal'>;
  policyOf: PolicyOf;
  checkScanner: CheckScanner;
  storage: Pick<FileStorage, 'freeBytes'>;
  rejectUpload: RejectUpload;
  reserveBytes: Pick<ReserveBytes, 'forFinal'>;
  refuseKnownBad: RefuseKnownBad;
  expirySeconds: number;
  /** Counts one creation of a user: a parallel upload counts here, once. @throws {Failure} `rate-limited` */
  countCreation(caller: Participant, address: string): Promise<void>;
  now(): number;
};

/** The `Upload-Concat` header as it came, and the parts it names, in order. */
export type FinalRequest = { raw: string; partialIds: readonly string[] };

/**
 * The id of the final upload. A creation that is sent again, because its answer was lost, finds the one that is there:
 * otherwise the file would be shared twice. @throws {Failure} as `AcceptUpload` does, `not-found` for a part that is not
 * the caller's, `gone` for one that has ended
 */
export type AcceptFinal = (caller: Participant, request: UploadRequest, final: FinalRequest) => Promise<string>;

export function createAcceptFinal(needs: Needs): AcceptFinal {
  const { database, uploads, parts } = needs;
  return async (caller, request, { raw, partialIds }) => {
    const session = chooseSession(caller, request);
    const policy = await needs.policyOf(caller.company);
    needs.checkScanner(policy);
    const createdAt = needs.now();
    const facts = {
      session,
      reservedBytes: 0,
      concat: raw,
      holder: null,
      createdAt,
      expiresAt: createdAt + needs.expirySeconds * 1000,
    };
    const upload = newUpload(caller, request, facts);
    const earlier = await parts.findSameFinal(database, upload);
    if (earlier !== null) return earlier;
    upload.sizeBytes = sumOf(await findParts(needs, caller, partialIds), policy.maxFileSizeBytes);
    // The parts stay until they are joined.
    await checkRoom(needs.storage, Math.min(upload.sizeBytes ?? 0, policy.maxFileSizeBytes));
    await needs.countCreation(caller, request.address);
    const id = await database.transaction(async (transaction) => {
      await uploads.insert(transaction, upload);
      const same = await parts.findSameFinal(transaction, upload);
      if (same !== null) {
        await uploads.remove(transaction, upload.id);
        return same;
      }
      await parts.add(transaction, upload.id, partialIds);
      await needs.reserveBytes.forFinal(transaction, upload, policy);
      return upload.id;
    });
    if (id === upload.id) await checkPolicy(needs, upload, policy);
    return id;
  };
}

/** Asked once the row is there: a refused file leaves no bytes, and its bytes are those of its parts. */
async function checkPolicy(needs: Needs, upload: NewUpload, policy: CompanyPolicy): Promise<void> {
  try {
    checkDeclared(upload, filePolicyOf(policy, upload.uploader));
    await needs.refuseKnownBad(upload.sha256);
  } catch (refusal) {
    const record = isRefusal(refusal) ? await needs.uploads.find(upload.id) : null;
    if (record !== null) await needs.rejectUpload(record, refusal as Failure);
    throw refusal;
  }
}

async function findParts(
  { uploads }: Needs,
  caller: Participant,
  partialIds: readonly string[],
): Promise<UploadRecord[]> {
  const found = new Map<string, UploadRecord>();
  for (const id of new Set(partialIds)) {
    const part = isUploadId(id) ? await uploads.find(id) : null;
    if (part === null || !isUploader(caller, part))
      throw new Failure('not-found', 'Upload-Concat names an upload that there is not.');
    if (!isPartial(part)) throw new Failure('invalid-request', 'Upload-Concat names an upload that is not partial.');
    if (part.state !== 'open') throw new Failure('gone', 'A part of this upload has ended. Start it again.');
    found.set(id, part);
  }
  return partialIds.map((id) => found.get(id) as UploadRecord);
}

/** "The length of the final upload MUST be the sum of the length of all partial uploads." @returns null while one is deferred */
function sumOf(parts: readonly UploadRecord[], maxFileSizeBytes: number): number | null {
  const known = parts.reduce((sum, part) => sum + (part.sizeBytes ?? 0), 0);
  const isKnown = parts.every((part) => part.sizeBytes !== null);
  // Too large already, whatever is still to come.
  return isKnown || known > maxFileSizeBytes ? known : null;
}
