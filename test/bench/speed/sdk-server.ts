/**
 * What the AWS SDK alone does, out of memory: no client, no tus, no row. `POST /{bytes}` answers when so many bytes are in
 * the bucket, in parts and so many at once as its own @aws-sdk/lib-storage has by default.
 */
import { createServer } from 'node:http';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { mp4File } from '../../services/fixtures.ts';
import { benchBucket } from './bench-bucket.ts';
import { watchSelf } from './watch-self.ts';

watchSelf();
const PART_BYTES = 5 * 1024 * 1024;
const AT_ONCE = 4;

const { bucket: Bucket, ...config } = benchBucket();
const client = new S3Client(config);
const part = mp4File(PART_BYTES);
let files = 0;

async function upload(bytes: number): Promise<void> {
  files += 1;
  const Key = `film-${files}.mp4`;
  const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  const count = Math.ceil(bytes / PART_BYTES);
  const Parts: { PartNumber: number; ETag: string | undefined }[] = [];
  let next = 0;
  const sender = async () => {
    while (next < count) {
      const at = next++;
      const Body = part.subarray(0, bytes - at * PART_BYTES);
      const PartNumber = at + 1;
      const { ETag } = await client.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }));
      Parts[at] = { PartNumber, ETag };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, sender));
  await client.send(new CompleteMultipartUploadCommand({ Bucket, Key, UploadId, MultipartUpload: { Parts } }));
}

const server = createServer((request, response) => {
  upload(Number(request.url?.slice(1))).then(
    () => response.writeHead(204).end(),
    (error: unknown) => response.writeHead(500).end(String(error)),
  );
});
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
