/** Brings a deletion whose rows are gone to its end: nothing of it is left in the store, and the receipt says so. */
import type { CompanyUsageTable } from '../database/company-usage-table.ts';
import type { Deletion, DeletionTable } from '../database/deletion-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { PeopleTable } from '../database/people-table.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { UploadDeletionTable } from '../database/upload-deletion-table.ts';
import type { UploadTable } from '../database/upload-table.ts';
import { backOffMs } from '../rules/back-off.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { DeleteRemovedBytes } from './delete-removed-bytes.ts';
import type { Exclusively } from './exclusively.ts';
import { createPatience } from './patience.ts';

type Needs = {
  database: Database;
  deletions: Pick<DeletionTable, 'complete' | 'postpone' | 'failed' | 'leftOver'>;
  removedObjects: Pick<RemovedObjectTable, 'isAnyBelow'>;
  uploads: Pick<UploadTable, 'noteFailure'>;
  endedUploads: Pick<UploadDeletionTable, 'listOwed' | 'noteGone' | 'forgetPage'>;
  people: Pick<PeopleTable, 'forgetPage'>;
  usage: Pick<CompanyUsageTable, 'forgetEmpty'>;
  ledger: Pick<EventLedger, 'hold' | 'lastSeq'>;
  storage: Pick<FileStorage, 'discard'>;
  exclusively: Exclusively;
  deleteRemovedBytes: DeleteRemovedBytes;
  now(): number;
};

const PAGE_UPLOADS = 200;
const PAGE_ROWS = 500;
/** Of one call: others wait for their turn meanwhile. */
const MAX_RUN_MS = 20_000;
const MAX_BACKOFF_MS = 10 * 60 * 1000;
/** Where it goes on by itself, and others only have to have their turn. */
const NEXT_TURN_MS = 1_000;

/** @returns whether the receipt is complete. Safe to repeat, and for two at once. @throws for a fault of the database only */
export type ConfirmDeletion = (deletion: Deletion) => Promise<boolean>;

export function createConfirmDeletion(needs: Needs): ConfirmDeletion {
  return async (deletion) => {
    const untilMs = needs.now() + MAX_RUN_MS;
    await discardUploads(needs, deletion, untilMs);
    for (let deleted = 1; deleted > 0 && needs.now() < untilMs; ) {
      if (((await leftOf(needs, deletion))?.objects ?? 0) === 0) break;
      deleted = await needs.deleteRemovedBytes();
    }
    const left = await leftOf(needs, deletion);
    if (left !== null) {
      await putOff(needs, deletion, left);
      return false;
    }
    const ledgerThrough = deletion.kind === 'company' ? await forgetCompany(needs, deletion) : null;
    await needs.deletions.complete(deletion.id, needs.now(), ledgerThrough);
    return true;
  };
}

async function discardUploads(needs: Needs, { id: deletionId }: Deletion, untilMs: number): Promise<void> {
  const patience = createPatience(needs.now);
  for (;;) {
    const owed = await needs.endedUploads.listOwed(deletionId, needs.now(), PAGE_UPLOADS);
    for (const { id, attempts } of owed) {
      if (patience.isOver() || needs.now() >= untilMs) return;
      try {
        // Its writer stops first: what it still held would come after the deletion.
        await patience.wait(() => needs.exclusively(id, () => needs.storage.discard(id)));
        await needs.endedUploads.noteGone(id);
      } catch (error) {
        await needs.uploads.noteFailure(id, String(error), needs.now() + backOffMs(attempts, MAX_BACKOFF_MS));
      }
    }
    if (owed.length < PAGE_UPLOADS) return;
  }
}

/** Null: nothing. */
async function leftOf({ deletions, removedObjects }: Needs, { id, kind, company, session }: Deletion) {
  const left = (await deletions.leftOver([id])).get(id) ?? null;
  if (left !== null || (kind !== 'session' && kind !== 'company')) return left;
  // Also what an earlier deletion left there: the receipt speaks of all of it.
  const folder = kind === 'company' ? `chat/${company}/` : `chat/${company}/${session}/`;
  return (await removedObjects.isAnyBelow(folder)) ? { objects: 1, uploads: 0, lastError: null } : null;
}

async function putOff({ deletions, now }: Needs, deletion: Deletion, left: { lastError: string | null }) {
  if (left.lastError === null) await deletions.postpone(deletion.id, now() + NEXT_TURN_MS);
  else await deletions.failed(deletion.id, left.lastError, now() + backOffMs(deletion.attempts, MAX_BACKOFF_MS));
}

/** What is no file, and knows the company all the same. @returns up to where its ledger can be forgotten */
async function forgetCompany(needs: Needs, { company, requestedAt }: Deletion): Promise<number> {
  while ((await needs.endedUploads.forgetPage(company, requestedAt, PAGE_ROWS)) > 0);
  for (let forgotten = PAGE_ROWS; forgotten === PAGE_ROWS; )
    forgotten = await needs.database.transaction(async (transaction) => {
      await needs.ledger.hold(transaction, company);
      return needs.people.forgetPage(transaction, company, PAGE_ROWS);
    });
  await needs.usage.forgetEmpty(company);
  return needs.ledger.lastSeq(company);
}
