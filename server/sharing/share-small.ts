/**
 * A small file whose bytes are all here, in memory: checked there, written once, at its key, and recorded. It comes to the same
 * as the way of a large one, with two transactions and one file where that has six and two.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FileRecord } from '../database/chat-file-table.ts';
import { databaseFailure } from '../database/database-failure.ts';
import type { Database } from '../database/open-database.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import { mustDo, type Runner, runWithin } from '../database/statement.ts';
import { freshRecord, type UploadRecord, type UploadTable } from '../database/upload-table.ts';
import { bytesOf } from '../pictures/kept-bytes.ts';
import { MIN_COMPRESSED_BYTES } from '../pictures/limits.ts';
import { findKeptBytes, hasStrippableMetadata } from '../pictures/strip-metadata.ts';
import { isOverAllowance } from '../rules/allowance.ts';
import { type CompanyPolicy, filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import { confirmType } from '../rules/inspect-whole.ts';
import { newStorageKey } from '../rules/upload-id.ts';
import type { Watch } from '../rules/watch.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import type { AnnouncedUpload } from './accept-upload.ts';
import { canBeMadeSmaller } from './make-smaller.ts';
import type { RecordSteps } from './record-file.ts';
import { isRefusal, type RejectUpload } from './reject-upload.ts';
import type { ReserveBytes } from './reserve-bytes.ts';
import type { ReportProgress } from './upload-progress.ts';
import { waitBriefly } from './wait-briefly.ts';

type Needs = {
  watch: Watch;
  database: Database;
  runner: Pick<Runner, 'transact'>;
  uploads: Pick<UploadTable, 'find' | 'steps' | 'reject'>;
  removedObjects: Pick<RemovedObjectTable, 'steps' | 'notePlace' | 'giveUpPlace' | 'done'>;
  storage: Pick<FileStorage, 'putWhole' | 'remove'>;
  policyOf: PolicyOf;
  reserveBytes: Pick<ReserveBytes, 'forNew' | 'forWhole'>;
  recordSteps: RecordSteps;
  rejectUpload: RejectUpload;
  report: ReportProgress;
  /** The transaction is committed: send what the ledger now holds. `shared`: that is this file and nothing else. */
  wake(company: string, shared?: FileRecord): void;
  expirySeconds: number;
  now(): number;
};

/** Larger files go the ordinary way, where memory does not grow with them. */
const MAX_SMALL_BYTES = 256 * 1024;
/** So long a key is kept for the bytes that are on their way to it: longer than a store takes with all its tries. */
const PLACE_MS = 10 * 60 * 1000;
/** What is not recorded so long before that is not any more: clocks differ, and a process may be held up. */
const PLACE_MARGIN_MS = 5 * 60 * 1000;
const MAX_RECORD_TRIES = 3;
const RECORD_AGAIN_MS = 500;
/** Nothing is known of the type but what the bytes will say. */
const NOTHING_DECIDED = { mimeType: '', extension: '' };

/**
 * Both answer with the file's id; with null, and nothing done, for a file that has to go the ordinary way after all.
 * @throws {Failure} the refusal: it is on the upload's row then · `rate-limited`, `quota-exceeded`, or what the store or the
 * database reports: nothing is left then but an open upload that was there before, and the client is to send the bytes again
 */
export type ShareSmall = {
  /** Whether files of this size and company may go this way. */
  takes(sizeBytes: number | null, policy: Pick<CompanyPolicy, 'scanRequired'>): sizeBytes is number;
  /** The upload gets its row together with its file. */
  create(announced: AnnouncedUpload, bytes: Buffer): Promise<number | null>;
  /** All bytes of an open upload of which none is here; call it under the upload's lock. @throws {Failure} also `gone` */
  complete(upload: UploadRecord, bytes: Buffer): Promise<number | null>;
};

