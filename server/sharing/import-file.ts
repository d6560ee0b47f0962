/** One file of another service: looked at, brought over, recorded. Safe to repeat, and to be killed anywhere. */
import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ImportClaim, ImportedFileTable } from '../database/imported-file-table.ts';
import { type ByteSource, bytesOf, type Piece } from '../pictures/kept-bytes.ts';
import { findKeptBytes } from '../pictures/strip-metadata.ts';
import { SERVER } from '../rules/actor.ts';
import { filePolicyOf, type PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import type { DecidedType, FilePolicy } from '../rules/file-policy.ts';
import { confirmType } from '../rules/inspect-whole.ts';
import { infected, tooLarge, unscannable } from '../rules/refusals.ts';
import type { SourceRow } from '../rules/source-row.ts';
import { newStorageKey, newUploadId } from '../rules/upload-id.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';
import { type MediaSource, UnsafePath } from '../storage/media-source.ts';
import { NoScanner } from './check-scanner.ts';
import type { NoteInfected } from './note-infected.ts';
import type { ImportedFacts, RecordImport } from './record-import.ts';
import { isRefusal } from './reject-upload.ts';
import type { FindKnownBad, Infected, ScanObject } from './scan-object.ts';

type Needs = {
  imported: Pick<ImportedFileTable, 'claim' | 'giveUpPlace'>;
  storage: Pick<FileStorage, 'open' | 'create' | 'append' | 'makeFinal' | 'put' | 'discard' | 'remove'>;
  policyOf: PolicyOf;
  /** Null: there is no scanner. */
  scanObject: ScanObject | null;
  findKnownBad: FindKnownBad;
  noteInfected: NoteInfected;
  recordImport: RecordImport;
  now(): number;
};

export type ImportWish = {
  /** Keeps the rows of one service apart from those of another. */
  source: string;
  media: MediaSource;
  /** Lets in what the settings or the company's policy would refuse by its type, size, pixels or password. */
  evenNotAllowed: boolean;
  signal: AbortSignal;
};

/** Why a row becomes no file. `missing`: its bytes are not there, or not all; the others are as an upload's. */
export type Refusal = { code: string; detail: string };
export type Looked = { refused: Refusal } | { missing: string } | { sizeBytes: number };
export type Brought = { refused: Refusal } | { missing: string } | { facts: ImportedFacts; receivedBytes: number };

export type ImportFile = {
  /** What would become of it; reads, and changes nothing. A scanner is not asked. */
  look(row: SourceRow, wish: ImportWish): Promise<Looked>;
  /** Its bytes into the store. @throws {Failure} when the store or the scanner is away: run it again */
  bring(row: SourceRow, wish: ImportWish): Promise<Brought>;
  /** As a file. @returns its id */
  record(row: SourceRow, source: string, facts: ImportedFacts): Promise<number>;
};

/** In one request to a bucket; what is larger takes the way of an upload. */
const MAX_PUT_BYTES = 32 * 1024 * 1024;
/** A sweep of the server may take what is being written for something left over. */
const ATTEMPTS = 3;
const IDLE_TIMEOUT_MS = 60_000;

/** The source could not be read: no fault of our own store, whatever the system called it. */
class Unreadable extends Error {}

export function createImportFile(needs: Needs): ImportFile {
  return {
    look: (row, wish) => examine(needs, row, wish, async (_object, _type, sizeBytes) => ({ sizeBytes })),
    bring: (row, wish) =>
      examine(needs, row, wish, async (object, type, _size, policy) =>
        bring(needs, row, wish, { object, type, policy }),
      ),
    record: (row, source, facts) => needs.recordImport(row, source, facts),
  };
}

type Work<T> = (object: StoredObject, type: DecidedType, sizeBytes: number, policy: FilePolicy) => Promise<T>;

/** Opens the bytes and holds them against the rules of an upload; what passes is handed on. */
async function examine<T>(
  { policyOf, now }: Needs,
  row: SourceRow,
  wish: ImportWish,
  work: Work<T>,
): Promise<T | { refused: Refusal } | { missing: string }> {
  const holds = await policyOf(row.company);
  const keptSeconds = holds.retentionSeconds[row.uploader];
  if (keptSeconds !== undefined && row.createdAt < now() - keptSeconds * 1000)
    return { refused: { code: 'too-old', detail: 'it is older than RETENTION keeps files, and would go at once' } };
  const policy = policyFor(filePolicyOf(holds, row.uploader), wish.evenNotAllowed);
  let object: StoredObject | null = null;
  try {
    object = await wish.media.open(row.path);
    if (object === null) return { missing: 'its bytes are not there' };
    if (object.sizeBytes === 0 && (row.statedBytes ?? 0) > 0)
      return { missing: `nothing is left of its ${row.statedBytes} bytes` };
    if (object.sizeBytes > policy.maxFileSizeBytes) throw tooLarge(row.name, policy.maxFileSizeBytes);
    const readable = { ...object, read: readingOf(object) };
    const type = await confirmType(readable, NOTHING_DECIDED, declaredOf(row), policy);
    return await work(readable, type, object.sizeBytes, policy);
  } catch (error) {
    if (error instanceof UnsafePath) return { refused: { code: 'unsafe-path', detail: error.message } };
    if (isRefusal(error)) return { refused: { code: error.code, detail: error.message } };
    throw error;
  } finally {
    await object?.close().catch(() => {});
  }
}

const NOTHING_DECIDED: DecidedType = { mimeType: '', extension: '' };

/** The row's own type is what its sender said: it decided nothing then, and refuses nothing now. */
function declaredOf({ name }: SourceRow) {
  return { name, declaredType: null };
}

/** What is refused under every setting stays refused. */
function policyFor(policy: FilePolicy, evenNotAllowed: boolean): FilePolicy {
  return evenNotAllowed ? { maxFileSizeBytes: Number.POSITIVE_INFINITY, allowedTypes: ['*'] } : policy;
}

function readingOf(object: StoredObject): StoredObject['read'] {
  return (position, lengthBytes) =>
    object.read(position, lengthBytes).catch((error: unknown) => {
      if (error instanceof Failure) throw error;
      throw new Unreadable(`its bytes cannot be read: ${(error as Error).message}`, { cause: error });
    });
}

type Source = { object: StoredObject; type: DecidedType; policy: FilePolicy };

async function bring(needs: Needs, row: SourceRow, wish: ImportWish, source: Source): Promise<Brought> {
  const { imported, policyOf } = needs;
  const { object, type } = source;
  const proposed = {
    uploadId: newUploadId(),
    storageKey: newStorageKey(row.company, row.session, type.extension),
  };
  const claim = await imported.claim(wish.source, row.sourceId, proposed);
  const { stripMetadata, scanRequired } = await policyOf(row.company);
  const kept = stripMetadata ? await findKeptBytes(object, type.mimeType) : null;
  const whole = { pieces: [{ from: 0, bytes: object.sizeBytes }], sizeBytes: object.sizeBytes };
  const copy: Copy = { source: object, ...(kept ?? whole), key: claim.storageKey, signal: wish.signal };
  const { sizeBytes } = copy;
  try {
    const sha256 = await copyWithPatience(needs.storage, copy);
    const mimeType = await confirmStored(needs, row, claim, source.policy);
    const scan = await scanStored(needs, row, { ...claim, sizeBytes, scanRequired, signal: wish.signal });
    return { facts: { ...claim, mimeType, sizeBytes, sha256, scan }, receivedBytes: object.sizeBytes };
  } catch (error) {
    // Whatever it was: bytes that no row names would outlive their chat. The next run brings them again, to the same place.
    const removed = needs.storage.remove(claim.storageKey);
    if (!isRefusal(error)) {
      await removed.catch(() => {});
      throw error;
    }
    await removed;
    await imported.giveUpPlace(wish.source, row.sourceId);
    return { refused: { code: error.code, detail: error.message } };
  }
}

type Copy = {
  source: ByteSource;
  pieces: readonly Piece[];
  sizeBytes: number;
  key: string;
  signal: AbortSignal;
};

/** @returns the sha256 of what is stored now */
async function copyWithPatience(storage: Needs['storage'], copy: Copy): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await (copy.sizeBytes <= MAX_PUT_BYTES ? putWhole(storage, copy) : appendLarge(storage, copy));
    } catch (error) {
      const isLost = attempt === ATTEMPTS || copy.signal.aborted || error instanceof Unreadable;
      if (isLost || (error instanceof Failure && error.code === 'storage-full')) throw error;
    }
  }
}

