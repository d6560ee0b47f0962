/** What of a picture that is here and checked is stored: without its metadata, and smaller where the company wants it. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Lease, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { bytesOf } from '../pictures/kept-bytes.ts';
import { findKeptBytes, hasStrippableMetadata } from '../pictures/strip-metadata.ts';
import type { CompanyPolicy, PolicyOf } from '../rules/company-policy.ts';
import { Failure } from '../rules/failure.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';
import { canBeMadeSmaller, type MakeSmaller } from './make-smaller.ts';

type Needs = {
  uploads: Pick<UploadTable, 'noteReceivedChecked'>;
  storage: Pick<FileStorage, 'open' | 'put'>;
  policyOf: PolicyOf;
  makeSmaller: MakeSmaller;
};

/** What is stored now. */
export type StoredFacts = { sizeBytes: number; isAsReceived: boolean };

/**
 * Safe to repeat: that the received bytes were checked is noted before others take their place, and what is without metadata
 * stays as it is. @throws {Failure} `checksum-mismatch` · when the lease is lost
 */
export type StripMetadata = (upload: UploadRecord, lease: Lease, key: string, mimeType: string) => Promise<StoredFacts>;

export function createStripMetadata({ uploads, storage, policyOf, makeSmaller }: Needs): StripMetadata {
  /** What takes the place of what is there; null where nothing does. */
  const findReplacement = async (upload: UploadRecord, key: string, object: StoredObject, wanted: Wanted) => {
    const { isStripped, maxSidePx } = wanted;
    // An earlier finish may have put the smaller one there: once is enough.
    const isReceived = !upload.receivedChecked || object.sizeBytes === upload.sizeBytes;
    const smaller =
      maxSidePx !== null && isReceived
        ? await makeSmaller(upload.id, key, { maxSidePx, keepsMetadata: !isStripped })
        : null;
    return smaller ?? (isStripped ? await findKeptBytes(object, wanted.mimeType) : null);
  };
  return async (upload, lease, key, mimeType) => {
    const { id, receivedChecked, sha256 } = upload;
    const wanted = wantedOf(await policyOf(upload.company), mimeType);
    if (!wanted.isStripped && wanted.maxSidePx === null && !receivedChecked)
      return { sizeBytes: upload.sizeBytes ?? 0, isAsReceived: true };
    const object = await storage.open(key);
    if (object === null) throw new Error(`the bytes of ${key} are missing`);
    try {
      const kept = await findReplacement(upload, key, object, wanted);
      // An earlier finish may have got so far.
      if (kept === null) return { sizeBytes: object.sizeBytes, isAsReceived: !receivedChecked };
      if (!receivedChecked && sha256 !== null && (await sha256Of(object)) !== sha256) throw checksumMismatch();
      if (!(await uploads.noteReceivedChecked(id, lease))) throw new Error('the lease is lost');
      const makeBody = () => Readable.from(bytesOf(object, kept.pieces), { objectMode: false });
      await storage.put(id, key, makeBody, kept.sizeBytes);
      return { sizeBytes: kept.sizeBytes, isAsReceived: false };
    } finally {
      await object.close();
    }
  };
}

/** `maxSidePx`: null where it is not made smaller. */
type Wanted = { mimeType: string; isStripped: boolean; maxSidePx: number | null };

function wantedOf({ stripMetadata, compressImagesPx }: CompanyPolicy, mimeType: string): Wanted {
  return {
    mimeType,
    isStripped: stripMetadata && hasStrippableMetadata(mimeType),
    maxSidePx: (canBeMadeSmaller(mimeType) ? compressImagesPx : undefined) ?? null,
  };
}

export function checksumMismatch(): Failure {
  return new Failure('checksum-mismatch', 'The file changed on its way. Choose it again.');
}

async function sha256Of(object: StoredObject): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of bytesOf(object, [{ from: 0, bytes: object.sizeBytes }])) hash.update(bytes);
  return hash.digest('hex');
}
