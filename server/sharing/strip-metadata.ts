/** Takes location, camera and other metadata out of a picture that is here and checked, before it becomes a file. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Lease, UploadRecord, UploadTable } from '../database/upload-table.ts';
import { bytesOf } from '../pictures/kept-bytes.ts';
import { findKeptBytes, hasStrippableMetadata } from '../pictures/strip-metadata.ts';
import { Failure } from '../rules/failure.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';

type Needs = {
  uploads: Pick<UploadTable, 'noteReceivedChecked'>;
  storage: Pick<FileStorage, 'open' | 'put'>;
  /** Whether the company wants it. */
  stripsMetadata(company: string): boolean | Promise<boolean>;
};

/** What is stored now. */
export type StoredFacts = { sizeBytes: number; isAsReceived: boolean };

/**
 * Safe to repeat: that the received bytes were checked is noted before others take their place, and what is without metadata
 * stays as it is. @throws {Failure} `checksum-mismatch` · when the lease is lost
 */
export type StripMetadata = (upload: UploadRecord, lease: Lease, key: string, mimeType: string) => Promise<StoredFacts>;

export function createStripMetadata({ uploads, storage, stripsMetadata }: Needs): StripMetadata {
  return async (upload, lease, key, mimeType) => {
    const { id, receivedChecked, sha256 } = upload;
    const isWanted = hasStrippableMetadata(mimeType) && (await stripsMetadata(upload.company));
    if (!isWanted && !receivedChecked) return { sizeBytes: upload.sizeBytes ?? 0, isAsReceived: true };
    const object = await storage.open(key);
    if (object === null) throw new Error(`the bytes of ${key} are missing`);
    try {
      const kept = isWanted ? await findKeptBytes(object, mimeType) : null;
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

export function checksumMismatch(): Failure {
  return new Failure('checksum-mismatch', 'The file changed on its way. Choose it again.');
}

async function sha256Of(object: StoredObject): Promise<string> {
  const hash = createHash('sha256');
  for await (const bytes of bytesOf(object, [{ from: 0, bytes: object.sizeBytes }])) hash.update(bytes);
  return hash.digest('hex');
}