async function putWhole(storage: Needs['storage'], copy: Copy): Promise<string> {
  let hash = createHash('sha256');
  const makeBody = () => {
    hash = createHash('sha256');
    return Readable.from(seen(copy, hash), { objectMode: false });
  };
  const place = newUploadId();
  try {
    await storage.put(place, copy.key, makeBody, copy.sizeBytes);
  } catch (error) {
    await storage.discard(place).catch(() => {});
    throw error;
  }
  return hash.digest('hex');
}

async function appendLarge(storage: Needs['storage'], copy: Copy): Promise<string> {
  const hash = createHash('sha256');
  const place = newUploadId();
  const body = Readable.from(seen(copy, hash), { objectMode: false });
  let fault: Error | undefined;
  body.on('error', (error: Error) => {
    fault ??= error;
  });
  try {
    await storage.create(place, copy.sizeBytes);
    const limits = { maxBytes: copy.sizeBytes, idleTimeoutMs: IDLE_TIMEOUT_MS, signal: copy.signal };
    const { offset, end } = await storage.append(place, 0, body, limits);
    if (fault !== undefined) throw fault;
    if (offset !== copy.sizeBytes) throw new Error(`the copy ended at byte ${offset} of ${copy.sizeBytes}: ${end}`);
    await storage.makeFinal(place, copy.key, copy.signal);
    return hash.digest('hex');
  } catch (error) {
    await storage.discard(place).catch(() => {});
    throw error;
  } finally {
    body.destroy();
  }
}