export function createShareSmall(needs: Needs): ShareSmall {
  const watched = (work: () => Promise<number | null>) => needs.watch('upload', 'finish', work);
  return {
    takes: (sizeBytes, { scanRequired }): sizeBytes is number =>
      sizeBytes !== null && sizeBytes <= MAX_SMALL_BYTES && !scanRequired,
    create: (announced, bytes) =>
      watched(async () => {
        const record = freshRecord(announced.upload);
        const file = await check(needs, record, announced.policy, bytes).catch(async (error) => {
          if (isRefusal(error)) await refuseNew(needs, announced, error);
          throw error;
        });
        return file === null ? null : share(needs, record, file, announced);
      }),
    complete: (upload, bytes) =>
      watched(async () => {
        const policy = await needs.policyOf(upload.company);
        const file = await check(needs, upload, policy, bytes).catch(async (error) => {
          if (isRefusal(error)) await needs.rejectUpload(upload, error);
          throw error;
        });
        return file === null ? null : share(needs, upload, file);
      }),
  };
}

/** As it is to be stored. */
type SmallFile = {
  mimeType: string;
  extension: string;
  bytes: readonly Uint8Array[];
  sizeBytes: number;
  sha256: string | null;
};

/** Everything that a finish looks at in the bytes. @returns null where it takes more than that: a scanner, a decoder, a refusal by its checksum */
async function check(
  needs: Needs,
  upload: UploadRecord,
  policy: CompanyPolicy,
  bytes: Buffer,
): Promise<SmallFile | null> {
  const sizeBytes = bytes.length;
  if (policy.scanRequired) return null;
  const file = {
    sizeBytes,
    read: async (position: number, lengthBytes: number) => bytes.subarray(position, position + lengthBytes),
  };
  const { mimeType, extension } = await needs.watch('upload', 'check type', () =>
    confirmType(file, NOTHING_DECIDED, upload, filePolicyOf(policy, upload.uploader)),
  );
  const mayShrink = policy.compressImagesPx !== undefined && canBeMadeSmaller(mimeType);
  if (mayShrink && sizeBytes >= MIN_COMPRESSED_BYTES) return null;
  const kept = policy.stripMetadata && hasStrippableMetadata(mimeType) ? await findKeptBytes(file, mimeType) : null;
  const stored = kept === null ? [bytes] : await collected(bytesOf(file, kept.pieces));
  // Nobody hashes what nobody asked for.
  const isAnnounced = upload.sha256 !== null;
  // A known virus is told before a wrong checksum: that order is the finish's.
  if (isAnnounced && sha256Of([bytes]) !== upload.sha256) return null;
  return {
    mimeType,
    extension,
    bytes: stored,
    sizeBytes: kept?.sizeBytes ?? sizeBytes,
    sha256: isAnnounced ? sha256Of(stored) : null,
  };
}

/** The row stays, with the reason, as if it had been there before its bytes. */
async function refuseNew(
  { database, uploads, reserveBytes }: Needs,
  { upload, policy }: AnnouncedUpload,
  refusal: Failure,
): Promise<void> {
  await database.transaction(async (transaction) => {
    await runWithin(transaction, reserveBytes.forNew(upload, policy));
    await uploads.reject(transaction, upload.id, { code: refusal.code, detail: refusal.message });
  });
}

/**
 * The key is noted as one to be deleted before a byte is there, and is taken off by the transaction that makes it a file: so
 * a crash at any point leaves what a chore deletes, and who lost the race with that chore has no file.
 * @returns null, and nothing is done, where the bytes have to be compared with some that are known to be bad
 */
async function share(
  needs: Needs,
  upload: UploadRecord,
  file: SmallFile,
  announced?: AnnouncedUpload,
): Promise<number | null> {
  const { removedObjects, storage, now } = needs;
  const key = newStorageKey(upload.company, upload.session, file.extension);
  const known = { ...upload, mimeType: file.mimeType, expiresAt: now() + needs.expirySeconds * 1000 };
  if (!(await removedObjects.notePlace(key, now() + PLACE_MS, file.sizeBytes))) return null;
  try {
    await storage.putWhole(key, file.bytes, file.sizeBytes);
  } catch (error) {
    // It stays noted: a store that was too slow may yet do what it was asked.
    await waitBriefly(storage.remove(key));
    throw storeFault(error);
  }
  const { fileId, shared } = await record(needs, known, { ...file, storageKey: key }, announced);
  // What is told of the file comes a turn later: woken first, it leaves together with this.
  needs.wake(upload.company, shared);
  needs.report(known, known.sizeBytes ?? 0, 'done');
  return fileId;
}

