/** Notes what changes nothing, such as a download, in the audit: written together, once a second, so that no reader waits for it. */
import type { AuditTable, Deed, NewAuditEntry } from '../database/audit-table.ts';
import { auditEntry } from '../database/audit-table.ts';
import type { Actor } from '../rules/actor.ts';

/** What waits while the database is away; the oldest go first. Some 5 MB. */
const MAX_WAITING_ENTRIES = 10_000;

type Needs = {
  audit: Pick<AuditTable, 'addAll'>;
  /** So many entries were lost, since the database was away for too long. */
  onLost(count: number): void;
  now(): number;
};

export type AuditLog = {
  /** What a crash finds here is lost: a second's entries. */
  note(actor: Actor, deed: Deed): void;
  /** Writes what waits. @throws when the database is away; it waits on */
  flush(): Promise<void>;
};

export function createAuditLog({ audit, onLost, now }: Needs): AuditLog {
  let waiting: NewAuditEntry[] = [];
  let writing = Promise.resolve();
  const bound = () => {
    const lost = waiting.length - MAX_WAITING_ENTRIES;
    if (lost <= 0) return;
    waiting = waiting.slice(lost);
    onLost(lost);
  };
  const write = async () => {
    const batch = waiting;
    waiting = [];
    if (batch.length === 0) return;
    try {
      await audit.addAll(batch);
    } catch (error) {
      waiting = [...batch, ...waiting];
      bound();
      throw error;
    }
  };
  return {
    note(actor, deed) {
      waiting.push(auditEntry(actor, deed, now()));
      // Not at each one: what is cut off is copied.
      if (waiting.length >= 2 * MAX_WAITING_ENTRIES) bound();
    },
    // One after the other, so that no entry is written twice.
    flush: () => (writing = writing.catch(() => {}).then(write)),
  };
}
