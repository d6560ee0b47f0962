/** An S3 storage with a bucket and tables of its own. */
import type { Database } from '../../server/database/open-database.ts';
import { createS3UploadTable } from '../../server/database/s3-upload-table.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import type { S3Timeouts } from '../../server/storage/s3-client.ts';
import { createS3Storage } from '../../server/storage/s3-storage.ts';
import { newTestBucket, type TestBucket } from '../services/shared-s3.ts';
import { openTestDatabase } from '../services/test-database.ts';

export type S3Place = {
  bucket: TestBucket;
  database: Database;
  /** As after a restart: nothing is shared but the bucket and the database. */
  open(over?: Over): FileStorage;
  remove(): Promise<void>;
};

type Over = {
  endpoint?: string;
  /** Another place's. */
  bucket?: string;
  timeouts?: Partial<S3Timeouts>;
  largeCopyBytes?: number;
  maxDownloads?: number;
  installation?: string;
  memoryBudgetBytes?: number;
};

const MIB = 1024 * 1024;

export async function newS3Place(): Promise<S3Place> {
  const bucket = await newTestBucket();
  if (bucket === null) throw new Error('There is no S3.');
  const { database, remove } = await openTestDatabase();
  const { accessKeyId, secretAccessKey, region } = bucket;
  return {
    bucket,
    database,
    remove,
    open: ({ endpoint = bucket.endpoint, bucket: name = bucket.bucket, installation = 'test', ...over } = {}) =>
      createS3Storage({
        settings: {
          bucket: name,
          region,
          endpoint,
          publicEndpoint: undefined,
          useTls: false,
          pathStyle: true,
          credentials: { accessKeyId, secretAccessKey },
        },
        uploads: createS3UploadTable(database),
        installation,
        largestFileBytes: () => 100 * MIB,
        ...over,
      }),
  };
}
