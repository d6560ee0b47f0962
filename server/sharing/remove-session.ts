/** Deletes a session with everything in it: files, bytes, unfinished uploads. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { UploadTable } from '../database/upload-table.ts';
import { type Actor, SERVER } from '../rules/actor.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { DeleteRemovedBytes } from './delete-removed-bytes.ts';
import type { Exclusively } from './exclusively.ts';

type Needs = {
  database: Database;
  people: Pick<PeopleTable, 'removeSession'>;
  files: Pick<ChatFileTable, 'idsOfSession'>;
  uploads: Pick<UploadTable, 'abortSession'>;
  removedObjects: Pick<RemovedObjectTable, 'add'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  audit: Pick<AuditTable, 'add'>;
  storage: Pick<FileStorage, 'discard'>;
  deleteRemovedBytes: DeleteRemovedBytes;
  exclusively: Exclusively;
  wake(company: string): void;
  now(): number;
};

/** `by`: the server itself, if left out. @returns false when nothing of the session was there. */
export type RemoveSession = (company: string, session: string, by?: Actor) => Promise<boolean>;

export function createRemoveSession(needs: Needs): RemoveSession {
  return async (company, session, by = SERVER) => {
    const { stopped, existed } = await needs.database.transaction(async (transaction) => {
      const stopped = await needs.uploads.abortSession(transaction, company, session);
      for (const { storageKey } of stopped)
        if (storageKey !== null) await needs.removedObjects.add(transaction, storageKey);
      const fileIds = await needs.files.idsOfSession(transaction, company, session);
      for (const fileId of fileIds) {
        const seq = await needs.ledger.nextSeq(transaction, company);
        await needs.ledger.append(
          transaction,
          seq,
          { company, session, type: 'file_removed', fileId, reason: 'session_deleted' },
          needs.now(),
        );
      }
      // The rows of chat_files follow by the cascade, their bytes by the trigger on them.
      const existed = await needs.people.removeSession(transaction, company, session);
      if (existed || stopped.length > 0) {
        const detail = { files: fileIds.length, unfinished: stopped.length };
        const deed = { action: 'session_deleted', company, session, detail } as const;
        await needs.audit.add(transaction, auditEntry(by, deed, needs.now()));
      }
      return { stopped, existed };
    });
    needs.wake(company);
    for (const { id } of stopped) await needs.exclusively(id, () => needs.storage.discard(id));
    await needs.deleteRemovedBytes();
    return existed || stopped.length > 0;
  };
}
