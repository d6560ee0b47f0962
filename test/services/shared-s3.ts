/** One S3 for all tests of the project `s3`: started before the first, or the one that TEST_S3_ENDPOINT names; a bucket for each that asks. */
import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { inject } from 'vitest';
import type { TestProject } from 'vitest/node';
import { type S3Access, startCephRgw } from './ceph-rgw.ts';

export type TestBucket = S3Access & { bucket: string };

declare module 'vitest' {
  interface ProvidedContext {
    s3?: S3Access;
  }
}

/** vitest's global setup. @returns what ends it */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { TEST_S3_ENDPOINT: endpoint, TEST_S3_REGION: region = 'us-east-1' } = process.env;
  const { TEST_S3_ACCESS_KEY_ID: accessKeyId = '', TEST_S3_SECRET_ACCESS_KEY: secretAccessKey = '' } = process.env;
  if (endpoint) {
    project.provide('s3', { endpoint, region, accessKeyId, secretAccessKey });
    return async () => {};
  }
  const rgw = await startCephRgw();
  project.provide('s3', accessOf(rgw));
  return rgw.close;
}

/** Of the run. */
export function sharedS3(): S3Access {
  const access = inject('s3');
  if (access === undefined) throw new Error('These tests run in the project `s3`.');
  return access;
}

/** A new, empty bucket; null where the tests run on the local disk, and outside of them (benches, pictures). */
export async function newTestBucket(): Promise<TestBucket | null> {
  const access = process.env.VITEST === undefined ? undefined : inject('s3');
  return access === undefined ? null : makeBucket(access);
}

export async function makeBucket(access: S3Access): Promise<TestBucket> {
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  await withClient(access, (client) => client.send(new CreateBucketCommand({ Bucket: bucket })));
  return { ...accessOf(access), bucket };
}

/** Without what else there may be on it. */
function accessOf({ endpoint, region, accessKeyId, secretAccessKey }: S3Access): S3Access {
  return { endpoint, region, accessKeyId, secretAccessKey };
}

/** For a look behind the server's back. */
export function testS3Client({ endpoint, region, accessKeyId, secretAccessKey }: S3Access): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
}

const buckets = new Map<string, TestBucket>();

/** Settings of a server with that data folder; started there again it finds its bucket again. Nothing: the local disk. */
export async function bucketSettings(dataDir: string): Promise<Record<string, string>> {
  const bucket = buckets.get(dataDir) ?? (await newTestBucket());
  if (bucket === null) return {};
  buckets.set(dataDir, bucket);
  return s3Settings(bucket);
}

/** The server's settings for a bucket. */
export function s3Settings({ endpoint, region, accessKeyId, secretAccessKey, bucket }: TestBucket) {
  return {
    USE_S3_STORAGE: 'true',
    AWS_S3_ENDPOINT_URL: endpoint,
    AWS_S3_REGION_NAME: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_STORAGE_BUCKET_NAME: bucket,
  };
}

/** The bucket of a server that was started with that data folder. */
export function bucketAt(dataDir: string): TestBucket | undefined {
  return buckets.get(dataDir);
}

/** All that is in it, sorted. */
export async function objectKeys(bucket: TestBucket): Promise<string[]> {
  return withClient(bucket, async (client) => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket.bucket }));
    return Contents.map(({ Key = '' }) => Key).sort();
  });
}

/** Keys of the multipart uploads that are begun and not ended. */
export async function begunMultiparts(bucket: TestBucket): Promise<string[]> {
  return withClient(bucket, async (client) => {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket.bucket }));
    return Uploads.map(({ Key = '' }) => Key).sort();
  });
}

async function withClient<T>(access: S3Access, work: (client: S3Client) => Promise<T>): Promise<T> {
  const client = testS3Client(access);
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}
