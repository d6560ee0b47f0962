/** Takes away what nobody needs any more: expired uploads, bytes without a row, old rows. */
import type { AuditTable } from '../database/audit-table.ts';
import type { CompanyDayTable } from '../database/company-day-table.ts';
import type { DeletionTable } from '../database/deletion-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { InfectionTable } from '../database/infection-table.ts';
import type { RateLimitTable } from '../database/rate-limit-table.ts';
import type { StatisticsTable } from '../database/statistics-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import type { WebhookDeliveryTable } from '../database/webhook-delivery-table.ts';
import { backOffMs } from '../rules/back-off.ts';
import { isPartial } from '../rules/upload-concat.ts';
import type { AbortUpload } from '../sharing/abort-upload.ts';
import type { DeleteRemovedBytes } from '../sharing/delete-removed-bytes.ts';
import type { DiscardBytes } from '../sharing/discard-bytes.ts';
import type { Exclusively } from '../sharing/exclusively.ts';
import type { FinishUpload } from '../sharing/finish-upload.ts';
import { createPatience, isStorageAway } from '../sharing/patience.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = {
  uploads: Pick<UploadTable, 'listExpired' | 'find' | 'purge' | 'noteFailure'>;
  storage: Pick<FileStorage, 'offsetOf' | 'discard' | 'incomingIds'>;
  ledger: Pick<EventLedger, 'trim' | 'forget'>;
  deletions: Pick<DeletionTable, 'listLedgersToForget' | 'noteLedgerForgotten' | 'forgetFiles'>;
  limits: Pick<RateLimitTable, 'forget'>;
  audit: Pick<AuditTable, 'forget'>;
  auditKeptSeconds: number;
  infections: Pick<InfectionTable, 'purge'>;
  days: Pick<CompanyDayTable, 'forget'>;
  webhookDeliveries: Pick<WebhookDeliveryTable, 'forget'>;
  statistics: Pick<StatisticsTable, 'forget'>;
  finishUpload: FinishUpload;
  abortUpload: AbortUpload;
  exclusively: Exclusively;
  deleteRemovedBytes: DeleteRemovedBytes;
  discardBytes: DiscardBytes;
  /** Whether a command may be copying files into this store. */
  isMoving(): Promise<boolean>;
  now(): number;
};

const PAGE_UPLOADS = 200;
const MAX_BACKOFF_MS = 60 * 60 * 1000;
const DAY_MS = 24 * 60 * 60 * 1000;
/** A client that was away longer gets a `resync`. */
const LEDGER_KEPT_DAYS = 30;
/** Who is there when a company is deleted has heard of it by then; who comes later gets a `resync`. */
const DELETED_LEDGER_KEPT_MS = 60 * 60 * 1000;
/** Of single files. Those of sessions, visitors and companies, and those of retention, stay. */
const FILE_RECEIPTS_KEPT_DAYS = 365;
/** How long an ended upload still answers 410 instead of 404. */
const ENDED_KEPT_DAYS = 7;
/** How long it is known who brought a virus. */
const INFECTIONS_KEPT_DAYS = 365;
/** How long it is known what an endpoint was told, and how long one that is disabled has to be enabled again. */
const WEBHOOK_DELIVERIES_KEPT_DAYS = 30;
/** Of what companies shared in a day: an upload that lasts gives back to the day on which it began. */
const DAYS_KEPT = 31;
/** Of what is counted for the operator: two years, and the month with which the last is compared. */
const STATISTICS_KEPT_DAYS = 800;

/** Each answers with how many it took away. A fault of one upload never keeps the others waiting, a store that is away does. */
export type CleanUp = {
  expireUploads(): Promise<number>;
  dropOrphans(): Promise<number>;
  forget(): Promise<number>;
  deleteRemovedBytes(): Promise<number>;
};

export function createCleanUp(needs: Needs): CleanUp {
  const { uploads, storage, ledger, deleteRemovedBytes, discardBytes, now } = needs;
  return {
    deleteRemovedBytes: async () => (await deleteRemovedBytes()) + (await discardBytes.retry()),

    async expireUploads() {
      let expired = 0;
      const patience = createPatience(now);
      for (const upload of await uploads.listExpired(now(), PAGE_UPLOADS)) {
        if (patience.isOver()) break;
        try {
          if (await patience.wait(() => expire(needs, upload))) expired += 1;
        } catch (error) {
          await uploads.noteFailure(upload.id, String(error), now() + backOffMs(upload.attempts, MAX_BACKOFF_MS));
        }
      }
      return expired;
    },

    /** Bytes of uploads that ended: a process may die between the row's change and the deletion. */
    async dropOrphans() {
      let dropped = 0;
      const faults: unknown[] = [];
      const patience = createPatience(now);
      const isMoving = await needs.isMoving();
      for await (const id of storage.incomingIds()) {
        if (patience.isOver()) break;
        const upload = await uploads.find(id);
        const state = upload?.state;
        // Nor is a copy under way a file's upload.
        if (upload === null && isMoving) continue;
        // No row at all: rows come before bytes, so nobody can be about to write it.
        if (state === 'open' || state === 'finishing') continue;
        try {
          await patience.wait(() => storage.discard(id));
          dropped += 1;
        } catch (error) {
          faults.push(error);
        }
      }
      if (faults.length > 0)
        throw new Error(`${faults.length} uploads’ bytes cannot be deleted: ${faults[0]}`, { cause: faults[0] });
      return dropped;
    },

    async forget() {
      const forgotten = await uploads.purge(now() - ENDED_KEPT_DAYS * DAY_MS);
      await needs.limits.forget(now());
      await needs.audit.forget(now() - needs.auditKeptSeconds * 1000);
      await needs.infections.purge(now() - INFECTIONS_KEPT_DAYS * DAY_MS);
      await needs.deletions.forgetFiles(now() - FILE_RECEIPTS_KEPT_DAYS * DAY_MS);
      await needs.days.forget(now() - DAYS_KEPT * DAY_MS);
      await needs.webhookDeliveries.forget(now() - WEBHOOK_DELIVERIES_KEPT_DAYS * DAY_MS);
      await needs.statistics.forget(now() - STATISTICS_KEPT_DAYS * DAY_MS);
      return forgotten + (await ledger.trim(now() - LEDGER_KEPT_DAYS * DAY_MS)) + (await forgetDeleted(needs));
    },
  };
}

async function forgetDeleted({ deletions, ledger, now }: Needs): Promise<number> {
  let forgotten = 0;
  for (const { id, company, through } of await deletions.listLedgersToForget(now() - DELETED_LEDGER_KEPT_MS)) {
    forgotten += await ledger.forget(company, through);
    await deletions.noteLedgerForgotten(id);
  }
  return forgotten;
}

async function expire({ storage, finishUpload, abortUpload, exclusively }: Needs, upload: UploadRecord) {
  const isFile = !isPartial(upload) && upload.sizeBytes !== null;
  if (!isFile || (await storage.offsetOf(upload.id)) !== upload.sizeBytes)
    return exclusively(upload.id, () => abortUpload(upload, 'expired'));
  // Late, but all bytes are here: it is a file, and the finish has the word (and notes its own faults). A part is none.
  await finishUpload(upload.id).catch((error: unknown) => {
    if (isStorageAway(error)) throw error;
  });
  return false;
}