function storeFault(error: unknown): unknown {
  if (error instanceof Failure) return error;
  return new Failure('storage-unavailable', 'The file could not be stored. Send it again in a moment.', {
    retryAfterSeconds: 5,
    cause: error,
  });
}

/** `shared`: the file, where its commit was heard of. */
type Recorded = { fileId: number; shared?: FileRecord };

/**
 * After a fault it may be that it was committed and the answer was lost. The row says so; and as long as the key is noted it
 * was not, and is not once that is given up. So nobody is told to send a file again that is shared.
 */
async function record(
  needs: Needs,
  upload: UploadRecord,
  file: SmallFile & { storageKey: string },
  announced: AnnouncedUpload | undefined,
): Promise<Recorded> {
  for (let tries = 1; ; tries += 1) {
    try {
      const shared = await needs.watch('upload', 'record', () => recordOnce(needs, upload, file, announced));
      return { fileId: shared.id, shared };
    } catch (error) {
      const mayPass = databaseFailure(error)?.code === 'storage-unavailable';
      // Only a limit says for sure that there is none.
      const fileId = isOverAllowance(error) ? null : await fileOf(needs, upload.id);
      if (fileId === null && mayPass && tries < MAX_RECORD_TRIES) {
        await sleep(RECORD_AGAIN_MS * tries);
        continue;
      }
      await giveUp(needs, file.storageKey).catch(() => {});
      if (fileId !== null) return { fileId };
      throw error;
    }
  }
}

async function recordOnce(
  { runner, removedObjects, recordSteps, uploads, reserveBytes, now }: Needs,
  upload: UploadRecord,
  { bytes: _, extension: __, ...file }: SmallFile & { storageKey: string },
  announced: AnnouncedUpload | undefined,
): Promise<FileRecord> {
  const { storageKey } = file;
  const createdAt = now();
  const sizeBytes = upload.sizeBytes ?? 0;
  const around = {
    upload: {
      sizeBytes,
      subject: upload.uploader === 'agent' ? upload.subject : null,
      metadata: upload.metadata,
      expiresAt: upload.expiresAt,
    },
    begin: () => mustDo(removedObjects.steps.takePlace(storageKey, createdAt + PLACE_MARGIN_MS), NotOurs),
    // It counts on the day of its file: it begins with that.
    finish: () =>
      announced === undefined
        ? mustDo(uploads.steps.leaveToFile(upload.id, sizeBytes), NotOurs)
        : reserveBytes.forWhole({ ...announced.upload, createdAt }, announced.policy),
  };
  return runner.transact(() => recordSteps(upload, { ...file, scan: 'not_scanned' }, createdAt, around));
}

/** The key was given up, or the upload has ended, or has bytes. Rolls the transaction back. */
class NotOurs extends Failure {
  constructor() {
    super('gone', 'This upload has ended. Start it again.');
  }
}

/** Null also where nobody can say. */
async function fileOf({ uploads }: Needs, uploadId: string): Promise<number | null> {
  const upload = await uploads.find(uploadId).catch(() => null);
  return upload?.state === 'finished' ? upload.fileId : null;
}

/** Where the key is noted no more, its bytes are a file's. */
async function giveUp({ removedObjects, storage }: Needs, key: string): Promise<void> {
  if (!(await removedObjects.giveUpPlace(key))) return;
  await waitBriefly(storage.remove(key).then(() => removedObjects.done(key)));
}

async function collected(chunks: AsyncIterable<Buffer>): Promise<Buffer[]> {
  const all: Buffer[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

function sha256Of(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}
