/** Takes a page of files out of their chats: rows, ledger entries, what their uploads said, and the receipt, in one transaction. */
import type { Knex } from 'knex';
import type { RemovalReason } from '../contract/events.ts';
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { DeletionTable } from '../database/deletion-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { UploadDeletionTable } from '../database/upload-deletion-table.ts';
import type { Actor } from '../rules/actor.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'take'>;
  people: Pick<PeopleTable, 'forgetVisitors'>;
  ledger: Pick<EventLedger, 'hold' | 'appendRemoved'>;
  removedObjects: Pick<RemovedObjectTable, 'assign'>;
  endedUploads: Pick<UploadDeletionTable, 'scrub'>;
  deletions: Pick<DeletionTable, 'count'>;
  audit: Pick<AuditTable, 'add'>;
  wake(company: string): void;
  now(): number;
};

export type DeleteFilesRequest = {
  company: string;
  /** Of that company. A few hundred at most: the transaction keeps others of the company waiting. */
  ids: readonly number[];
  reason: RemovalReason;
  /** For the audit, a file each; undefined where one entry tells of all. */
  by?: Actor;
  /** The receipt that they are counted on. Asked once there is a file to count. */
  receipt(transaction: Knex.Transaction): Promise<number> | number;
};

/** @returns those that were there */
export type DeleteFiles = (request: DeleteFilesRequest) => Promise<FileRecord[]>;

export function createDeleteFiles(needs: Needs): DeleteFiles {
  return async ({ company, ids, reason, by, receipt }) => {
    const gone = await needs.database.transaction(async (transaction) => {
      // First: all that changes a company's files locks its counter before anything else, so that none waits for another.
      await needs.ledger.hold(transaction, company);
      const files = await needs.files.take(transaction, ids);
      if (files.length === 0) return [];
      const deletionId = await receipt(transaction);
      await needs.ledger.appendRemoved(transaction, company, files, reason, needs.now());
      await needs.removedObjects.assign(transaction, files.flatMap(keysOf), deletionId);
      await needs.endedUploads.scrub(
        transaction,
        files.map(({ uploadId }) => uploadId),
      );
      const visitors = files.flatMap(({ uploader, profileId }) =>
        uploader === 'user' && profileId !== null ? [profileId] : [],
      );
      await needs.people.forgetVisitors(transaction, [...new Set(visitors)]);
      if (by !== undefined) {
        for (const { id: fileId, session, name } of files) {
          const deed = { action: 'deleted', company, session, fileId, name, detail: { reason } } as const;
          await needs.audit.add(transaction, auditEntry(by, deed, needs.now()));
        }
      }
      const bytes = files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      await needs.deletions.count(transaction, deletionId, { files: files.length, bytes });
      return files;
    });
    if (gone.length > 0) needs.wake(company);
    return gone;
  };
}

/** As the trigger notes them. */
function keysOf({ storageKey, thumbnailKey }: FileRecord): string[] {
  return thumbnailKey === null ? [storageKey] : [storageKey, thumbnailKey];
}
