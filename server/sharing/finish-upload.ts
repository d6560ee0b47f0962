/** The bytes are all there: check, record once, share. Safe to repeat from anywhere, at any time, after any crash. */
import { createHash, randomBytes } from 'node:crypto';
import path from 'node:path';
import type { Lease, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { isOverAllowance } from '../rules/allowance.ts';
import { filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { HEAD_BYTES } from '../rules/detect-type.ts';
import { Failure } from '../rules/failure.ts';
import { decideType, type FilePolicy } from '../rules/file-policy.ts';
import { confirmType } from '../rules/inspect-whole.ts';
import { isFinal } from '../rules/upload-concat.ts';
import { newStorageKey } from '../rules/upload-id.ts';
import type { Watch } from '../rules/watch.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';
import { NoScanner } from './check-scanner.ts';
import { type JoinParts, PartGone } from './join-parts.ts';
import type { FileFacts, RecordFile } from './record-file.ts';
import { isRefusal, type RejectUpload, storedRefusal } from './reject-upload.ts';
import type { ScanUpload } from './scan-upload.ts';
import { checksumMismatch, type StoredFacts, type StripMetadata } from './strip-metadata.ts';
import type { ReportProgress } from './upload-progress.ts';

type Needs = {
  watch: Watch;
  uploads: Pick<UploadTable, 'find' | 'takeLease' | 'notePlace' | 'releaseLease'>;
  storage: Pick<FileStorage, 'offsetOf' | 'readIncoming' | 'makeFinal' | 'open' | 'remove' | 'discard'>;
  policyOf: PolicyOf;
  joinParts: JoinParts;
  scanUpload: ScanUpload;
  stripMetadata: StripMetadata;
  recordFile: RecordFile;
  rejectUpload: RejectUpload;
  report: ReportProgress;
  /** The transaction is committed: send what the ledger now holds. */
  wake(company: string): void;
  /** Names this process in its leases. */
  holder: string;
  /** Stops what takes long; the next start, or another node, goes on with it. */
  draining: AbortSignal;
  now(): number;
};

/** A lease ends by itself, so that a finish whose process died is taken over. */
export const LEASE_MS = 10 * 60 * 1000;
const MAX_BACKOFF_MS = 5 * 60 * 1000;
/** Who waits for the virus scanner is told that the file comes as soon as it is back. */
const MAX_SCANNER_BACKOFF_MS = 10 * 1000;

/** By another call, or another node. */
export class BeingFinished extends Failure {
  constructor() {
    super('try-again', 'The upload is being finished.', { retryAfterSeconds: 1 });
  }
}

/**
 * Finishes an upload and answers with the file's id. Five callers, one function: the tus hook, HEAD and PATCH on a
 * complete upload, the start, the sweep, the drain.
 * @throws {Failure} the refusal, if the file is refused (also later, every time) · `try-again` while another call or
 * node is at it, or after a fault that may pass · `scanner-unavailable`: the same, for that reason · `gone` when the upload was aborted or expired
 */
export type FinishUpload = (uploadId: string) => Promise<number>;

export function createFinishUpload(needs: Needs): FinishUpload & { settled(): Promise<void> } {
  const underWay = new Map<string, Promise<number>>();
  const finish: FinishUpload = (uploadId) => {
    const running = underWay.get(uploadId);
    if (running !== undefined) return running;
    const started = finishOnce(needs, uploadId).finally(() => underWay.delete(uploadId));
    underWay.set(uploadId, started);
    return started;
  };
  /** Waits for the finishes under way: the drain's part. */
  const settled = async () => {
    await Promise.allSettled(underWay.values());
  };
  return Object.assign(finish, { settled });
}

async function finishOnce(needs: Needs, uploadId: string): Promise<number> {
  const lease = { token: `${needs.holder}.${randomBytes(8).toString('hex')}`, untilMs: needs.now() + LEASE_MS };
  const known = await needs.uploads.find(uploadId);
  if (known !== null && known.state === 'open' && isFinal(known)) await prepareFinal(needs, known);
  const upload = isOwed(known) ? await takeLease(needs, uploadId, lease) : null;
  if (upload === null) return resultOf(await needs.uploads.find(uploadId));
  try {
    const fileId = await moveAndRecord(needs, upload, lease);
    needs.report(upload, upload.sizeBytes ?? 0, 'done');
    needs.wake(upload.company);
    return fileId;
  } catch (error) {
    if (endsForGood(error)) {
      await needs.rejectUpload((await needs.uploads.find(uploadId)) ?? upload, error);
      throw error;
    }
    const isUnscanned =
      error instanceof Failure && error.code === 'scanner-unavailable' && !(error instanceof NoScanner);
    const maxBackoffMs = isUnscanned ? MAX_SCANNER_BACKOFF_MS : MAX_BACKOFF_MS;
    const backoffMs = Math.min(maxBackoffMs, 1000 * 2 ** Math.min(upload.attempts, 10));
    // If even that fails, this process still knows that the lease is its own and not in use.
    await needs.uploads.releaseLease(uploadId, lease, reasonOf(error), needs.now() + backoffMs).catch(() => {});
    if (isUnscanned) throw unscanned(error);
    if (error instanceof NoScanner) throw error;
    throw new Failure('try-again', 'All bytes are here, but the file cannot be shared yet. It will be, by itself.', {
      retryAfterSeconds: 2,
      cause: error,
    });
  }
}

function unscanned({ retryAfterSeconds, cause }: Failure): Failure {
  const options = { ...(retryAfterSeconds !== undefined && { retryAfterSeconds }), cause };
  const detail = 'The virus scanner is away. The file is shared as soon as it is back.';
  return new Failure('scanner-unavailable', detail, options);
}

/** For whoever looks at the job: what was refused by whom. */
function reasonOf(error: unknown): string {
  return error instanceof Failure && error.cause !== undefined ? `${error.message} ${error.cause}` : String(error);
}

/** A database that cannot be written to is no reason to give the upload up. */
async function takeLease({ uploads, now }: Needs, uploadId: string, lease: Lease): Promise<UploadRecord | null> {
  try {
    return await uploads.takeLease(uploadId, lease, now());
  } catch (cause) {
    throw new Failure('try-again', 'All bytes are here, but the file cannot be shared yet. It will be, by itself.', {
      retryAfterSeconds: 5,
      cause,
    });
  }
}

/** Parts that are missing are waited for; parts that are gone, or more bytes than there is room for, end the upload. */
async function prepareFinal(needs: Needs, upload: UploadRecord): Promise<void> {
  await needs.joinParts.prepare(upload).catch(async (error) => {
    // Its parts have their room: who meets this used one several times, and would hold what is left by waiting.
    if (endsForGood(error) || isOverAllowance(error)) await needs.rejectUpload(upload, error);
    throw error;
  });
}

/** Refused, or a part of it has ended, so that it will never be whole. */
function endsForGood(error: unknown): error is Failure {
  return isRefusal(error) || error instanceof PartGone;
}

function isOwed(upload: UploadRecord | null): boolean {
  return upload?.state === 'open' || upload?.state === 'finishing';
}

/** What an upload came to that is not ours to finish now. */
function resultOf(upload: UploadRecord | null): number {
  if (upload?.state === 'finished' && upload.fileId !== null) return upload.fileId;
  if (upload?.state === 'rejected') throw storedRefusal(upload);
  if (isOwed(upload)) throw new BeingFinished();
  throw new Failure('gone', 'This upload has ended. Start it again.');
}

/** Bytes first, row second. The place is noted before the bytes move, so that a retry after a crash finds them. */
async function moveAndRecord(needs: Needs, upload: UploadRecord, lease: Lease): Promise<number> {
  const { id, sizeBytes } = upload;
  // As it is now: a type that is forbidden by now is not shared.
  const policy = filePolicyOf(await needs.policyOf(upload.company), upload.uploader);
  // A place that is noted means that the parts were joined before: the bytes are here, or at that place already.
  if (isFinal(upload) && upload.storageKey === null) await needs.joinParts.join(upload);
  const sizeNow = await needs.storage.offsetOf(id);
  if (sizeBytes === null || (sizeNow !== null && sizeNow !== sizeBytes))
    throw new Error(`upload ${id} is not complete`);
  if (upload.storageKey === null || sizeNow !== null) {
    const head = await needs.storage.readIncoming(id, Math.min(HEAD_BYTES, sizeBytes));
    const decided = await decideType(head, sizeBytes <= HEAD_BYTES, upload, policy);
    upload.storageKey ??= newStorageKey(upload.company, upload.session, decided.extension);
    upload.mimeType = decided.mimeType;
    if (!(await needs.uploads.notePlace(id, lease, upload.storageKey, decided.mimeType)))
      throw new Error('the lease is lost');
  }
  await needs.storage.makeFinal(id, upload.storageKey, needs.draining);
  const key = upload.storageKey;
  const mimeType = await needs.watch('upload', 'check type', () => checkWhole(needs, upload, key, policy));
  const stored = await needs.stripMetadata(upload, lease, upload.storageKey, mimeType);
  const examined = await examine(needs, upload, lease, upload.storageKey, stored);
  const facts = { mimeType, ...examined, storageKey: upload.storageKey, sizeBytes: stored.sizeBytes };
  const recorded = await needs.recordFile(upload, lease, facts);
  if (recorded !== null) {
    // What cannot be deleted now is found as orphaned later; the file is shared all the same.
    for (const part of recorded.endedParts) await needs.storage.discard(part).catch(() => {});
    return recorded.fileId;
  }
  // The session or company was deleted meanwhile, or the lease is another's. Only in the first case are the bytes nobody's.
  const current = await needs.uploads.find(id);
  if (current === null || current.state === 'aborted') await needs.storage.remove(upload.storageKey);
  throw new Error('the lease is lost');
}

/**
 * Looks at the bytes as they are stored, not as a process that died may have believed; where these have taken the place of
 * those that were received, at their type. @returns the type
 */
async function checkWhole(needs: Needs, upload: UploadRecord, key: string, policy: FilePolicy): Promise<string> {
  const object = await openFinal(needs, key);
  const asReceived = !upload.receivedChecked;
  try {
    if (asReceived && object.sizeBytes !== upload.sizeBytes)
      throw new Error(`${key} has ${object.sizeBytes} bytes instead of ${upload.sizeBytes}`);
    const decided = { mimeType: upload.mimeType ?? '', extension: path.extname(key) };
    return (await confirmType(object, decided, upload, policy)).mimeType;
  } finally {
    await object.close().catch(() => {});
  }
}

async function openFinal({ storage }: Needs, key: string): Promise<StoredObject> {
  const object = await storage.open(key);
  if (object === null) throw new Error(`the bytes of ${key} are missing`);
  return object;
}

/** What only a reading of all bytes shows. A virus is told before a wrong checksum. */
async function examine(
  needs: Needs,
  upload: UploadRecord,
  lease: Lease,
  key: string,
  { sizeBytes, isAsReceived }: StoredFacts,
): Promise<Pick<FileFacts, 'sha256' | 'scan'>> {
  const scanned = await needs.scanUpload({ ...upload, sizeBytes }, key, lease);
  const sha256 = scanned ?? (upload.sha256 === null ? null : await sha256Of(await openFinal(needs, key)));
  // What has taken the place of the received bytes has another; theirs was checked before.
  if (isAsReceived && upload.sha256 !== null && sha256 !== upload.sha256) throw checksumMismatch();
  return { sha256, scan: scanned === null ? 'not_scanned' : 'clean' };
}

async function sha256Of(object: StoredObject): Promise<string> {
  const hash = createHash('sha256');
  try {
    // Not in steps: in a bucket each would be a request.
    if (object.sizeBytes > 0) for await (const chunk of object.stream(0, object.sizeBytes - 1)) hash.update(chunk);
  } finally {
    await object.close().catch(() => {});
  }
  return hash.digest('hex');
}
