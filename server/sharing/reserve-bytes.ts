/** Reserves room for uploads: what is asked for is written first, then looked at together with all else, then kept or taken back. */
import type { Knex } from 'knex';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { CompanyDayTable } from '../database/company-day-table.ts';
import type { CompanyUsageTable } from '../database/company-usage-table.ts';
import type { Database } from '../database/open-database.ts';
import { runWithin, type Steps } from '../database/statement.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { NewUpload, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { type Allowance, bytesToReserve, checkMoreBytes, checkNewUpload, type Standing } from '../rules/allowance.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import type { UploadOwner } from '../rules/participant.ts';

type Needs = {
  database: Database;
  uploads: Pick<UploadTable, 'find' | 'steps' | 'reserveMore' | 'reserveBeyondParts' | 'declareLength' | 'fixLength'>;
  parts: Pick<UploadPartTable, 'bytesBeyond'>;
  files: Pick<ChatFileTable, 'steps'>;
  usage: Pick<CompanyUsageTable, 'steps'>;
  days: Pick<CompanyDayTable, 'steps'>;
  policyOf: PolicyOf;
};

/**
 * Each is one transaction whose first write locks the company's counter, so that of fifty at once exactly those pass for
 * which there is room. What fails leaves everything as it was. @throws {Failure} `rate-limited`, `quota-exceeded`
 */
export type ReserveBytes = {
  /** The row of a new upload, as steps of the caller's transaction: a failure has to roll that back. */
  forNew(upload: NewUpload, allowance: Allowance): Steps<void>;
  /** A new upload whose row and file are written, so that it holds its bytes as a file: it passes where `forNew` would. */
  forWhole(upload: NewUpload, allowance: Allowance): Steps<void>;
  /** A final upload whose row and parts are written: its parts hold their bytes already. */
  forFinal(transaction: Knex.Transaction, upload: NewUpload, allowance: Allowance): Promise<void>;
  /** A final upload whose parts are all here: fixes its length. A part of deferred length counted nothing until now. */
  forJoin(final: UploadRecord, sizeBytes: number): Promise<void>;
  /** Before bytes are written: an upload of deferred length reserves as it grows. */
  upTo(upload: UploadRecord, arrivingBytes: number): Promise<void>;
  /** The length that was deferred. @returns false when it was declared already */
  forLength(uploadId: string, sizeBytes: number): Promise<boolean>;
};

export function createReserveBytes({ database, uploads, parts, files, usage, days, policyOf }: Needs): ReserveBytes {
  function* standingOf(
    owner: UploadOwner & { createdAt: number; reservedBytes: number },
    { bytesPerDay, companyQuotaBytes, maxFiles }: Allowance,
    isNew: boolean,
    isWhole = false,
  ): Steps<Standing> {
    // What is a file already is counted as the upload that it was.
    const own = isWhole ? 1 : 0;
    const pending = yield* uploads.steps.pendingOf(owner);
    const pendingUploads = pending.uploads + own;
    const pendingBytes = pending.bytes + (isWhole ? owner.reservedBytes : 0);
    // Kept in any case, and only looked at where there is a bound.
    const companyBytes = companyQuotaBytes === undefined ? 0 : yield* usage.steps.bytesOf(owner.company);
    const dayBytes = bytesPerDay === undefined ? 0 : yield* days.steps.bytesOn(owner.company, owner.createdAt);
    const tooMany = Math.max(0, maxFiles - pendingUploads + 1);
    const shared = isNew ? (yield* files.steps.countOfSide(owner, tooMany + own, pending.filesOfChat)) - own : 0;
    return { files: shared, pendingUploads, pendingBytes, companyBytes, dayBytes };
  }
  return {
    *forNew(upload, allowance) {
      yield* uploads.steps.insert(upload);
      checkNewUpload(yield* standingOf(upload, allowance, true), allowance);
    },
    *forWhole(upload, allowance) {
      checkNewUpload(yield* standingOf(upload, allowance, true, true), allowance);
    },
    async forFinal(transaction, upload, allowance) {
      await uploads.reserveBeyondParts(transaction, upload.id, await parts.bytesBeyond(transaction, upload.id));
      checkNewUpload(await runWithin(transaction, standingOf(upload, allowance, true)), allowance);
    },
    async forJoin(final, sizeBytes) {
      // Before the transaction: what is not kept is read, and SQLite has one connection.
      const allowance = await policyOf(final.company);
      await database.transaction(async (transaction) => {
        const isOpen = await uploads.fixLength(transaction, final.id, sizeBytes);
        // What was known at its creation was reserved then.
        if (!isOpen || final.sizeBytes !== null) return;
        await uploads.reserveBeyondParts(transaction, final.id, await parts.bytesBeyond(transaction, final.id));
        checkMoreBytes(await runWithin(transaction, standingOf(final, allowance, false)), allowance);
      });
    },
    async upTo(upload, arrivingBytes) {
      if (arrivingBytes <= upload.reservedBytes) return;
      const allowance = await policyOf(upload.company);
      const reservedBytes = bytesToReserve(null, arrivingBytes, allowance.maxFileSizeBytes);
      await database.transaction(async (transaction) => {
        // False: its length was declared meanwhile and is reserved, or it has ended.
        if (!(await uploads.reserveMore(transaction, upload.id, reservedBytes))) return;
        checkMoreBytes(await runWithin(transaction, standingOf(upload, allowance, false)), allowance);
      });
      upload.reservedBytes = reservedBytes;
    },
    async forLength(uploadId, sizeBytes) {
      const known = await uploads.find(uploadId);
      if (known === null) return false;
      const allowance = await policyOf(known.company);
      return database.transaction(async (transaction) => {
        const upload = await uploads.declareLength(transaction, uploadId, sizeBytes);
        if (upload === null) return false;
        checkMoreBytes(await runWithin(transaction, standingOf(upload, allowance, false)), allowance);
        return true;
      });
    },
  };
}
