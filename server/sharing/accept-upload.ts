/** May this upload start? Checks what is declared and reserves the upload's row before any byte is taken. */

import type { NewUpload, UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import { cleanFileName } from '../rules/file-name.ts';
import { checkDeclared, type FilePolicy } from '../rules/file-policy.ts';
import { chooseSession, type Participant, participantKey } from '../rules/participant.ts';
import { newUploadId } from '../rules/upload-id.ts';
import type { FileStorage } from '../storage/file-storage.ts';

/** What a client says of the file; everything but the size is optional, nothing of it is believed. */
export type UploadRequest = {
  company: string | undefined;
  session: string | undefined;
  name: string | undefined;
  declaredType: string | undefined;
  fileKey: string | undefined;
  sha256: string | undefined;
  /** Null: deferred. */
  sizeBytes: number | null;
  /** The `Upload-Metadata` header as sent. */
  metadata: string | null;
};

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

/** Kept free on the disk. */
const RESERVED_BYTES = 256 * 1024;
const MAX_FILE_KEY_CHARACTERS = 128;
const MAX_TYPE_CHARACTERS = 255;

/**
 * The reserved upload. @throws {Failure} `invalid-request`, `forbidden`, `file-too-large`, `type-not-allowed`,
 * `executable`, `storage-full`, `rate-limited`
 */
export type AcceptUpload = (caller: Participant, request: UploadRequest) => Promise<NewUpload>;

export function createAcceptUpload(needs: Needs): AcceptUpload {
  return async (caller, request) => {
    const session = chooseSession(caller, request);
    const name = cleanFileName(request.name ?? '');
    const declaredType = request.declaredType?.trim().toLowerCase().slice(0, MAX_TYPE_CHARACTERS) || null;
    checkDetails(request);
    checkDeclared({ name, sizeBytes: request.sizeBytes, declaredType }, needs.policy);
    await checkRoom(needs, request.sizeBytes ?? 0);
    await needs.countCreation(participantKey(caller));
    const now = needs.now();
    const upload: NewUpload = {
      id: newUploadId(),
      company: caller.company,
      session,
      uploader: caller.role,
      subject: caller.subject,
      name,
      declaredType,
      sizeBytes: request.sizeBytes,
      metadata: request.metadata,
      fileKey: request.fileKey ?? null,
      sha256: request.sha256?.toLowerCase() ?? null,
      createdAt: now,
      expiresAt: now + needs.expirySeconds * 1000,
    };
    if (!(await needs.uploads.reserve(upload, needs.maxPendingUploads))) {
      const detail = `There are ${needs.maxPendingUploads} unfinished uploads already. Finish or cancel some first.`;
      throw new Failure('rate-limited', detail, { retryAfterSeconds: 60 });
    }
    return upload;
  };
}

/** Refused before the first byte, and with room left for the database: a full disk could not even delete. */
async function checkRoom({ storage }: Needs, sizeBytes: number): Promise<void> {
  if ((await storage.freeBytes()) >= sizeBytes + RESERVED_BYTES) return;
  throw new Failure('storage-full', 'The server has no room for this file right now.', { retryAfterSeconds: 60 });
}

function checkDetails({ fileKey, sha256 }: UploadRequest): void {
  if (fileKey !== undefined && fileKey.length > MAX_FILE_KEY_CHARACTERS) {
    throw new Failure('invalid-request', `file_key may have ${MAX_FILE_KEY_CHARACTERS} characters at most.`);
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new Failure('invalid-request', 'sha256 must be 64 hexadecimal digits.');
  }
}
