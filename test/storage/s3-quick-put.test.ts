/** One request for a small object, without the SDK's middleware: stored as the SDK stores it, or left to the SDK. */
import { randomBytes } from 'node:crypto';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { newStorageKey } from '../../server/rules/upload-id.ts';
import { createQuickPut } from '../../server/storage/s3-quick-put.ts';
import { startS3FaultProxy } from '../services/s3-fault-proxy.ts';
import { newTestBucket, objectKeys, testS3Client } from '../services/shared-s3.ts';

const ETAG = /^"[0-9a-f]{32}"$/;

test('it stores the bytes in one request; what is refused, cut or changed on its way is not called stored, and the next is', async () => {
  const bucket = await newTestBucket();
  if (bucket === null) throw new Error('There is no S3.');
  const proxy = await startS3FaultProxy(bucket.endpoint);
  const client = testS3Client({ ...bucket, endpoint: proxy.endpoint });
  try {
    const put = createQuickPut(bucket.bucket, client);
    const bytes = randomBytes(25_000);
    const key = newStorageKey('company', 'session', '.png');
    expect(await put.object(key, bytes)).toMatch(ETAG);
    expect(proxy.operations()).toEqual(['PutObject']);
    const { Body, ContentType, Metadata } = await client.send(
      new GetObjectCommand({ Bucket: bucket.bucket, Key: key }),
    );
    expect(Buffer.from((await Body?.transformToByteArray()) ?? []).equals(bytes)).toBe(true);
    expect([ContentType, Metadata]).toEqual(['application/octet-stream', {}]);

    const none = newStorageKey('company', 'session', '');
    for (const fault of ['503', 'cut', 'full', 'error-in-200', 'changed'] as const) {
      proxy.fail('PutObject', fault);
      expect(await put.object(none, bytes)).toBeNull();
    }
    expect(proxy.left()).toBe(0);
    expect(await objectKeys(bucket)).toEqual([key]);
    expect(await put.object(none, Buffer.alloc(0))).toMatch(ETAG);
    expect(await objectKeys(bucket)).toEqual([key, none].sort());
  } finally {
    client.destroy();
    await proxy.stop();
  }
});
