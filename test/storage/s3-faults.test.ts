/** A store on a bad day: no byte that was acknowledged is lost, the file is whole in the end, and nothing stays beside it. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { type S3Fault, type S3FaultProxy, type S3Operation, startS3FaultProxy } from '../services/s3-fault-proxy.ts';
import { begunMultiparts, objectKeys, testS3Client } from '../services/shared-s3.ts';
import { insertFile } from '../services/test-database.ts';
import { newS3Place, type S3Place } from './s3-place.ts';

const MIB = 1024 * 1024;
/** Short, so that a store that hangs is given up soon; a loaded machine answers within it all the same. */
const TIMEOUTS = { requestTimeoutMs: 3_000, stallTimeoutMs: 1_000 };
const MAX_TRIES = 12;
/** A full part and a little. */
const content = randomBytes(5 * MIB + 12_345);

type Scene = { place: S3Place; proxy: S3FaultProxy; storage: FileStorage; id: string; key: string };

/** Each test has its own, since most of its time is waiting: they run beside each other. */
async function withScene(sizeBytes: number | null, act: (scene: Scene) => Promise<void>): Promise<void> {
  const place = await newS3Place();
  const proxy = await startS3FaultProxy(place.bucket.endpoint);
  const storage = place.open({ endpoint: proxy.endpoint, timeouts: TIMEOUTS });
  const scene = { place, proxy, storage, id: newUploadId(), key: newStorageKey('company', 'session', '.bin') };
  try {
    await storage.create(scene.id, sizeBytes);
    await act(scene);
  } finally {
    await proxy.stop();
    await place.remove();
  }
}

/** As a client does it: after a fault it asks how far it came, and goes on from there. */
async function uploadAll(
  { storage, id }: Scene,
  bytes: Buffer,
  bodyBytes: number,
  place: string | null = null,
): Promise<void> {
  let acknowledged = 0;
  for (let tries = 0; acknowledged < bytes.length; ) {
    const body = Readable.from([bytes.subarray(acknowledged, acknowledged + bodyBytes)]);
    const signal = new AbortController().signal;
    const options = { maxBytes: bytes.length, idleTimeoutMs: 60_000, signal, place: async () => place };
    const result = await storage.append(id, acknowledged, body, options).catch(expectPassing);
    const offset = (await storage.offsetOf(id)) ?? -1;
    expect(offset).toBeGreaterThanOrEqual(acknowledged);
    if (result !== null) expect(offset).toBe(result.offset);
    acknowledged = offset;
    if (result === null) tries += 1;
    expect(tries).toBeLessThan(MAX_TRIES);
  }
}

async function finish({ place, proxy, id, key }: Scene): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    // Each time as after a restart.
    const again = place.open({ endpoint: proxy.endpoint, timeouts: TIMEOUTS });
    if ((await again.makeFinal(id, key).then(() => true, expectPassing)) === true) return;
    expect(tries).toBeLessThan(MAX_TRIES);
  }
}

function expectPassing(error: unknown): null {
  expect(error).toBeInstanceOf(Failure);
  expect((error as Failure).code).toBe('storage-unavailable');
  return null;
}

async function expectWhole(scene: Scene, bytes: Buffer): Promise<void> {
  await expectStored(scene, bytes);
  expect(await scene.storage.offsetOf(scene.id)).toBeNull();
}

async function expectStored({ storage, key }: Scene, bytes: Buffer): Promise<void> {
  const object = await storage.open(key);
  expect(object?.sizeBytes).toBe(bytes.length);
  const stored = await buffer(object?.stream(0, bytes.length - 1) ?? Readable.from([]));
  expect(stored.equals(bytes)).toBe(true);
}

/** After what the sweep does once the upload has ended. */
async function expectNothingElse({ place, storage, key }: Scene): Promise<void> {
  for await (const found of storage.incomingIds()) await storage.discard(found);
  expect([await objectKeys(place.bucket), await begunMultiparts(place.bucket)]).toEqual([[key], []]);
}

