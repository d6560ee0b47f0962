/** S3 keeps what every storage keeps. */
import { afterAll } from 'vitest';
import { createS3UploadTable } from '../../server/database/s3-upload-table.ts';
import { createS3Storage } from '../../server/storage/s3-storage.ts';
import { newTestBucket, type TestBucket } from '../services/shared-s3.ts';
import { openTestDatabase, type TestDatabase } from '../services/test-database.ts';
import { fileStorageContract } from './file-storage-contract.ts';

type Place = { bucket: TestBucket; tables: TestDatabase };
const places = new Map<string, Promise<Place>>();

afterAll(async () => {
  for (const place of places.values()) await (await place).tables.remove();
});

async function newPlace(): Promise<Place> {
  const bucket = await newTestBucket();
  if (bucket === null) throw new Error('There is no S3.');
  return { bucket, tables: await openTestDatabase() };
}

fileStorageContract('S3 storage', async (name) => {
  const place = places.get(name) ?? newPlace();
  places.set(name, place);
  const { bucket, tables } = await place;
  const { accessKeyId, secretAccessKey, endpoint, region } = bucket;
  return createS3Storage({
    settings: {
      bucket: bucket.bucket,
      region,
      endpoint,
      publicEndpoint: undefined,
      useTls: false,
      pathStyle: true,
      credentials: { accessKeyId, secretAccessKey },
    },
    uploads: createS3UploadTable(tables.database),
    installation: 'test',
    maxFileSizeBytes: 100 * 1024 * 1024,
  });
});
