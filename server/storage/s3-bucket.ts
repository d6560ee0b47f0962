/** The requests to a bucket, by our words. Each ends in bounded time; those with a stream are tried again here. */

import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { Multipart } from '../rules/s3-upload.ts';
import type { BodyGuard } from './s3-body-guard.ts';
import { isMissing, mayPass } from './s3-errors.ts';
import { createQuickPut } from './s3-quick-put.ts';

const STREAM_ATTEMPTS = 3;
const FIRST_PAUSE_MS = 200;

/** Bytes of an object from the answer, how many the object has, and what tells it from one that replaces it. */
export type ObjectBytes = { body: Readable; objectBytes: number; etag: string | undefined };
/** Makes the stream anew for each attempt. */
export type MakeBody = () => Readable;

export type Bucket = ReturnType<typeof createBucket>;

/** `reading` has sockets of its own: a part may be read while it is written. */
export function createBucket(name: string, client: S3Client, reading: S3Client, guardOf?: BodyGuard) {
  const Bucket = name;
  const quickPut = createQuickPut(name, client, guardOf);
  return {
    /** One request, if all goes well. */
    async put(key: string, bytes: Buffer): Promise<void> {
      if ((await quickPut.object(key, bytes)) !== null) return;
      await client.send(new PutObjectCommand({ Bucket, Key: key, Body: bytes }));
    },

    /** @returns the etag */
    async putPart(multipart: Multipart, PartNumber: number, Body: Buffer): Promise<string> {
      const { key: Key, id: UploadId } = multipart;
      const etag = await quickPut.part(multipart, PartNumber, Body);
      if (etag !== null) return etag;
      const { ETag = '' } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      return ETag;
    },

    async putStream(key: string, makeBody: MakeBody, sizeBytes: number): Promise<void> {
      await withStream(makeBody, (body, abortSignal) =>
        client.send(new PutObjectCommand({ Bucket, Key: key, Body: body, ContentLength: sizeBytes }), { abortSignal }),
      );
    },

    /** Not by @tus/s3-store, which does not say the length of a stream that is no file. @returns the etag */
    async putPartStream(
      { key, id }: Multipart,
      number: number,
      makeBody: MakeBody,
      sizeBytes: number,
    ): Promise<string> {
      const { ETag = '' } = await withStream(makeBody, (body, abortSignal) =>
        client.send(
          new UploadPartCommand({
            Bucket,
            Key: key,
            UploadId: id,
            PartNumber: number,
            Body: body,
            ContentLength: sizeBytes,
          }),
          { abortSignal },
        ),
      );
      return ETag;
    },

    async copy(from: string, to: string): Promise<void> {
      await client.send(new CopyObjectCommand({ Bucket, Key: to, CopySource: `${name}/${from}` }));
    },

    /** Bytes of an object, both ends included, as a part. @returns the etag */
    async copyPart(
      multipart: Multipart,
      number: number,
      from: string,
      first: number,
      last: number,
      signal: AbortSignal,
    ): Promise<string> {
      const { CopyPartResult } = await client.send(
        new UploadPartCopyCommand({
          Bucket,
          Key: multipart.key,
          UploadId: multipart.id,
          PartNumber: number,
          CopySource: `${name}/${from}`,
          CopySourceRange: `bytes=${first}-${last}`,
        }),
        { abortSignal: signal },
      );
      return CopyPartResult?.ETag ?? '';
    },

    /**
     * Both ends included. Null if there is no such object; an empty body where it has no such bytes.
     * @param etag of the object that is meant. @throws where another has taken its place
     */
    async get(key: string, first: number, last: number, etag?: string): Promise<ObjectBytes | null> {
      try {
        const { Body, ContentRange, ContentLength, ETag } = await reading.send(
          new GetObjectCommand({ Bucket, Key: key, Range: `bytes=${first}-${last}`, IfMatch: etag }),
        );
        // A store that knows no ranges would send all from the first byte on.
        if (ContentRange === undefined && first > 0) throw new Error('the store does not answer ranges');
        const objectBytes = ContentRange === undefined ? ContentLength : Number(ContentRange.split('/')[1]);
        return { body: Body as Readable, objectBytes: objectBytes ?? 0, etag: ETag };
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },

    /** The object's size; null if there is none. */
    async sizeOf(key: string): Promise<number | null> {
      try {
        const { ContentLength = 0 } = await client.send(new HeadObjectCommand({ Bucket, Key: key }));
        return ContentLength;
      } catch (error) {
        if (isMissing(error)) return null;
        throw error;
      }
    },

    /** Nothing happens if there is none. */
    async remove(key: string, signal?: AbortSignal): Promise<void> {
      try {
        await client.send(
          new DeleteObjectCommand({ Bucket, Key: key }),
          signal === undefined ? {} : { abortSignal: signal },
        );
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },

    async abort({ key, id }: Multipart): Promise<void> {
      try {
        await client.send(new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: id }));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },

    async *keys(prefix: string): AsyncGenerator<string> {
      for (let token: string | undefined; ; ) {
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken: token }));
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
        if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
        token = page.NextContinuationToken;
      }
    },

    /** What lies in a folder, up to the next slash. */
    async *folders(prefix: string): AsyncGenerator<string> {
      for (let token: string | undefined; ; ) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Prefix: prefix, Delimiter: '/', ContinuationToken: token }),
        );
        for (const { Prefix = '' } of page.CommonPrefixes ?? []) yield Prefix.slice(prefix.length, -1);
        if (page.IsTruncated !== true || page.NextContinuationToken === undefined) return;
        token = page.NextContinuationToken;
      }
    },

    async *multiparts(prefix: string): AsyncGenerator<Multipart> {
      for (let marker: { KeyMarker?: string; UploadIdMarker?: string } = {}; ; ) {
        const page = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: prefix, ...marker }));
        for (const { Key, UploadId } of page.Uploads ?? [])
          if (Key?.startsWith(prefix) && UploadId !== undefined) yield { key: Key, id: UploadId };
        if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
        marker = {
          KeyMarker: page.NextKeyMarker,
          ...(page.NextUploadIdMarker && { UploadIdMarker: page.NextUploadIdMarker }),
        };
      }
    },

    async check(signal: AbortSignal): Promise<void> {
      await client.send(new HeadBucketCommand({ Bucket }), { abortSignal: signal });
    },
  };
}

/** Those that were begun at this very key. */
export async function endMultiparts(bucket: Bucket, key: string): Promise<void> {
  for await (const multipart of bucket.multiparts(key)) if (multipart.key === key) await bucket.abort(multipart);
}

/** The SDK does not repeat a request whose body is a stream: it cannot know how to make another one. */
async function withStream<T>(
  makeBody: MakeBody,
  send: (body: Readable, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const body = makeBody();
    const broken = new AbortController();
    let fault: unknown;
    body.once('error', (error) => {
      fault = error;
      // Otherwise the store would wait for the rest until it loses patience.
      broken.abort();
    });
    try {
      return await send(body, broken.signal);
    } catch (error) {
      if (attempt === STREAM_ATTEMPTS || !mayPass(error)) throw fault ?? error;
      await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    } finally {
      body.destroy();
    }
  }
}
