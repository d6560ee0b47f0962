/** Tries all that a bucket must let us do, one after the other, and leaves nothing there. */
import { randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { S3Settings } from '../rules/s3-settings.ts';
import { S3_TIMEOUTS, s3Config } from './s3-client.ts';

const PROBE_BYTES = 64 * 1024;
const MAX_SOCKETS = 2;

/** @throws {ProbeFault} */
export type ProbeS3 = () => Promise<{ clockDifferenceMs: number | null; probeBytes: number }>;

/** What did not work, and by which action a policy allows it. */
export class ProbeFault extends Error {
  readonly action: string;
  constructor(what: string, action: string, cause: unknown) {
    super(`${what}: ${cause instanceof Error ? `${cause.name} ${cause.message}` : String(cause)}`, { cause });
    this.action = action;
  }
}

export function createProbeS3(settings: S3Settings): ProbeS3 {
  return async () => {
    const client = new S3Client(s3Config(settings, S3_TIMEOUTS, MAX_SOCKETS));
    const clock = watchClock(client);
    const names = { Bucket: settings.bucket, Key: `incoming/doctor/${randomBytes(16).toString('base64url')}` };
    const copy = { ...names, Key: `${names.Key}.copy` };
    const bytes = randomBytes(PROBE_BYTES);
    try {
      const listing = { Bucket: settings.bucket, Prefix: names.Key };
      await step('the bucket cannot be listed', 's3:ListBucket', () => client.send(new ListObjectsV2Command(listing)));
      const { Bucket, Key } = names;
      const object = { Bucket, Key, Body: bytes };
      await step('nothing can be written', 's3:PutObject', () => client.send(new PutObjectCommand(object)));
      const copying = { ...copy, CopySource: `${Bucket}/${Key}` };
      await step('nothing can be copied', 's3:GetObject, s3:PutObject', () =>
        client.send(new CopyObjectCommand(copying)),
      );
      await step('what was written is not what is read', 's3:GetObject', () => readBack(client, copy, bytes));
      await step('multipart uploads do not work', 's3:AbortMultipartUpload', () => tryMultipart(client, names));
      const uploads = { Bucket, Prefix: Key };
      await step('multipart uploads cannot be listed', 's3:ListBucketMultipartUploads', () =>
        client.send(new ListMultipartUploadsCommand(uploads)),
      );
    } finally {
      try {
        for (const object of [names, copy])
          await step('nothing can be deleted', 's3:DeleteObject', () => client.send(new DeleteObjectCommand(object)));
      } finally {
        client.destroy();
      }
    }
    return { clockDifferenceMs: clock.differenceMs(), probeBytes: PROBE_BYTES };
  };
}

async function step(what: string, action: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw new ProbeFault(what, action, error);
  }
}

async function readBack(client: S3Client, object: { Bucket: string; Key: string }, bytes: Buffer): Promise<void> {
  const { Body } = await client.send(new GetObjectCommand({ ...object, Range: 'bytes=10-' }));
  const read = await Body?.transformToByteArray();
  if (read === undefined || !bytes.subarray(10).equals(read)) throw new Error('the bytes came back changed');
}

async function tryMultipart(client: S3Client, object: { Bucket: string; Key: string }): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  await client.send(new AbortMultipartUploadCommand({ ...object, UploadId }));
}

/** By the `Date` of the answers: requests are signed with the time. */
function watchClock(client: S3Client): { differenceMs(): number | null } {
  let difference: number | null = null;
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const { headers } = result.response as { headers?: Record<string, string> };
      const at = Date.parse(headers?.date ?? '');
      if (!Number.isNaN(at)) difference = Date.now() - at;
      return result;
    },
    { step: 'deserialize' },
  );
  return { differenceMs: () => difference };
}
