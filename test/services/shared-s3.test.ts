/** The S3 of the tests is one: a bucket of its own for each that asks, and objects in it. */
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { newTestBucket, testS3Client } from './shared-s3.ts';

test('each bucket is empty, and another’s objects are not in it', async () => {
  const [mine, other] = [await newTestBucket(), await newTestBucket()];
  if (mine === null || other === null) throw new Error('There is no S3.');
  const client = testS3Client(mine);
  await client.send(new PutObjectCommand({ Bucket: mine.bucket, Key: 'a/b', Body: 'bytes' }));
  const { Body } = await client.send(new GetObjectCommand({ Bucket: mine.bucket, Key: 'a/b' }));
  expect(await Body?.transformToString()).toBe('bytes');
  const keysOf = async (bucket: string) =>
    ((await client.send(new ListObjectsV2Command({ Bucket: bucket }))).Contents ?? []).map(({ Key }) => Key);
  expect([await keysOf(mine.bucket), await keysOf(other.bucket)]).toEqual([['a/b'], []]);
  client.destroy();
});
