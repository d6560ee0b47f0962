/** Reserves room for uploads: what is asked for is written first, then looked at together with all else, then kept or taken back. */
import type { Knex } from 'knex';
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { CompanyDayTable } from '../database/company-day-table.ts';
import type { CompanyUsageTable } from '../database/company-usage-table.ts';
import type { Database } from '../database/open-database.ts';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { NewUpload, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { type Allowance, bytesToReserve, checkMoreBytes, checkNewUpload, type Standing } from '../rules/allowance.ts';
import type { PolicyOf } from '../rules/company-policy.ts';
import type { UploadOwner } from '../rules/participant.ts';

type Needs = {
  database: Database;
  uploads: Pick<
    UploadTable,
    'find' | 'insert' | 'pendingOf' | 'reserveMore' | 'reserveBeyondParts' | 'declareLength' | 'fixLength'
  >;
  parts: Pick<UploadPartTable, 'bytesBeyond'>;
  files: Pick<ChatFileTable, 'countOfSide'>;
  usage: Pick<CompanyUsageTable, 'bytesOf'>;
  days: Pick<CompanyDayTable, 'bytesOn'>;
  policyOf: PolicyOf;
};

/**
 * Each is one transaction whose first write locks the company's counter, so that of fifty at once exactly those pass for
 * which there is room. What fails leaves everything as it was. @throws {Failure} `rate-limited`, `quota-exceeded`
 */
export type ReserveBytes = {
  /** The row of a new upload, inside the caller's transaction: a failure has to roll that back. */
  forNew(transaction: Knex.Transaction, upload: NewUpload, allowance: Allowance): Promise<void>;
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
  const standingOf = async (
    transaction: Knex.Transaction,
    owner: UploadOwner & { createdAt: number },
    { bytesPerDay, maxFiles }: Allowance,
    isNew: boolean,
  ): Promise<Standing> => {
    const pending = await uploads.pendingOf(transaction, owner);
    const companyBytes = await usage.bytesOf(transaction, owner.company);
    // Counted in any case, and only looked at where there is a bound.
    const dayBytes = bytesPerDay === undefined ? 0 : await days.bytesOn(transaction, owner.company, owner.createdAt);
    const shared = isNew ? await files.countOfSide(transaction, owner, maxFiles) : 0;
    return { files: shared, pendingUploads: pending.uploads, pendingBytes: pending.bytes, companyBytes, dayBytes };
  };
  return {
    async forNew(transaction, upload, allowance) {
      await uploads.insert(transaction, upload);
      checkNewUpload(await standingOf(transaction, upload, allowance, true), allowance);
    },
    async forFinal(transaction, upload, allowance) {
      await uploads.reserveBeyondParts(transaction, upload.id, await parts.bytesBeyond(transaction, upload.id));
      checkNewUpload(await standingOf(transaction, upload, allowance, true), allowance);
    },
    async forJoin(final, sizeBytes) {
      // Before the transaction: what is not kept is read, and SQLite has one connection.
      const allowance = await policyOf(final.company);
      await database.transaction(async (transaction) => {
        const isOpen = await uploads.fixLength(transaction, final.id, sizeBytes);
        // What was known at its creation was reserved then.
        if (!isOpen || final.sizeBytes !== null) return;
        await uploads.reserveBeyondParts(transaction, final.id, await parts.bytesBeyond(transaction, final.id));
        checkMoreBytes(await standingOf(transaction, final, allowance, false), allowance);
      });
    },
    async upTo(upload, arrivingBytes) {
      if (arrivingBytes <= upload.reservedBytes) return;
      const allowance = await policyOf(upload.company);
      const reservedBytes = bytesToReserve(null, arrivingBytes, allowance.maxFileSizeBytes);
      await database.transaction(async (transaction) => {
        // False: its length was declared meanwhile and is reserved, or it has ended.
        if (!(await uploads.reserveMore(transaction, upload.id, reservedBytes))) return;
        checkMoreBytes(await standingOf(transaction, upload, allowance, false), allowance);
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
        checkMoreBytes(await standingOf(transaction, upload, allowance, false), allowance);
        return true;
      });
    },
  };
}
