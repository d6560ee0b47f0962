/** Between the bytes being final and the record: only what the virus scanner calls clean goes on, where the company wants that. */
import type { Lease, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { actorOf, SERVER } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { infected, unscannable } from '../rules/refusals.ts';
import { NoScanner } from './check-scanner.ts';
import type { NoteInfected } from './note-infected.ts';
import type { FindKnownBad, Infected, ScanObject } from './scan-object.ts';
import type { ReportProgress } from './upload-progress.ts';

type Needs = {
  /** As it is now. */
  isRequired(company: string): Promise<boolean>;
  /** Null: there is no scanner. */
  scanObject: ScanObject | null;
  findKnownBad: FindKnownBad;
  uploads: Pick<UploadTable, 'renewLease'>;
  noteInfected: NoteInfected;
  report: ReportProgress;
  /** Ends scans at a shutdown. */
  stopping: AbortSignal;
  leaseMs: number;
  now(): number;
};

/**
 * The sha256 of a clean file; null for one that nobody has to scan, and that is not known to be bad. A lease is renewed while the scan lasts, so that nobody takes the finish over.
 * @throws {Failure} `infected`, `unscannable`: refused · `scanner-unavailable`: owed, and tried again
 */
export type ScanUpload = (upload: UploadRecord, key: string, lease: Lease) => Promise<string | null>;

export function createScanUpload(needs: Needs): ScanUpload {
  return async (upload, key, lease) => {
    const sizeBytes = upload.sizeBytes ?? 0;
    if (!(await needs.isRequired(upload.company))) {
      const bad = await needs.findKnownBad(key, sizeBytes);
      if (bad !== null) throw await noted(needs, upload, bad);
      return null;
    }
    if (needs.scanObject === null) throw new NoScanner();
    return await scan(needs, needs.scanObject, { upload, sizeBytes, key, lease });
  };
}

type Scan = { upload: UploadRecord; sizeBytes: number; key: string; lease: Lease };

async function scan(needs: Needs, scanObject: ScanObject, { upload, sizeBytes, key, lease }: Scan): Promise<string> {
  // After a fault it is said again only when it is over: others would see a card that changes its mind every second.
  if (upload.lastError === null) needs.report(upload, sizeBytes, 'checking');
  const kept = keepLease(needs, upload.id, lease);
  try {
    const result = await scanObject(key, sizeBytes, AbortSignal.any([needs.stopping, kept.lost]));
    if (result.is === 'clean') return result.sha256;
    if (result.is === 'unscannable') throw unscannable(result.why);
    throw await noted(needs, upload, result);
  } catch (error) {
    if (error instanceof Failure && error.code === 'scanner-unavailable') needs.report(upload, sizeBytes, 'error');
    throw error;
  } finally {
    kept.end();
  }
}

/** Who brought it is kept before anybody is told. @returns the refusal */
async function noted(needs: Needs, upload: UploadRecord, { sha256, signature }: Infected): Promise<Failure> {
  const { id: uploadId, company, session, uploader, subject, name } = upload;
  const whose = { uploadId, fileId: null, company, session, uploader, subject, name };
  const by = actorOf({ role: uploader, subject }, upload.client ?? SERVER);
  const sizeBytes = upload.sizeBytes ?? 0;
  await needs.noteInfected({ ...whose, sha256, signature, sizeBytes, foundAt: needs.now() }, by);
  return infected();
}

/** Several times in its life, so that a database that is away for a moment costs nothing. */
const RENEWALS_IN_A_LEASE = 5;

function keepLease({ uploads, leaseMs, now }: Needs, uploadId: string, lease: Lease) {
  const lost = new AbortController();
  const renew = async () => {
    if (!(await uploads.renewLease(uploadId, { ...lease, untilMs: now() + leaseMs }))) lost.abort();
  };
  const timer = setInterval(() => void renew().catch(() => {}), leaseMs / RENEWALS_IN_A_LEASE);
  timer.unref();
  return { lost: lost.signal, end: () => clearInterval(timer) };
}
