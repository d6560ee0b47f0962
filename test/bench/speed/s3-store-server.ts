/**
 * The reference in a bucket: @tus/server with @tus/s3-store, as its README shows it. `node s3-store-server.ts` with the
 * settings of a bucket in its environment prints its port.
 */
import { createServer } from 'node:http';
import { S3Store } from '@tus/s3-store';
import { Server } from '@tus/server';
import { benchBucket } from './bench-bucket.ts';
import { watchSelf } from './watch-self.ts';

watchSelf();
const { bucket, ...s3ClientConfig } = benchBucket();
const datastore = new S3Store({ partSize: 8 * 1024 * 1024, s3ClientConfig: { ...s3ClientConfig, bucket } });
const tus = new Server({ path: '/files', datastore });
const server = createServer((request, response) => void tus.handle(request, response));
server.requestTimeout = 0;
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as { port: number }).port}\n`));