describe.concurrent('a file of two parts', () => {
  test.each<[S3Operation, S3Fault, number]>([
    ['CreateMultipartUpload', '503', 4],
    ['CreateMultipartUpload', 'lost', 4],
    ['UploadPart', '503', 1],
    ['UploadPart', 'cut', 4],
    ['UploadPart', 'lost', 4],
    ['UploadPart', 'hang', 1],
    ['CompleteMultipartUpload', '503', 4],
    ['CompleteMultipartUpload', 'error-in-200', 1],
    ['CompleteMultipartUpload', 'error-in-200', 4],
    ['CompleteMultipartUpload', 'lost', 1],
    ['CompleteMultipartUpload', 'lost', 4],
    ['CompleteMultipartUpload', 'hang', 1],
    ['CopyObject', '503', 4],
    ['CopyObject', 'lost', 4],
    ['DeleteObject', '503', 10],
  ])('%s: %s × %i', async (operation, fault, times) => {
    await withScene(content.length, async (scene) => {
      scene.proxy.fail(operation, fault, times);
      await uploadAll(scene, content, 5 * MIB);
      await finish(scene);
      expect(scene.proxy.left()).toBeLessThan(times);
      scene.proxy.heal();
      await expectWhole(scene, content);
      await expectNothingElse(scene);
    });
  });
});

describe.concurrent('a file of unknown length in bodies that fill no part', () => {
  test.each<[S3Operation, S3Fault, number]>([
    ['PutObject', '503', 4],
    ['PutObject', 'lost', 4],
    ['PutObject', 'cut', 4],
    ['GetObject', '503', 4],
    ['GetObject', 'cut-answer', 2],
    ['UploadPart', '503', 2],
    ['UploadPart', 'lost', 4],
    ['DeleteObject', 'lost', 3],
  ])('%s: %s × %i', async (operation, fault, times) => {
    await withScene(null, async (scene) => {
      scene.proxy.fail(operation, fault, times);
      await uploadAll(scene, content, 3 * MIB);
      await finish(scene);
      expect(scene.proxy.left()).toBe(0);
      await expectWhole(scene, content);
      await expectNothingElse(scene);
    });
  });
});

describe.concurrent('a small file', () => {
  const small = content.subarray(0, 300_000);
  test.each<[S3Operation, S3Fault, number]>([
    ['PutObject', '503', 4],
    ['PutObject', 'lost', 4],
    ['CopyObject', 'error-in-200', 4],
    ['CopyObject', 'lost', 4],
  ])('%s: %s × %i', async (operation, fault, times) => {
    await withScene(small.length, async (scene) => {
      scene.proxy.fail(operation, fault, times);
      await uploadAll(scene, small, small.length);
      await finish(scene);
      expect(scene.proxy.left()).toBe(0);
      await expectWhole(scene, small);
      await expectNothingElse(scene);
    });
  });
});

describe.concurrent('a file whose place is known: nothing is copied, and nothing lies there that is no file', () => {
  test.each<[number, S3Operation, S3Fault, number]>([
    [content.length, 'CreateMultipartUpload', 'lost', 4],
    [content.length, 'UploadPart', 'lost', 4],
    [content.length, 'CompleteMultipartUpload', '503', 4],
    [content.length, 'CompleteMultipartUpload', 'error-in-200', 4],
    [content.length, 'CompleteMultipartUpload', 'lost', 1],
    [300_000, 'PutObject', 'lost', 4],
    [300_000, 'PutObject', 'cut', 4],
  ])('%i bytes, %s: %s × %i', async (bytes, operation, fault, times) => {
    const file = content.subarray(0, bytes);
    await withScene(bytes, async (scene) => {
      scene.proxy.fail(operation, fault, times);
      await uploadAll(scene, file, 5 * MIB, scene.key);
      await finish(scene);
      expect(scene.proxy.left()).toBeLessThan(times);
      scene.proxy.heal();
      expect(scene.proxy.operations()).not.toContain('CopyObject');
      await expectWhole(scene, file);
      await expectNothingElse(scene);
    });
  });

  test.each([content.length, 300_000])(
    'an upload of %i bytes that ends before its finish leaves nothing',
    async (bytes) => {
      await withScene(bytes, async (scene) => {
        await uploadAll(scene, content.subarray(0, bytes), 5 * MIB, scene.key);
        await scene.storage.discard(scene.id);
        expect([await objectKeys(scene.place.bucket), await begunMultiparts(scene.place.bucket)]).toEqual([[], []]);
      });
    },
  );

  test('a small file is two requests: it is put there, and looked at', async () => {
    await withScene(300_000, async (scene) => {
      await uploadAll(scene, content.subarray(0, 300_000), 5 * MIB, scene.key);
      await finish(scene);
      await scene.storage.open(scene.key);
      expect(scene.proxy.operations()).toEqual(['PutObject', 'GetObject']);
    });
  });
});