async function* seen({ source, pieces, signal }: Copy, hash: Hash): AsyncGenerator<Buffer> {
  for await (const bytes of bytesOf(source, pieces)) {
    signal.throwIfAborted();
    hash.update(bytes);
    yield bytes;
  }
}

/** What is stored is what counts: its source may have changed since it was looked at. @returns the type */
async function confirmStored(
  { storage }: Needs,
  row: SourceRow,
  { storageKey }: ImportClaim,
  policy: FilePolicy,
): Promise<string> {
  const stored = await storage.open(storageKey);
  if (stored === null) throw new Error(`the bytes of ${storageKey} are missing`);
  try {
    return (await confirmType(stored, NOTHING_DECIDED, declaredOf(row), policy)).mimeType;
  } finally {
    await stored.close().catch(() => {});
  }
}

type Stored = ImportClaim & { sizeBytes: number; scanRequired: boolean; signal: AbortSignal };

/** As an upload: where scanning is wanted nothing is shared that was not called clean. */
async function scanStored(needs: Needs, row: SourceRow, stored: Stored): Promise<ImportedFacts['scan']> {
  const { storageKey, sizeBytes, scanRequired, signal } = stored;
  if (!scanRequired) {
    const bad = await needs.findKnownBad(storageKey, sizeBytes);
    if (bad !== null) throw await noted(needs, row, stored, bad);
    return 'not_scanned';
  }
  if (needs.scanObject === null) throw new NoScanner();
  const result = await needs.scanObject(storageKey, sizeBytes, signal);
  if (result.is === 'clean') return 'clean';
  throw result.is === 'infected' ? await noted(needs, row, stored, result) : unscannable(result.why);
}

/** Once, however often it is tried: the claim's upload is the same each time. @returns the refusal */
async function noted(
  { noteInfected, now }: Needs,
  { company, session, uploader, name }: SourceRow,
  { uploadId, sizeBytes }: Stored,
  { sha256, signature }: Infected,
): Promise<Failure> {
  const whose = { uploadId, fileId: null, company, session, uploader, subject: null, name };
  await noteInfected({ ...whose, sha256, signature, sizeBytes, foundAt: now() }, SERVER);
  return infected();
}
