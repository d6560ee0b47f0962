/** How bytes lie in a bucket: few objects however small the bodies are, little memory however large, one writer. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { eventually } from '../services/eventually.ts';
import { type S3FaultProxy, startS3FaultProxy } from '../services/s3-fault-proxy.ts';
import { begunMultiparts, objectKeys } from '../services/shared-s3.ts';
import { newS3Place, type S3Place } from './s3-place.ts';

const MIB = 1024 * 1024;
let place: S3Place;
let proxy: S3FaultProxy;

beforeEach(async () => {
  place = await newS3Place();
  proxy = await startS3FaultProxy(place.bucket.endpoint);
});
afterEach(async () => {
  await proxy.stop();
  await place.remove();
});

function append(storage: FileStorage, id: string, offset: number, body: Readable) {
  const signal = new AbortController().signal;
  return storage.append(id, offset, body, { maxBytes: 200 * MIB, idleTimeoutMs: 60_000, signal });
}

async function begin(storage: FileStorage, sizeBytes: number | null): Promise<string> {
  const id = newUploadId();
  await storage.create(id, sizeBytes);
  return id;
}

async function finalSha256(storage: FileStorage, id: string): Promise<string> {
  const key = newStorageKey('company', 'session', '.bin');
  await storage.makeFinal(id, key);
  const object = await storage.open(key);
  const hash = createHash('sha256');
  for await (const chunk of object?.stream(0, object.sizeBytes - 1) ?? []) hash.update(chunk);
  return hash.digest('hex');
}

function sha256(...content: Buffer[]): string {
  const hash = createHash('sha256');
  for (const bytes of content) hash.update(bytes);
  return hash.digest('hex');
}

test('100 bodies of 1 KiB: never many objects, and no byte is moved often', async () => {
  const storage = place.open({ endpoint: proxy.endpoint });
  const id = await begin(storage, null);
  const content = randomBytes(100 * 1024);
  let most = 0;
  for (let offset = 0; offset < content.length; offset += 1024) {
    await append(storage, id, offset, Readable.from([content.subarray(offset, offset + 1024)]));
    if (offset % (10 * 1024) === 0) most = Math.max(most, (await objectKeys(place.bucket)).length);
  }
  most = Math.max(most, (await objectKeys(place.bucket)).length);
  expect(most).toBeLessThanOrEqual(33);
  // One for each body, and some for what was put together.
  expect(proxy.operations().filter((operation) => operation === 'PutObject').length).toBeLessThan(110);
  expect(await finalSha256(storage, id)).toBe(sha256(content));
});

test('a body that trickles: never many objects, while it runs and after it', async () => {
  const storage = place.open({ endpoint: proxy.endpoint, timeouts: { maxWaitingMs: 1 } });
  const id = await begin(storage, null);
  const content = randomBytes(120);
  const body = new PassThrough();
  const appended = append(storage, id, 0, body);
  let most = 0;
  for (const [index, byte] of content.entries()) {
    body.write(Buffer.of(byte));
    await eventually('it counts', async () => (await storage.offsetOf(id)) === index + 1);
    if (index % 10 === 9) most = Math.max(most, (await objectKeys(place.bucket)).length);
  }
  expect(proxy.operations().filter((operation) => operation === 'PutObject').length).toBeGreaterThanOrEqual(120);
  body.end();
  expect(await appended).toEqual({ offset: 120, end: 'complete' });
  most = Math.max(most, (await objectKeys(place.bucket)).length);
  // While some are put together, these and the one that holds them.
  expect(most).toBeLessThanOrEqual(34);
  expect(await finalSha256(storage, id)).toBe(sha256(content));
});

test('memory that is short: what waits is stored early, and the file is the same', async () => {
  const storage = place.open({ memoryBudgetBytes: MIB });
  const id = await begin(storage, 12 * MIB);
  const content = randomBytes(12 * MIB);
  const chunks = Array.from({ length: 192 }, (_, index) => content.subarray(index * 65_536, (index + 1) * 65_536));
  expect(await append(storage, id, 0, Readable.from(chunks))).toEqual({ offset: 12 * MIB, end: 'complete' });
  expect(await finalSha256(storage, id)).toBe(sha256(content));
});

test('clients that read nothing: one more is told at once, and uploads, finishes and the server’s own looks go on', async () => {
  const storage = place.open({ maxDownloads: 2 });
  const film = randomBytes(6 * MIB);
  const id = await begin(storage, film.length);
  await append(storage, id, 0, Readable.from([film.subarray(0, MIB)]));
  const first = await begin(storage, film.length);
  await append(storage, first, 0, Readable.from([film]));
  const key = newStorageKey('company', 'session', '.bin');
  await storage.makeFinal(first, key);
  const held: Readable[] = [];
  for (let count = 0; count < 2; count += 1) {
    const stream = (await storage.open(key, 'client'))?.stream(0, film.length - 1) as Readable;
    await once(stream, 'readable');
    held.push(stream);
  }
  await expect(storage.open(key, 'client')).rejects.toMatchObject({
    code: 'storage-unavailable',
    retryAfterSeconds: 5,
  });
  // The next part takes the piece that is there into itself.
  expect((await append(storage, id, MIB, Readable.from([film.subarray(MIB)]))).offset).toBe(film.length);
  expect(await finalSha256(storage, id)).toBe(sha256(film));
  for (const stream of held) stream.destroy();
  await eventually('the next is let in', async () => (await storage.open(key, 'client')) !== null);
});

test('two writers at one offset: who counts first has written, the other is told to ask again, and nothing of it is there', async () => {
  const [one, other] = [place.open(), place.open()];
  const id = await begin(one, null);
  const late = new PassThrough();
  const appended = append(one, id, 0, late);
  late.write('the late one');
  expect(await append(other, id, 0, Readable.from([Buffer.from('first')]))).toEqual({ offset: 5, end: 'complete' });
  const refused = expect(appended).rejects.toMatchObject({ code: 'try-again' });
  late.end();
  await refused;
  expect(await one.offsetOf(id)).toBe(5);
  expect(Buffer.from(await one.readIncoming(id, 20)).toString()).toBe('first');
  expect(await finalSha256(other, id)).toBe(sha256(Buffer.from('first')));
});

test('large parts are joined inside the store; what lies across two of them goes through here', async () => {
  const storage = place.open({ endpoint: proxy.endpoint });
  const contents = [randomBytes(13 * MIB + 5), randomBytes(12 * MIB)];
  const ids: string[] = [];
  for (const content of contents) {
    const id = await begin(storage, content.length);
    await append(storage, id, 0, Readable.from([content]));
    ids.push(id);
  }
  const id = newUploadId();
  await storage.join(id, ids, new AbortController().signal);
  const total = contents.reduce((sum, { length }) => sum + length, 0);
  expect(await storage.offsetOf(id)).toBe(total);
  expect(proxy.operations()).toContain('UploadPartCopy');
  expect(await finalSha256(storage, id)).toBe(sha256(...contents));
  for (const part of ids) await storage.discard(part);
  expect([(await objectKeys(place.bucket)).length, await begunMultiparts(place.bucket)]).toEqual([1, []]);
});

test('another installation in the same bucket is not seen, and a stranger’s objects stay', async () => {
  const mine = place.open({ installation: 'mine' });
  const theirs = await newS3Place();
  try {
    const other = theirs.open({ installation: 'theirs', bucket: place.bucket.bucket });
    const id = await begin(other, null);
    await append(other, id, 0, Readable.from([Buffer.from('theirs')]));
    const seen: string[] = [];
    for await (const found of mine.incomingIds()) seen.push(found);
    expect(seen).toEqual([]);
    expect(await other.offsetOf(id)).toBe(6);
    expect(await objectKeys(place.bucket)).toEqual([expect.stringMatching(`^incoming/theirs/${id}/`)]);
  } finally {
    await theirs.remove();
  }
});
