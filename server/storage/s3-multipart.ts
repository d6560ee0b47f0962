/** The multipart uploads of @tus/s3-store, by key and id: what it keeps in `.info` objects is in our table. */
import type { S3, S3ClientConfig } from '@aws-sdk/client-s3';
import { type MetadataValue, S3Store } from '@tus/s3-store';
import { Upload } from '@tus/utils';
import type { Multipart } from '../rules/s3-upload.ts';

/** S3's own rule for all parts but the last. */
export const MIN_PART_BYTES = 5 * 1024 * 1024;

/**
 * Its verbs only. Its write path is not used: it puts each part into a temporary file, deletes the small object that it
 * keeps beside the parts before the larger one is stored, and takes stored parts for a stored file.
 */
export class S3Multiparts extends S3Store {
  private readonly begun = new WeakMap<Upload, string>();

  constructor(bucket: string, config: S3ClientConfig) {
    super({ partSize: MIN_PART_BYTES, minPartSize: MIN_PART_BYTES, s3ClientConfig: { ...config, bucket } });
  }

  /** The same client for all that is not about parts. */
  get s3(): S3 {
    return this.client;
  }

  /** So that all parts but the last have it, and they are not more than S3 takes. */
  partSizeFor(sizeBytes: number): number {
    return this.calcOptimalPartSize(sizeBytes);
  }

  async begin(key: string): Promise<Multipart> {
    const upload = new Upload({ id: key, offset: 0 });
    await this.create(upload);
    const id = this.begun.get(upload);
    if (id === undefined) throw new Error(`no id was given for the multipart upload of ${key}`);
    return { key, id };
  }

  /** @throws also where the store says 200 with an error in its body: the SDK looks for that */
  async complete(multipart: Multipart, etags: readonly string[]): Promise<void> {
    const parts = etags.map((etag, index) => ({ ETag: etag, PartNumber: index + 1 }));
    await this.finishMultipartUpload(metadataOf(multipart), parts);
  }

  protected override async saveMetadata(upload: Upload, multipartId: string): Promise<void> {
    this.begun.set(upload, multipartId);
  }
}

function metadataOf({ key, id }: Multipart): MetadataValue {
  return { file: new Upload({ id: key, offset: 0 }), 'upload-id': id, 'tus-version': '1.0.0' };
}
