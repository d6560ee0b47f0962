/** Brings the files of another service over, row by row, beside a running server; run again it goes on where it was. */
import type { ImportedFileTable } from '../database/imported-file-table.ts';
import { Failure } from '../rules/failure.ts';
import { type RawRow, readSourceRow, type SourceRow } from '../rules/source-row.ts';
import type { ImportFile, ImportWish, Refusal } from './import-file.ts';

type Needs = {
  imported: Pick<ImportedFileTable, 'filesOf'>;
  importFile: ImportFile;
  now(): number;
};

/** `failed`: something went wrong that may pass. `note`: it is a file, and its row said something else. */
export type ImportFinding = {
  is: 'missing' | 'refused' | 'failed' | 'note';
  sourceId: string;
  path: string;
  code: string;
  detail: string;
};
export type ImportProgress = {
  rows: number;
  /** With `dryRun`: that would be. */
  imported: number;
  importedBytes: number;
  there: number;
  missing: number;
  refused: number;
  failed: number;
  /** Of the imported ones: whose row names another size. */
  otherSize: number;
  refusedByCode: Map<string, number>;
};

export type ImportRequest = ImportWish & {
  rows: AsyncIterable<RawRow>;
  dryRun: boolean;
  onFinding(finding: ImportFinding): void;
  /** Each row that is a file now, or was before; by the path that its old address ends with. */
  onFile(file: { sourceId: string; path: string; fileId: number }): Promise<void>;
  onProgress(progress: ImportProgress): void;
};

/** @throws {Failure} when the store or the scanner is away, or the store is full: what is left comes with the next run */
export type ImportFiles = (request: ImportRequest) => Promise<ImportProgress>;

/** Of each step; all that is held of the source at once. */
const PAGE_ROWS = 100;
/** Bytes of so many files are on their way together; what becomes of them is recorded in the order of the rows. */
const AT_ONCE = 4;
/** These end the run: every other row would fail for the same reason. */
const ENDS_ALL = new Set(['storage-full', 'storage-unavailable', 'scanner-unavailable']);

export function createImportFiles(needs: Needs): ImportFiles {
  return async (request) => {
    const progress: ImportProgress = {
      ...{ rows: 0, imported: 0, importedBytes: 0, there: 0, missing: 0, refused: 0, failed: 0, otherSize: 0 },
      refusedByCode: new Map(),
    };
    for await (const page of inPages(request.rows, PAGE_ROWS)) {
      const rows = readable(needs, page, request, progress);
      const there = await needs.imported.filesOf(
        request.source,
        rows.map(({ sourceId }) => sourceId),
      );
      for (let at = 0; at < rows.length; at += AT_ONCE) {
        request.signal.throwIfAborted();
        await importSome(needs, rows.slice(at, at + AT_ONCE), there, request, progress);
        request.onProgress(progress);
      }
    }
    return progress;
  };
}

async function* inPages<T>(items: AsyncIterable<T>, length: number): AsyncGenerator<T[]> {
  let page: T[] = [];
  for await (const item of items) {
    if (page.push(item) < length) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** Each row once: an export may hold one twice. */
function readable({ now }: Needs, page: RawRow[], request: ImportRequest, progress: ImportProgress): SourceRow[] {
  const rows = new Map<string, SourceRow>();
  for (const raw of page) {
    const read = readSourceRow(raw, now());
    progress.rows += 1;
    if ('fault' in read) {
      const path = typeof raw.file === 'string' ? raw.file : '';
      refuse(request, progress, { sourceId: read.sourceId, path }, read.fault);
    } else if (rows.has(read.row.sourceId)) progress.there += 1;
    else rows.set(read.row.sourceId, read.row);
  }
  return [...rows.values()];
}

async function importSome(
  needs: Needs,
  rows: readonly SourceRow[],
  there: ReadonlyMap<string, number>,
  request: ImportRequest,
  progress: ImportProgress,
): Promise<void> {
  const works = await Promise.allSettled(
    rows.map(async (row) => {
      if (there.has(row.sourceId)) return null;
      return request.dryRun ? needs.importFile.look(row, request) : needs.importFile.bring(row, request);
    }),
  );
  for (const [at, row] of rows.entries()) {
    const work = works[at];
    if (work === undefined) continue;
    try {
      if (work.status === 'rejected') throw work.reason;
      await settle(needs, row, work.value, there.get(row.sourceId), request, progress);
    } catch (error) {
      if (request.signal.aborted) throw request.signal.reason;
      if (error instanceof Failure && ENDS_ALL.has(error.code)) throw error;
      progress.failed += 1;
      request.onFinding({ is: 'failed', ...row, code: 'failed', detail: (error as Error).message });
    }
  }
}

type Work = Awaited<ReturnType<ImportFile['look']>> | Awaited<ReturnType<ImportFile['bring']>> | null;

async function settle(
  { importFile }: Needs,
  row: SourceRow,
  work: Work,
  thereAs: number | undefined,
  request: ImportRequest,
  progress: ImportProgress,
): Promise<void> {
  if (thereAs !== undefined) {
    progress.there += 1;
    return request.onFile({ ...row, fileId: thereAs });
  }
  if (work === null) return;
  if ('refused' in work) return refuse(request, progress, row, work.refused);
  if ('missing' in work) {
    progress.missing += 1;
    return request.onFinding({ is: 'missing', ...row, code: 'missing', detail: work.missing });
  }
  const sizeBytes = 'facts' in work ? work.receivedBytes : work.sizeBytes;
  if ('facts' in work) {
    const fileId = await importFile.record(row, request.source, work.facts);
    await request.onFile({ ...row, fileId });
  }
  progress.imported += 1;
  progress.importedBytes += sizeBytes;
  if (row.statedBytes === null || row.statedBytes === sizeBytes) return;
  progress.otherSize += 1;
  const detail = `it has ${sizeBytes} bytes, and its row says ${row.statedBytes}`;
  request.onFinding({ is: 'note', ...row, code: 'other-size', detail });
}

function refuse(
  { onFinding }: ImportRequest,
  progress: ImportProgress,
  { sourceId, path }: { sourceId: string; path: string },
  { code, detail }: Refusal,
): void {
  progress.refused += 1;
  progress.refusedByCode.set(code, (progress.refusedByCode.get(code) ?? 0) + 1);
  onFinding({ is: 'refused', sourceId, path, code, detail });
}
