/** All files of a session, or of its visitor, as one zip that is made while it is sent: no file is ever in memory. */
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type ZipStream from 'zip-stream';
import type { ChatFileTable, FileRecord, FileScope } from '../database/chat-file-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { createArchiveNames } from '../rules/archive-names.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';

type Needs = {
  files: Pick<ChatFileTable, 'list' | 'find' | 'lastId'>;
  uploads: Pick<UploadTable, 'listUnfinished'>;
  storage: Pick<FileStorage, 'open'>;
  now(): number;
};

export type ArchiveRequest = FileScope & {
  session: string;
  /** `manifest`: also what the rows say, in `manifest.json`. Otherwise only what had to be left out is told, if anything. */
  kind: 'files' | 'manifest';
};

/**
 * Bytes come as they are read, and stop when the stream is destroyed. A file that is removed meanwhile is left out and named;
 * a store that is away ends the stream with a fault, so that nobody takes half of it for all.
 */
export type ArchiveFiles = (request: ArchiveRequest) => Readable;

type LeftOut = { id: number; name: string; reason: 'removed' | 'its bytes are not there' };
type EntryData = { name: string; date: Date; store?: boolean };
type Packed = { file: FileRecord; path: string };

const PAGE_FILES = 100;
const MAX_UPLOADS = 1000;
const MANIFEST = 'manifest.json';
const LEFT_OUT = 'left-out.txt';
/** What gets smaller by it; all others are compressed already, or would cost more time than they save. */
const COMPRESSIBLE = /^(?:text\/|application\/(?:rtf|json|xml|msword|vnd\.ms-)|image\/(?:bmp|tiff)|audio\/wav)/;

export function createArchiveFiles(needs: Needs): ArchiveFiles {
  return (request) => {
    const output = new PassThrough();
    zipInto(needs, request, output).catch((error: Error) => output.destroy(error));
    return output;
  };
}

async function zipInto(needs: Needs, request: ArchiveRequest, output: PassThrough): Promise<void> {
  // With its streams a hundred modules, which no start has to load.
  const { default: Zip } = await import('zip-stream');
  const zip = new Zip();
  // What ends one of them ends the other: a fault, or a client that leaves.
  pipeline(zip, output, () => {});
  await pack(needs, request, zip, output);
}

async function pack(needs: Needs, request: ArchiveRequest, zip: ZipStream, output: Readable): Promise<void> {
  const nameOf = createArchiveNames([MANIFEST, LEFT_OUT]);
  const packed: Packed[] = [];
  const leftOut: LeftOut[] = [];
  for await (const file of filesOf(needs, request)) {
    const object =
      (await needs.files.find(file.id)) === null ? 'removed' : await needs.storage.open(file.storageKey, 'client');
    if (object === 'removed' || object === null) {
      leftOut.push({ id: file.id, name: file.name, reason: object ?? 'its bytes are not there' });
      continue;
    }
    const path = nameOf(file.name);
    await packObject(zip, output, object, file, path);
    packed.push({ file, path });
  }
  const text = (name: string, content: string) => addEntry(zip, content, { name, date: new Date(needs.now()) });
  if (request.kind === 'manifest') {
    const manifest = await manifestOf(needs, request, packed, leftOut);
    await text(MANIFEST, `${JSON.stringify(manifest, null, 2)}\n`);
  } else if (leftOut.length > 0) {
    await text(LEFT_OUT, leftOut.map(({ name, reason }) => `${name}: ${reason}\n`).join(''));
  }
  zip.finish();
}

/** @throws when the client has left, or fewer bytes came than the store had said */
async function packObject(
  zip: ZipStream,
  output: Readable,
  object: StoredObject,
  { mimeType, createdAt }: FileRecord,
  name: string,
): Promise<void> {
  const { sizeBytes } = object;
  const entry = { name, date: new Date(createdAt), store: !COMPRESSIBLE.test(mimeType) };
  if (sizeBytes === 0 || output.destroyed) {
    await object.close();
    if (output.destroyed) throw new Error('The client has left.');
    await addEntry(zip, Buffer.alloc(0), entry);
    return;
  }
  const bytes = object.stream(0, sizeBytes - 1);
  const stop = () => bytes.destroy();
  output.once('close', stop);
  const [packedBytes] = await Promise.all([addEntry(zip, bytes, entry), finished(bytes, { writable: false })]).finally(
    () => output.off('close', stop),
  );
  if (packedBytes !== sizeBytes) throw new Error(`${packedBytes} bytes came instead of ${sizeBytes}`);
}

/** @returns how many bytes went in */
function addEntry(zip: ZipStream, source: Readable | Buffer | string, data: EntryData): Promise<number> {
  return new Promise((resolve, reject) => {
    zip.entry(source, data, (error, entry) =>
      entry === undefined || error ? reject(error) : resolve(entry.getSize()),
    );
  });
}

/** Oldest first, a page at a time; what is shared after the beginning is not in it. */
async function* filesOf({ files }: Needs, { company, session, uploader }: ArchiveRequest): AsyncGenerator<FileRecord> {
  const filter = uploader === null ? {} : { uploader };
  const lastId = await files.lastId();
  for (let beyondId: number | null = null; ; ) {
    const page: FileRecord[] = await files.list(company, session, filter, { order: 'oldest', beyondId }, PAGE_FILES);
    for (const file of page) {
      if (file.id > lastId) return;
      yield file;
    }
    const last = page.at(-1);
    if (last === undefined) return;
    beyondId = last.id;
  }
}

async function manifestOf(needs: Needs, request: ArchiveRequest, packed: readonly Packed[], leftOut: LeftOut[]) {
  const { company, session, uploader } = request;
  const unfinished = await needs.uploads.listUnfinished(company, session, MAX_UPLOADS, needs.now());
  return {
    company_id: company,
    session_id: session,
    uploader,
    exported_at: timeOf(needs.now()),
    files: packed.map(({ file, path }) => ({
      id: file.id,
      path,
      name: file.name,
      uploader: file.uploader,
      mime_type: file.mimeType,
      size: file.sizeBytes,
      sha256: file.sha256,
      width: file.width,
      height: file.height,
      scan: file.scan,
      seq: file.seq,
      created_at: timeOf(file.createdAt),
    })),
    left_out: leftOut,
    unfinished_uploads: unfinished
      .filter((upload) => uploader === null || upload.uploader === uploader)
      .map(wireUpload),
  };
}

function wireUpload({ uploader, name, declaredType, sizeBytes, bytesReceived, createdAt, expiresAt }: UploadRecord) {
  const times = { created_at: timeOf(createdAt), expires_at: timeOf(expiresAt) };
  return { uploader, name, declared_type: declaredType, size: sizeBytes, bytes_received: bytesReceived, ...times };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
