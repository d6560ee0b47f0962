/** Takes a file out of a chat: row and ledger entry in one transaction, then the bytes. */
import type { RemovalReason } from '../contract/events.ts';
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import { type Actor, SERVER } from '../rules/actor.ts';
import type { DeleteRemovedBytes } from './delete-removed-bytes.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'remove'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  audit: Pick<AuditTable, 'add'>;
  deleteRemovedBytes: DeleteRemovedBytes;
  wake(company: string): void;
  now(): number;
};

/** `by`: the server itself, if left out. @returns false when it was gone already. */
export type RemoveFile = (file: FileRecord, reason: RemovalReason, by?: Actor) => Promise<boolean>;

export function createRemoveFile({ database, files, ledger, audit, deleteRemovedBytes, wake, now }: Needs): RemoveFile {
  return async (file, reason, by = SERVER) => {
    const { company, session, id: fileId, name } = file;
    const removed = await database.transaction(async (transaction) => {
      // The row goes first: a number that is taken must be used, or the rollback would have to give it back.
      if (!(await files.remove(transaction, fileId))) return false;
      const seq = await ledger.nextSeq(transaction, company);
      await ledger.append(transaction, seq, { company, session, type: 'file_removed', fileId, reason }, now());
      const deed = { action: 'deleted', company, session, fileId, name, detail: { reason } } as const;
      await audit.add(transaction, auditEntry(by, deed, now()));
      return true;
    });
    if (!removed) return false;
    wake(company);
    await deleteRemovedBytes();
    return true;
  };
}
