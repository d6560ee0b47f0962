/** Takes back every link to a file, or to all files of a session: links that were made before are good no more. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { Actor } from '../rules/actor.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'revokeLinks'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  audit: Pick<AuditTable, 'add'>;
  wake(company: string): void;
  now(): number;
};

/** Everybody in the session is told `file_updated`, with a link that works. */
export type RevokeLinks = {
  /** @returns false when the file was gone */
  ofFile(file: FileRecord, by: Actor): Promise<boolean>;
  /** @returns how many files there are */
  ofSession(company: string, session: string, by: Actor): Promise<number>;
};

export function createRevokeLinks({ database, files, ledger, audit, wake, now }: Needs): RevokeLinks {
  const revoke = async (company: string, session: string, by: Actor, file?: FileRecord): Promise<number> => {
    const revoked = database.transaction(async (transaction) => {
      // The counter first, as when a session is deleted: who locks the rows first would wait for each other.
      let seq = await ledger.nextSeq(transaction, company);
      const ids = await files.revokeLinks(transaction, file === undefined ? { company, session } : { id: file.id });
      if (ids.length === 0) throw new NothingThere();
      for (const [index, fileId] of ids.entries()) {
        if (index > 0) seq = await ledger.nextSeq(transaction, company);
        await ledger.append(transaction, seq, { company, session, type: 'file_updated', fileId }, now());
      }
      const what = file === undefined ? { detail: { files: ids.length } } : { fileId: file.id, name: file.name };
      const deed = { action: 'links_revoked', company, session, ...what } as const;
      await audit.add(transaction, auditEntry(by, deed, now()));
      return ids.length;
    });
    const count = await revoked.catch((error: unknown) => {
      if (error instanceof NothingThere) return 0;
      throw error;
    });
    if (count > 0) wake(company);
    return count;
  };
  return {
    ofFile: async (file, by) => (await revoke(file.company, file.session, by, file)) > 0,
    ofSession: (company, session, by) => revoke(company, session, by),
  };
}

/** Rolls the transaction back: a number of the ledger that is taken must be used. */
class NothingThere extends Error {}