describe.concurrent('a file of six parts, several of them under way at once', () => {
  const long = randomBytes(5 * 5 * MIB + 1);
  test.each<[S3Operation, S3Fault, number]>([
    ['UploadPart', '503', 9],
    ['UploadPart', 'cut', 9],
    ['UploadPart', 'lost', 9],
  ])('%s: %s × %i', async (operation, fault, times) => {
    await withScene(long.length, async (scene) => {
      scene.proxy.fail(operation, fault, times);
      await uploadAll(scene, long, long.length, scene.key);
      await finish(scene);
      expect(scene.proxy.left()).toBe(0);
      await expectWhole(scene, long);
      await expectNothingElse(scene);
    });
  });
});

describe.concurrent('a file that comes whole, straight to its key', () => {
  const small = content.subarray(0, 25_000);
  const put = ({ storage, key }: Scene) =>
    storage.putWhole(key, [small.subarray(0, 10), small.subarray(10)], small.length);

  test('it is one request', async () => {
    await withScene(null, async (scene) => {
      await put(scene);
      expect(scene.proxy.operations()).toEqual(['PutObject']);
      await expectStored(scene, small);
    });
  });

  test.each<[S3Fault]>([['503'], ['cut'], ['lost'], ['hang']])('%s once: it is stored all the same', async (fault) => {
    await withScene(null, async (scene) => {
      scene.proxy.fail('PutObject', fault);
      await put(scene);
      expect(scene.proxy.left()).toBe(0);
      await expectStored(scene, small);
    });
  });

  test.each<[S3Fault, string, number]>([
    ['503', 'storage-unavailable', 4],
    ['cut', 'storage-unavailable', 4],
    ['lost', 'storage-unavailable', 4],
    ['full', 'storage-full', 2],
  ])(
    '%s again and again: told as %s after %i requests, and what is there goes with its key',
    async (fault, code, tries) => {
      await withScene(null, async (scene) => {
        scene.proxy.fail('PutObject', fault, 20);
        await expect(put(scene)).rejects.toMatchObject({ code });
        expect(scene.proxy.left()).toBe(20 - tries);
        scene.proxy.heal();
        // Only an answer that was lost leaves something, and that is whole.
        expect(await objectKeys(scene.place.bucket)).toEqual(fault === 'lost' ? [scene.key] : []);
        await scene.storage.remove(scene.key);
        await scene.storage.remove(scene.key);
        expect([await objectKeys(scene.place.bucket), await begunMultiparts(scene.place.bucket)]).toEqual([[], []]);
      });
    },
  );
});

describe.concurrent('a file is read', () => {
  test.each<[S3Fault, number]>([
    ['503', 2],
    ['cut-answer', 2],
    ['hang', 1],
  ])('%s × %i: whole all the same', async (fault, times) => {
    await withScene(content.length, async (scene) => {
      await uploadAll(scene, content, content.length);
      await finish(scene);
      const object = await scene.storage.open(scene.key);
      scene.proxy.fail('GetObject', fault, times);
      const read = await buffer(object?.stream(1, content.length - 1) ?? Readable.from([]));
      expect(read.equals(content.subarray(1))).toBe(true);
      expect(scene.proxy.left()).toBe(0);
    });
  });

  test('a store that is away is not a file that is gone', async () => {
    await withScene(null, async ({ proxy, storage, key }) => {
      proxy.fail('GetObject', '503', 5);
      await expect(storage.open(key)).rejects.toMatchObject({ code: 'storage-unavailable' });
    });
  });
});

