/** Takes back every link to a file, or to all files of a session: links that were made before are good no more. */
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'revokeLinks'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  wake(company: string): void;
  now(): number;
};

/** Everybody in the session is told `file_updated`, with a link that works. */
export type RevokeLinks = {
  /** @returns false when the file was gone */
  ofFile(file: FileRecord): Promise<boolean>;
  /** @returns how many files there are */
  ofSession(company: string, session: string): Promise<number>;
};

export function createRevokeLinks({ database, files, ledger, wake, now }: Needs): RevokeLinks {
  const revoke = async (company: string, session: string, id?: number): Promise<number> => {
    const of = id === undefined ? { company, session } : { id };
    const count = await database.transaction(async (transaction) => {
      // The rows go first, as when a file is removed: a number of the ledger that is taken must be used.
      const ids = await files.revokeLinks(transaction, of);
      for (const fileId of ids) {
        const seq = await ledger.nextSeq(transaction, company);
        await ledger.append(transaction, seq, { company, session, type: 'file_updated', fileId }, now());
      }
      return ids.length;
    });
    if (count > 0) wake(company);
    return count;
  };
  return {
    ofFile: async ({ company, session, id }) => (await revoke(company, session, id)) > 0,
    ofSession: revoke,
  };
}
