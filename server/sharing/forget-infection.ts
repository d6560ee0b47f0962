/** A find of the virus scanner was a false alarm: such bytes are scanned again when they come. Noted with who said so. */
import { ALL_COMPANIES, type AuditTable, auditEntry } from '../database/audit-table.ts';
import type { InfectionTable } from '../database/infection-table.ts';
import type { Database } from '../database/open-database.ts';
import type { Actor } from '../rules/actor.ts';

type Needs = {
  database: Database;
  infections: Pick<InfectionTable, 'forget'>;
  audit: Pick<AuditTable, 'add'>;
  now(): number;
};

/** @returns false when nothing bad was known of these bytes */
export type ForgetInfection = (sha256: string, by: Actor) => Promise<boolean>;

export function createForgetInfection({ database, infections, audit, now }: Needs): ForgetInfection {
  return (sha256, by) =>
    database.transaction(async (transaction) => {
      if (!(await infections.forget(transaction, sha256))) return false;
      // Bytes are no company's.
      const deed = {
        action: 'infection_forgotten',
        company: ALL_COMPANIES,
        session: null,
        detail: { sha256 },
      } as const;
      await audit.add(transaction, auditEntry(by, deed, now()));
      return true;
    });
}
