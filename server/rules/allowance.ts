/** How much may be on its way and stored: of one user, and of a company. */
import { Failure } from './failure.ts';
import { sizeInWords } from './size-words.ts';

export type Allowance = {
  /** Unfinished uploads of one user. */
  maxPendingUploads: number;
  /** Bytes that these reserve together. */
  maxPendingBytes: number;
  /** Files of one side of a chat, shared and on their way. */
  maxFiles: number;
  /** Bytes of a company, shared and reserved; undefined: no bound. */
  companyQuotaBytes: number | undefined;
  /** Bytes that a company shares or reserves in a day (UTC); undefined: no bound. */
  bytesPerDay: number | undefined;
};

/** How things stand with what is asked for already in it. */
export type Standing = {
  pendingUploads: number;
  pendingBytes: number;
  /** Shared, of the same side of the same chat. */
  files: number;
  companyBytes: number;
  /** Of the day on which the upload began. */
  dayBytes: number;
};

/** May this upload start? @throws {Failure} `rate-limited`, `quota-exceeded` */
export function checkNewUpload(standing: Standing, allowance: Allowance): void {
  if (standing.pendingUploads > allowance.maxPendingUploads) {
    const detail = `There are ${allowance.maxPendingUploads} unfinished uploads already. Finish or cancel some first.`;
    throw new Failure('rate-limited', detail, { retryAfterSeconds: PENDING_RETRY_SECONDS });
  }
  if (standing.files + standing.pendingUploads > allowance.maxFiles) {
    const detail = `There are ${allowance.maxFiles} files from this side of the chat already. Some have to be removed first.`;
    throw new Failure('quota-exceeded', detail);
  }
  checkMoreBytes(standing, allowance);
}

/** May an upload that has started take more than it reserved? @throws {Failure} `rate-limited`, `quota-exceeded` */
export function checkMoreBytes(standing: Standing, allowance: Allowance): void {
  const { maxPendingBytes, companyQuotaBytes, bytesPerDay } = allowance;
  if (standing.pendingBytes > maxPendingBytes) {
    const detail = `Unfinished uploads may have ${sizeInWords(maxPendingBytes)} together. Finish or cancel some first.`;
    throw new Failure('rate-limited', detail, { retryAfterSeconds: PENDING_RETRY_SECONDS });
  }
  if (companyQuotaBytes !== undefined && standing.companyBytes > companyQuotaBytes) {
    const detail = `There is no room left for this file: all chats together may hold ${sizeInWords(companyQuotaBytes)}. Some files have to be removed first.`;
    throw new Failure('quota-exceeded', detail);
  }
  if (bytesPerDay !== undefined && standing.dayBytes > bytesPerDay) {
    const detail = `All chats together may share ${sizeInWords(bytesPerDay)} a day, and that is used up. Try again tomorrow (UTC).`;
    throw new Failure('quota-exceeded', detail);
  }
}

/** Whether a failure says that the allowance is used up. */
export function isOverAllowance(error: unknown): error is Failure {
  return error instanceof Failure && (error.code === 'rate-limited' || error.code === 'quota-exceeded');
}

/**
 * Bytes to reserve for an upload. Of a deferred length (null) always a step more than what is there: all that it could
 * become would shut others out, only what has arrived would let fifty at once through one gap.
 */
export function bytesToReserve(sizeBytes: number | null, arrivedBytes: number, maxFileSizeBytes: number): number {
  if (sizeBytes !== null) return sizeBytes;
  // In proportion, so that the steps of a large file are few: each is a commit.
  const stepBytes = Math.max(MIN_STEP_BYTES, Math.floor(arrivedBytes / 8));
  return Math.max(arrivedBytes, Math.min(arrivedBytes + stepBytes, maxFileSizeBytes));
}

const MIN_STEP_BYTES = 1024 * 1024;
/** Nobody knows when others' uploads end. */
const PENDING_RETRY_SECONDS = 60;
