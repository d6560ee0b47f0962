/** The one request of an upload is over: what it said in all is checked, and its length counts from here. */
import type { SettledFacts, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { cleanFileName } from '../rules/file-name.ts';
import { checkDeclared } from '../rules/file-policy.ts';
import { chooseSession, type Participant } from '../rules/participant.ts';
import { cleanType, type UploadRequest } from './new-upload.ts';

type Needs = { uploads: Pick<UploadTable, 'settle'>; policyOf: PolicyOf };

/**
 * Until this returns the upload belongs to its request: whatever ends the request, or the process, ends the upload. Then
 * it is one like any other that lacks only its finish, and a crash delays that.
 * @throws {Failure} `invalid-request` when the stated size is not what came, `forbidden`, `gone`, and what the policy refuses
 */
export type SettleUpload = (
  caller: Participant,
  upload: UploadRecord,
  request: Pick<UploadRequest, 'company' | 'session' | 'name' | 'declaredType' | 'sizeBytes'>,
  receivedBytes: number,
) => Promise<void>;

export function createSettleUpload({ uploads, policyOf }: Needs): SettleUpload {
  return async (caller, upload, request, receivedBytes) => {
    const facts: SettledFacts = {
      session: chooseSession(caller, request),
      name: cleanFileName(request.name ?? ''),
      declaredType: cleanType(request.declaredType),
      sizeBytes: receivedBytes,
    };
    if (request.sizeBytes !== null && request.sizeBytes !== receivedBytes)
      throw new Failure('invalid-request', `size is ${request.sizeBytes}, but ${receivedBytes} bytes came.`);
    checkDeclared(facts, filePolicyOf(await policyOf(upload.company), upload.uploader));
    if (!(await uploads.settle(upload.id, facts)))
      throw new Failure('gone', 'This upload has ended. Send the file again.');
  };
}
