/** Takes a file out of a chat: row and ledger entry in one transaction, then the bytes. */
import type { RemovalReason } from '../contract/events.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { DeleteRemovedBytes } from './delete-removed-bytes.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'remove'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  deleteRemovedBytes: DeleteRemovedBytes;
  wake(company: string): void;
  now(): number;
};

/** @returns false when it was gone already. */
export type RemoveFile = (file: FileRecord, reason: RemovalReason) => Promise<boolean>;

export function createRemoveFile({ database, files, ledger, deleteRemovedBytes, wake, now }: Needs): RemoveFile {
  return async (file, reason) => {
    const { company, session, id: fileId } = file;
    const removed = await database.transaction(async (transaction) => {
      // The row goes first: a number that is taken must be used, or the rollback would have to give it back.
      if (!(await files.remove(transaction, fileId))) return false;
      const seq = await ledger.nextSeq(transaction, company);
      await ledger.append(transaction, seq, { company, session, type: 'file_removed', fileId, reason }, now());
      return true;
    });
    if (!removed) return false;
    wake(company);
    await deleteRemovedBytes();
    return true;
  };
}
