/** Notes a find of the virus scanner, in one transaction: the bytes as known to be bad, whose they were, and the audit's entry. */
import { type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { Infection, InfectionTable } from '../database/infection-table.ts';
import type { Database } from '../database/open-database.ts';
import type { Actor } from '../rules/actor.ts';

type Needs = {
  database: Database;
  infections: Pick<InfectionTable, 'add'>;
  audit: Pick<AuditTable, 'add'>;
};

/** `by`: who brought it, or the server where it was shared before. Safe to repeat: an upload is noted once. */
export type NoteInfected = (infection: Infection, by: Actor) => Promise<void>;

export function createNoteInfected({ database, infections, audit }: Needs): NoteInfected {
  return async (infection, by) => {
    await database.transaction(async (transaction) => {
      if (!(await infections.add(transaction, infection))) return;
      const { company, session, fileId, name, signature, sha256, sizeBytes, foundAt } = infection;
      const detail = { signature, sha256, size: sizeBytes };
      const deed = { action: 'infected', company, session, fileId, name, detail } as const;
      await audit.add(transaction, auditEntry(by, deed, foundAt));
    });
  };
}
