/** The one transaction that makes an upload a file: the row, the ledger entry and the upload's end, or none of them. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable, FileRecord, FinishedUpload } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { PreviewJobTable } from '../database/preview-job-table.ts';
import { mustDo, type Runner, type Steps } from '../database/statement.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { Lease, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { actorOf, SERVER } from '../rules/actor.ts';
import { isFinal } from '../rules/upload-concat.ts';

type Needs = StepsNeeds & {
  runner: Pick<Runner, 'transact'>;
  uploads: Pick<UploadTable, 'steps'>;
  parts: Pick<UploadPartTable, 'steps'>;
  now(): number;
};

type StepsNeeds = {
  files: Pick<ChatFileTable, 'steps'>;
  people: Pick<PeopleTable, 'steps'>;
  ledger: Pick<EventLedger, 'steps'>;
  audit: Pick<AuditTable, 'steps'>;
  previewJobs: Pick<PreviewJobTable, 'steps'>;
  /** Whether a preview of this type is to be made. */
  wantsPreview(mimeType: string): boolean;
};

export type FileFacts = {
  storageKey: string;
  mimeType: string;
  sizeBytes: number;
  sha256: string | null;
  scan: FileRecord['scan'];
};

/** The file's id, and the partial uploads that ended with this one: their bytes are nobody's now. */
export type RecordedFile = { fileId: number; endedParts: readonly string[] };

/** @returns null when the lease was lost: nothing is written then. */
export type RecordFile = (upload: UploadRecord, lease: Lease, facts: FileFacts) => Promise<RecordedFile | null>;

/**
 * The same as steps of a transaction that does more. The company's number comes first, as in every transaction that changes
 * files: two that take their locks in another order would wait for each other. `begin` comes next; `finish` ends the upload.
 * `around.upload`: where the file's row is to be all that is left of it.
 * @returns the file as it is now
 */
export type RecordSteps = (
  upload: UploadRecord,
  facts: FileFacts,
  createdAt: number,
  around: { begin?(): Steps<void>; finish(fileId: number): Steps<void>; upload?: FinishedUpload },
) => Steps<FileRecord>;

export function createRecordFile(needs: Needs): RecordFile {
  const { runner, parts, uploads } = needs;
  const recordSteps = createRecordSteps(needs);
  function* recordAll(upload: UploadRecord, lease: Lease, facts: FileFacts, createdAt: number): Steps<RecordedFile> {
    const { id: fileId } = yield* recordSteps(upload, facts, createdAt, {
      finish: (fileId) => mustDo(uploads.steps.finish(upload.id, lease, fileId), LeaseLost),
    });
    const endedParts = isFinal(upload) ? yield* parts.steps.endParts(upload.id) : [];
    return { fileId, endedParts };
  }
  return async (upload, lease, facts) => {
    const createdAt = needs.now();
    try {
      return await runner.transact(() => recordAll(upload, lease, facts, createdAt));
    } catch (error) {
      if (error instanceof LeaseLost) return null;
      throw error;
    }
  };
}

export function createRecordSteps(needs: StepsNeeds): RecordSteps {
  const { files, people, ledger, audit, previewJobs, wantsPreview } = needs;
  return function* (upload, facts, createdAt, { begin, finish, upload: finished }) {
    const { company, session, uploader, subject, name } = upload;
    const seq = yield* ledger.steps.nextSeq(company);
    if (begin !== undefined) yield* begin();
    const { profileId, chatSessionId } = yield* people.steps.idsOf(
      { company, role: uploader, session, subject },
      createdAt,
    );
    const file = newFile(upload, facts, { seq, createdAt });
    const fileId = yield* files.steps.insert({ ...file, profileId, chatSessionId, upload: finished });
    yield* ledger.steps.append(seq, { company, session, type: 'file_shared', fileId }, createdAt);
    const uploadedBy = actorOf({ role: uploader, subject }, upload.client ?? SERVER);
    const deed = { action: 'uploaded', company, session, fileId, name } as const;
    yield* audit.steps.add(auditEntry(uploadedBy, deed, createdAt));
    if (wantsPreview(facts.mimeType)) yield* previewJobs.steps.add(fileId);
    yield* finish(fileId);
    return { ...file, id: fileId };
  };
}

/** As it will be, without the id that it gets. */
function newFile(
  upload: UploadRecord,
  facts: FileFacts,
  { seq, createdAt }: Pick<FileRecord, 'seq' | 'createdAt'>,
): Omit<FileRecord, 'id'> {
  return {
    uploadId: upload.id,
    company: upload.company,
    session: upload.session,
    uploader: upload.uploader,
    storageKey: facts.storageKey,
    name: upload.name,
    mimeType: facts.mimeType,
    sizeBytes: facts.sizeBytes,
    thumbnailKey: null,
    width: null,
    height: null,
    placeholder: null,
    scan: facts.scan,
    sha256: facts.sha256,
    seq,
    createdAt,
    linkEpoch: 0,
  };
}

/** Rolls the transaction back. */
class LeaseLost extends Error {}
