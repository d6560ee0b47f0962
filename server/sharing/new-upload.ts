/** From what a client says to the row of an upload: checked for form, nothing of it believed. */
import type { NewUpload } from '../database/upload-table.ts';
import { clientAt } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { cleanFileName } from '../rules/file-name.ts';
import type { Participant } from '../rules/participant.ts';
import { newUploadId } from '../rules/upload-id.ts';

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
  /** One request brings everything: what it says may still change, and its length counts when it is over. */
  oneRequest?: true;
  /** The `Upload-Metadata` header as sent. */
  metadata: string | null;
  /** Where the client is: counted, and kept for the audit. */
  address: string;
  /** The header as it came; for the audit. */
  userAgent: string | undefined;
};

const MAX_FILE_KEY_CHARACTERS = 128;
const MAX_TYPE_CHARACTERS = 255;

/** @throws {Failure} `invalid-request` */
export function newUpload(
  caller: Participant,
  request: UploadRequest,
  facts: Pick<NewUpload, 'session' | 'reservedBytes' | 'concat' | 'holder' | 'createdAt' | 'expiresAt'>,
): NewUpload {
  checkDetails(request);
  return {
    id: newUploadId(),
    company: caller.company,
    uploader: caller.role,
    subject: caller.subject,
    name: cleanFileName(request.name ?? ''),
    declaredType: cleanType(request.declaredType),
    sizeBytes: request.oneRequest ? null : request.sizeBytes,
    metadata: request.metadata,
    fileKey: request.fileKey ?? null,
    sha256: request.sha256?.toLowerCase() ?? null,
    oneRequest: request.oneRequest ?? false,
    client: clientAt(request.address, request.userAgent),
    ...facts,
  };
}

/** What a client says the type is; null when it says nothing. */
export function cleanType(declaredType: string | undefined): string | null {
  return declaredType?.trim().toLowerCase().slice(0, MAX_TYPE_CHARACTERS) || null;
}

function checkDetails({ fileKey, sha256 }: UploadRequest): void {
  if (fileKey !== undefined && fileKey.length > MAX_FILE_KEY_CHARACTERS) {
    throw new Failure('invalid-request', `file_key may have ${MAX_FILE_KEY_CHARACTERS} characters at most.`);
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new Failure('invalid-request', 'sha256 must be 64 hexadecimal digits.');
  }
}
