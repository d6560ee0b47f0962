/** Scans files that are shared already: there are new signatures, or scanning was switched on. */
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import { SERVER } from '../rules/actor.ts';
import { Failure } from '../rules/failure.ts';
import { unscannable } from '../rules/refusals.ts';
import type { NoteInfected } from './note-infected.ts';
import type { RemoveFile } from './remove-file.ts';
import type { ScanObject } from './scan-object.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'pageAll' | 'find' | 'noteClean'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  scanObject: ScanObject;
  noteInfected: NoteInfected;
  removeFile: RemoveFile;
  wake(company: string): void;
  now(): number;
};

export type RescanRequest = {
  company: string | undefined;
  /** Only those that no scanner has seen yet. */
  notScanned: boolean;
  /** Only those shared since then; milliseconds since 1970. */
  createdSince: number | undefined;
  signal: AbortSignal;
  /** `infected`: it is out of its chat. The others stay as they are. */
  onFinding(finding: RescanFinding): void;
  onProgress(progress: RescanProgress): void;
};
export type RescanFinding = { is: 'infected' | 'unscannable' | 'unreadable'; file: FileRecord; detail: string };
/** `changed`: clean, and it was not known before. */
export type RescanProgress = { files: number; readBytes: number; changed: number; infected: number; faults: number };

/** @throws {Failure} `scanner-unavailable`: what is left can be done later */
export type RescanFiles = (request: RescanRequest) => Promise<RescanProgress>;

const PAGE_FILES = 200;

/** Safe beside a running server, and safe to run again: a file that was removed meanwhile is nobody's fault. */
export function createRescanFiles(needs: Needs): RescanFiles {
  return async (request) => {
    const { company, notScanned, createdSince, signal } = request;
    const progress: RescanProgress = { files: 0, readBytes: 0, changed: 0, infected: 0, faults: 0 };
    const only = { company, createdSince, scan: notScanned ? ('not_scanned' as const) : undefined };
    for (let afterId = 0; ; ) {
      const page = await needs.files.pageAll(afterId, PAGE_FILES, only);
      for (const file of page) {
        signal.throwIfAborted();
        await rescan(needs, file, request, progress);
        progress.files += 1;
        progress.readBytes += file.sizeBytes;
        request.onProgress(progress);
      }
      const last = page.at(-1);
      if (last === undefined) return progress;
      afterId = last.id;
    }
  };
}

async function rescan(needs: Needs, file: FileRecord, request: RescanRequest, progress: RescanProgress): Promise<void> {
  const found = (is: RescanFinding['is'], detail: string) => request.onFinding({ is, file, detail });
  const isThere = async () => (await needs.files.find(file.id)) !== null;
  const fault = async (is: 'unscannable' | 'unreadable', detail: string) => {
    if (!(await isThere())) return;
    progress.faults += 1;
    found(is, detail);
  };
  try {
    const result = await needs.scanObject(file.storageKey, file.sizeBytes, request.signal);
    if (result.is === 'unscannable') return await fault('unscannable', unscannable(result.why).message);
    if (result.is === 'infected') {
      if (!(await isThere())) return;
      await takeOut(needs, file, result);
      progress.infected += 1;
      return found('infected', result.signature);
    }
    if (file.sha256 !== null && file.sha256 !== result.sha256)
      return await fault('unreadable', 'its bytes are not those that were shared: see chatdrop files verify --deep');
    if (await noteClean(needs, file, result.sha256)) progress.changed += 1;
  } catch (error) {
    if (request.signal.aborted || (error instanceof Failure && error.code === 'scanner-unavailable')) throw error;
    await fault('unreadable', (error as Error).message);
  }
}

/** Noted first: after a crash between the two the file is found again, and by its hash. */
async function takeOut(needs: Needs, file: FileRecord, { sha256, signature }: { sha256: string; signature: string }) {
  const { uploadId, id: fileId, company, session, uploader, name, sizeBytes } = file;
  const whose = { uploadId, fileId, company, session, uploader, subject: null, name };
  await needs.noteInfected({ ...whose, sha256, signature, sizeBytes, foundAt: needs.now() }, SERVER);
  await needs.removeFile(file, 'infected');
}

async function noteClean({ database, files, ledger, wake, now }: Needs, file: FileRecord, sha256: string) {
  const { id: fileId, company, session } = file;
  const isNews = await database.transaction(async (transaction) => {
    // The row goes first: a number that is taken must be used.
    if (!(await files.noteClean(transaction, fileId, sha256))) return false;
    const seq = await ledger.nextSeq(transaction, company);
    await ledger.append(transaction, seq, { company, session, type: 'file_updated', fileId }, now());
    return true;
  });
  if (isNews) wake(company);
  return isNews;
}
