/** One S3 for all tests of the project `s3`: started before the first, or the one that TEST_S3_ENDPOINT names; a bucket for each that asks. */
import { randomBytes } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
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
  const { close, ...access } = await startCephRgw();
  project.provide('s3', access);
  return close;
}

/** A new, empty bucket; null where the tests run on the local disk. */
export async function newTestBucket(): Promise<TestBucket | null> {
  const access = inject('s3');
  if (access === undefined) return null;
  const bucket = `test-${randomBytes(6).toString('hex')}`;
  const client = testS3Client(access);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  return { ...access, bucket };
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
