/** The one transaction that makes an imported row a file: its row, its ledger entry, what is owed, and that it was imported. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { ImportedFileTable } from '../database/imported-file-table.ts';
import type { Database } from '../database/open-database.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { PreviewJobTable } from '../database/preview-job-table.ts';
import type { WebhookDeliveryTable } from '../database/webhook-delivery-table.ts';
import { OPERATOR } from '../rules/actor.ts';
import type { SourceRow } from '../rules/source-row.ts';
import type { FileFacts } from './record-file.ts';

type Needs = {
  database: Database;
  imported: Pick<ImportedFileTable, 'keepsId' | 'finish'>;
  files: Pick<ChatFileTable, 'insert' | 'hasId'>;
  people: Pick<PeopleTable, 'sessionId' | 'profileId'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  audit: Pick<AuditTable, 'add'>;
  previewJobs: Pick<PreviewJobTable, 'add'>;
  webhookDeliveries: Pick<WebhookDeliveryTable, 'withdraw'>;
  /** Whether a preview of this type is to be made. */
  wantsPreview(mimeType: string): boolean;
  wake(company: string): void;
  now(): number;
};

export type ImportedFacts = FileFacts & { uploadId: string };

/** @returns the file's id: the row's own where that is free. @throws when the row has become a file meanwhile */
export type RecordImport = (row: SourceRow, source: string, facts: ImportedFacts) => Promise<number>;

export function createRecordImport(needs: Needs): RecordImport {
  const { database, imported, files, people, ledger, audit, previewJobs, webhookDeliveries, wantsPreview, wake, now } =
    needs;
  return async (row, source, facts) => {
    const { company, session, uploader, name, createdAt, sourceId } = row;
    const wantedId = row.id !== null && (await imported.keepsId(source, row.id)) ? row.id : null;
    const fileId = await database.transaction(async (transaction) => {
      const seq = await ledger.nextSeq(transaction, company);
      const chatSessionId = await people.sessionId(transaction, company, session, createdAt);
      // A visitor is the session's. Which agent it was, as tokens name agents, the other service did not know.
      const profileId =
        uploader === 'agent'
          ? null
          : await people.profileId(transaction, { company, role: uploader, session, subject: null }, createdAt);
      const isFree = wantedId !== null && !(await files.hasId(transaction, wantedId));
      const id = await files.insert(transaction, {
        ...facts,
        ...{
          id: isFree ? wantedId : undefined,
          company,
          session,
          uploader,
          name,
          seq,
          createdAt,
          profileId,
          chatSessionId,
        },
      });
      // With its own time: a chat does not become the newest by it, and the ledger forgets it as old.
      await ledger.append(transaction, seq, { company, session, type: 'file_shared', fileId: id }, createdAt);
      // A company's own server knows its old files, and is not to hear of them by the thousands.
      await webhookDeliveries.withdraw(transaction, company, session, seq);
      const detail = { source, source_id: sourceId };
      const deed = { action: 'imported', company, session, fileId: id, name, detail } as const;
      await audit.add(transaction, auditEntry(OPERATOR, deed, now()));
      if (wantsPreview(facts.mimeType)) await previewJobs.add(transaction, id);
      if (!(await imported.finish(transaction, source, sourceId, id)))
        throw new Error('another import has brought it meanwhile');
      return id;
    });
    wake(company);
    return fileId;
  };
}
