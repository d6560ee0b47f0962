/** The one transaction that makes an upload a file: the row, the ledger entry and the upload's end, or none of them. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { PreviewJobTable } from '../database/preview-job-table.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { Lease, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { actorOf, SERVER } from '../rules/actor.ts';
import { isFinal } from '../rules/upload-concat.ts';

type Needs = {
  database: Database;
  uploads: Pick<UploadTable, 'finish'>;
  parts: Pick<UploadPartTable, 'endParts'>;
  files: Pick<ChatFileTable, 'insert'>;
  people: Pick<PeopleTable, 'sessionId' | 'profileId'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  audit: Pick<AuditTable, 'add'>;
  previewJobs: Pick<PreviewJobTable, 'add'>;
  /** Whether a preview of this type is to be made. */
  wantsPreview(mimeType: string): boolean;
  now(): number;
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

export function createRecordFile(needs: Needs): RecordFile {
  const { database, uploads, files, people, parts, ledger, audit, previewJobs, wantsPreview, now } = needs;
  return async (upload, lease, facts) => {
    const createdAt = now();
    try {
      return await database.transaction(async (transaction) => {
        const { company, session, uploader, subject } = upload;
        const seq = await ledger.nextSeq(transaction, company);
        const chatSessionId = await people.sessionId(transaction, company, session, createdAt);
        const profileId = await people.profileId(transaction, { company, role: uploader, session, subject }, createdAt);
        const fileId = await files.insert(transaction, {
          ...facts,
          uploadId: upload.id,
          company,
          session,
          uploader,
          name: upload.name,
          seq,
          createdAt,
          profileId,
          chatSessionId,
        });
        await ledger.append(transaction, seq, { company, session, type: 'file_shared', fileId }, createdAt);
        const uploadedBy = actorOf({ role: uploader, subject }, upload.client ?? SERVER);
        const deed = { action: 'uploaded', company, session, fileId, name: upload.name } as const;
        await audit.add(transaction, auditEntry(uploadedBy, deed, createdAt));
        if (wantsPreview(facts.mimeType)) await previewJobs.add(transaction, fileId);
        if (!(await uploads.finish(transaction, upload.id, lease, fileId))) throw new LeaseLost();
        const endedParts = isFinal(upload) ? await parts.endParts(transaction, upload.id) : [];
        return { fileId, endedParts };
      });
    } catch (error) {
      if (error instanceof LeaseLost) return null;
      throw error;
    }
  };
}

/** Rolls the transaction back. */
class LeaseLost extends Error {}