describe.concurrent('a copy of a file is published at its key, in parts', () => {
  const LARGE = { largeCopyBytes: 5 * MIB, timeouts: TIMEOUTS };

  /** As a move does it: neither the copy nor its upload has a row in `uploads`. */
  async function copy({ place, proxy }: Scene): Promise<{ storage: FileStorage; id: string }> {
    const storage = place.open({ endpoint: proxy.endpoint, ...LARGE });
    const id = newUploadId();
    await storage.create(id);
    const options = { maxBytes: content.length, idleTimeoutMs: 60_000, signal: new AbortController().signal };
    await storage.append(id, 0, Readable.from([content]), options);
    return { storage, id };
  }

  test('one that failed is swept after another succeeded: the file stays, and nothing beside it', async () => {
    await withScene(null, async (scene) => {
      const { place, proxy, key } = scene;
      await insertFile(place.database, { storageKey: key, sizeBytes: content.length });
      const failed = await copy(scene);
      proxy.fail('UploadPartCopy', '503', 4);
      proxy.fail('AbortMultipartUpload', '503', 4);
      await failed.storage.makeFinal(failed.id, key).then(() => expect.unreachable(), expectPassing);
      proxy.heal();
      const other = await copy(scene);
      await other.storage.makeFinal(other.id, key);
      await expectNothingElse(scene);
      await expectWhole({ ...scene, id: failed.id }, content);
    });
  });

  test('one that failed is swept while another is made: neither is in the other’s way', async () => {
    await withScene(null, async (scene) => {
      const { place, proxy, key } = scene;
      await insertFile(place.database, { storageKey: key, sizeBytes: content.length });
      const failed = await copy(scene);
      proxy.fail('UploadPartCopy', '503', 4);
      await failed.storage.makeFinal(failed.id, key).then(() => expect.unreachable(), expectPassing);
      proxy.heal();
      const other = await copy(scene);
      proxy.on('UploadPartCopy', 'before', () => failed.storage.discard(failed.id));
      await other.storage.makeFinal(other.id, key);
      await expectNothingElse(scene);
      await expectWhole({ ...scene, id: other.id }, content);
    });
  });

  test('one takes the place of a damaged object of the same size', async () => {
    await withScene(null, async (scene) => {
      const { place, proxy, key } = scene;
      await insertFile(place.database, { storageKey: key, sizeBytes: content.length });
      const client = testS3Client(place.bucket);
      await client.send(
        new PutObjectCommand({ Bucket: place.bucket.bucket, Key: key, Body: Buffer.alloc(content.length) }),
      );
      client.destroy();
      const { storage, id } = await copy(scene);
      proxy.fail('CompleteMultipartUpload', '503', 3);
      await storage.makeFinal(id, key).then(() => expect.unreachable(), expectPassing);
      await storage.makeFinal(id, key);
      await expectWhole({ ...scene, id }, content);
      await expectNothingElse(scene);
    });
  });

  test('one whose beginning was answered to nobody leaves nothing of that', async () => {
    await withScene(null, async (scene) => {
      const { place, proxy, key } = scene;
      const { storage, id } = await copy(scene);
      proxy.fail('CreateMultipartUpload', 'lost');
      await storage.makeFinal(id, key);
      await storage.discard(scene.id);
      expect([await objectKeys(place.bucket), await begunMultiparts(place.bucket)]).toEqual([[key], []]);
    });
  });

  test('one that is told to stop does, also while the store says nothing; it is made when it is asked for again', async () => {
    await withScene(null, async (scene) => {
      const { proxy, key } = scene;
      const { storage, id } = await copy(scene);
      const stopping = new AbortController();
      proxy.fail('UploadPartCopy', 'hang');
      proxy.on('UploadPartCopy', 'before', async () => stopping.abort());
      await storage.makeFinal(id, key, stopping.signal).then(() => expect.unreachable(), expectPassing);
      expect(await storage.open(key)).toBeNull();
      await storage.makeFinal(id, key);
      await expectWhole({ ...scene, id }, content);
    });
  });

  test('one that is given up leaves nothing where no file is', async () => {
    await withScene(null, async (scene) => {
      const { place, storage, id } = scene;
      const failed = await copy(scene);
      scene.proxy.on('UploadPartCopy', 'after', () => scene.proxy.stop());
      await failed.storage.makeFinal(failed.id, scene.key).then(() => expect.unreachable(), expectPassing);
      const again = place.open(LARGE);
      for (const left of [failed.id, id]) await again.discard(left);
      expect(await storage.offsetOf(failed.id)).toBeNull();
      expect([await objectKeys(place.bucket), await begunMultiparts(place.bucket)]).toEqual([[], []]);
    });
  });
});

test('a store that is full says so', async () => {
  await withScene(10, async ({ proxy, storage, id }) => {
    proxy.fail('PutObject', 'full', 5);
    const options = { maxBytes: 10, idleTimeoutMs: 60_000, signal: new AbortController().signal };
    const appended = storage.append(id, 0, Readable.from([Buffer.alloc(10)]), options);
    await expect(appended).rejects.toMatchObject({ code: 'storage-full' });
    expect(await storage.offsetOf(id)).toBe(0);
  });
});
