/** Another service's files in a bucket, at the keys that its rows hold. */
import { S3Client } from '@aws-sdk/client-s3';
import type { S3Settings } from '../rules/s3-settings.ts';
import { type MediaSource, partsOf } from './media-source.ts';
import { createBucket } from './s3-bucket.ts';
import { S3_TIMEOUTS, s3Config } from './s3-client.ts';
import { translated } from './s3-errors.ts';
import { createS3Reader } from './s3-read.ts';

const MAX_SOCKETS = 20;

/** @param prefix what stands before every path there (`location` of django-storages); '' for none. @throws when the bucket does not answer */
export async function openMediaBucket(settings: S3Settings, prefix: string): Promise<MediaSource> {
  const client = new S3Client(s3Config(settings, S3_TIMEOUTS, MAX_SOCKETS));
  const bucket = createBucket(settings.bucket, client, client);
  const reader = createS3Reader(bucket, S3_TIMEOUTS.stallTimeoutMs);
  try {
    await bucket.check(AbortSignal.timeout(S3_TIMEOUTS.requestTimeoutMs));
  } catch (cause) {
    client.destroy();
    throw new Error(`The bucket ${settings.bucket} does not answer: ${(cause as Error).message}`, { cause });
  }
  return {
    async open(path) {
      const key = prefix + partsOf(path).join('/');
      return reader.open(key).catch((error: unknown) => {
        throw translated(error);
      });
    },
    close: async () => client.destroy(),
  };
}
