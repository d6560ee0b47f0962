/** What every storage has to keep: one suite, run by each implementation of `FileStorage`. */
import { createHash, randomBytes } from 'node:crypto';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { beforeEach, describe, expect, test } from 'vitest';
import { Failure } from '../../server/rules/failure.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import type { AppendOptions, FileStorage } from '../../server/storage/file-storage.ts';

/** Opens the store of that name; the same name again is the same store, as after a restart. */
export type OpenStorage = (place: string) => Promise<FileStorage>;
type Current = { place: string; storage: FileStorage; id: string };

const MIB = 1024 * 1024;
const LONG_MS = 60_000;

export function fileStorageContract(name: string, openStorage: OpenStorage): void {
  describe(name, () => {
    const current = {} as Current;
    beforeEach(async () => {
      current.place = randomBytes(8).toString('hex');
      current.storage = await openStorage(current.place);
      current.id = newUploadId();
      await current.storage.create(current.id);
    });
    describe('an unfinished upload', () => unfinished(current, openStorage));
    describe('the end of a body', () => bodyEnds(current));
    describe('a body that is verified', () => verified(current, openStorage));
    describe('joined of others', () => joined(current, openStorage));
    describe('a stored object', () => objects(current, openStorage));
    describe('a name that is not ours is refused', () => names(current));
  });
}

function unfinished(current: Current, openStorage: OpenStorage): void {
  test('is empty at first, and listed', async () => {
    const { storage, id } = current;
    expect(await storage.offsetOf(id)).toBe(0);
    expect(await listed(storage)).toEqual([id]);
    expect(await storage.readIncoming(id, 10)).toHaveLength(0);
  });

  test('that was never created has no offset', async () => {
    expect(await current.storage.offsetOf(newUploadId())).toBeNull();
  });

  test('takes bodies one behind the other', async () => {
    const { storage, id } = current;
    expect(await append(current, 0, [Buffer.from('first ')])).toEqual({ offset: 6, end: 'complete' });
    expect(await append(current, 6, [Buffer.from('second')])).toEqual({ offset: 12, end: 'complete' });
    expect(await storage.offsetOf(id)).toBe(12);
    expect(text(await storage.readIncoming(id, 100))).toBe('first second');
    expect(text(await storage.readIncoming(id, 3))).toBe('fir');
  });

  test('takes a body of no bytes', async () => {
    expect(await append(current, 0, [])).toEqual({ offset: 0, end: 'complete' });
    await append(current, 0, [Buffer.from('abc')]);
    expect(await append(current, 3, [])).toEqual({ offset: 3, end: 'complete' });
    expect(text(await current.storage.readIncoming(current.id, 10))).toBe('abc');
  });

  test('of 3 MiB in odd chunks over odd bodies holds every byte', async () => {
    const { storage, id } = current;
    const content = randomBytes(3 * MIB);
    const bodies = [1, 70_001, MIB + 17, 3 * MIB];
    let offset = 0;
    for (const [number, end] of bodies.entries()) {
      const chunks = [...oddChunks(content.subarray(offset, end), number)];
      offset = (await append(current, offset, chunks)).offset;
      expect(offset).toBe(end);
    }
    const key = keyOf();
    await storage.makeFinal(id, key);
    const object = await storage.open(key);
    expect(sha256(await buffer(object?.stream(0, content.length - 1) ?? Readable.from([])))).toBe(sha256(content));
  });

  test('is there after a restart and goes on', async () => {
    await append(current, 0, [Buffer.from('before ')]);
    const again = await openStorage(current.place);
    expect(await again.offsetOf(current.id)).toBe(7);
    await append({ ...current, storage: again }, 7, [Buffer.from('after')]);
    expect(text(await again.readIncoming(current.id, 100))).toBe('before after');
  });

  test('that is discarded is gone; discarding again does nothing', async () => {
    const { storage, id } = current;
    await append(current, 0, [Buffer.from('abc')]);
    await storage.discard(id);
    await storage.discard(id);
    expect(await storage.offsetOf(id)).toBeNull();
    expect(await listed(storage)).toEqual([]);
  });

  test('of another id is not touched', async () => {
    const { storage, id } = current;
    const other = newUploadId();
    await storage.create(other);
    await append(current, 0, [Buffer.from('mine')]);
    await append({ ...current, id: other }, 0, [Buffer.from('theirs')]);
    await storage.discard(other);
    expect(text(await storage.readIncoming(id, 10))).toBe('mine');
    expect(await listed(storage)).toEqual([id]);
  });

  test('the store can be written to', async () => {
    await expect(current.storage.check()).resolves.toBeUndefined();
  });
}

function bodyEnds(current: Current): void {
  test.each([
    ['leaves', undefined],
    ['breaks off with an error', Object.assign(new Error('aborted'), { code: 'ECONNRESET' })],
  ])('the client %s: what came is kept', async (_how, error) => {
    const { body, seen, options } = openBody();
    const appended = current.storage.append(current.id, 0, body, options);
    body.write(Buffer.alloc(100_000, 'a'));
    await seen(100_000);
    body.destroy(error);
    expect(await appended).toEqual({ offset: 100_000, end: 'client-left' });
    expect(await current.storage.offsetOf(current.id)).toBe(100_000);
  });

  test('a body that was gone before it was read is one that left', async () => {
    const body = new PassThrough();
    body.destroy();
    expect(await current.storage.append(current.id, 0, body, anyBody())).toEqual({ offset: 0, end: 'client-left' });
  });

  test('stopped from outside: what came is kept, and the body lives for an answer', async () => {
    const stop = new AbortController();
    const { body, seen, options } = openBody({ signal: stop.signal });
    const appended = current.storage.append(current.id, 0, body, options);
    body.write(Buffer.alloc(5000, 'a'));
    await seen(5000);
    stop.abort();
    expect(await appended).toEqual({ offset: 5000, end: 'stopped' });
    expect([await current.storage.offsetOf(current.id), body.destroyed]).toEqual([5000, false]);
  });

  test('stopped before it began: nothing is taken', async () => {
    const body = Readable.from([Buffer.from('abc')]);
    const options = { ...anyBody(), signal: AbortSignal.abort() };
    expect(await current.storage.append(current.id, 0, body, options)).toEqual({ offset: 0, end: 'stopped' });
  });

  test('no byte for too long: what came is kept, and the body lives for an answer', async () => {
    const { body, options } = openBody({ idleTimeoutMs: 50 });
    body.write(Buffer.alloc(5000, 'a'));
    expect(await current.storage.append(current.id, 0, body, options)).toEqual({ offset: 5000, end: 'idle' });
    expect([await current.storage.offsetOf(current.id), body.destroyed]).toEqual([5000, false]);
  });

  test('one byte too many: this body is discarded, earlier ones stay', async () => {
    await append(current, 0, [Buffer.from('earlier')]);
    const { body, seen, options } = openBody({ maxBytes: 10 });
    const appended = current.storage.append(current.id, 7, body, options);
    body.write(Buffer.alloc(10, 'x'));
    await seen(10);
    body.write(Buffer.alloc(1, 'x'));
    expect(await appended).toEqual({ offset: 7, end: 'too-long' });
    expect([await current.storage.offsetOf(current.id), body.destroyed]).toEqual([7, false]);
    expect(await append(current, 7, [Buffer.from('!')])).toEqual({ offset: 8, end: 'complete' });
    expect(text(await current.storage.readIncoming(current.id, 100))).toBe('earlier!');
  });

  test('exactly as many as allowed is not too many', async () => {
    const options = { ...anyBody(), maxBytes: 10 };
    const body = Readable.from([Buffer.alloc(4, 'x'), Buffer.alloc(6, 'x')]);
    expect(await current.storage.append(current.id, 0, body, options)).toEqual({ offset: 10, end: 'complete' });
  });

  test('an inspection that throws ends it with that error; bytes before it are kept', async () => {
    const refusal = new Failure('executable');
    const inspect: AppendOptions['inspect'] = async (_chunks, offset) => {
      if (offset > 0) throw refusal;
    };
    const { body, seen, options } = openBody({ inspect });
    const appended = current.storage.append(current.id, 0, body, options);
    body.write(Buffer.from('harmless'));
    await seen(8);
    body.write(Buffer.from('MZ'));
    await expect(appended).rejects.toBe(refusal);
    expect(text(await current.storage.readIncoming(current.id, 100))).toBe('harmless');
    expect([await current.storage.offsetOf(current.id), body.destroyed]).toEqual([8, false]);
  });

  test('the inspection sees every byte once, in order, before it is stored', async () => {
    const content = randomBytes(2 * MIB);
    const inspected: Buffer[] = [];
    let next = 0;
    const inspect: AppendOptions['inspect'] = (chunks, offset) => {
      expect(offset).toBe(next);
      inspected.push(...chunks);
      next += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    };
    const body = Readable.from([...oddChunks(content, 5)]);
    await current.storage.append(current.id, 0, body, { ...anyBody(), inspect });
    expect(sha256(Buffer.concat(inspected))).toBe(sha256(content));
  });
}

function verified(current: Current, openStorage: OpenStorage): void {
  const never = () => new Promise<void>(() => {});

  test('counts from the verdict on', async () => {
    const { storage, id } = current;
    await append(current, 0, [Buffer.from('first ')]);
    let before: number | null = null;
    const verify = async () => {
      before = await storage.offsetOf(id);
    };
    const body = Readable.from([Buffer.from('second')]);
    expect(await storage.append(id, 6, body, { ...anyBody(), verify })).toEqual({ offset: 12, end: 'complete' });
    expect([before, await storage.offsetOf(id)]).toEqual([6, 12]);
    expect(text(await storage.readIncoming(id, 100))).toBe('first second');
  });

  test('that is found wrong is gone, and the upload goes on from before it', async () => {
    const { storage, id } = current;
    await append(current, 0, [Buffer.from('first ')]);
    const wrong = new Failure('tus-checksum');
    const verify = () => Promise.reject(wrong);
    const body = Readable.from([Buffer.from('much too long and wrong')]);
    await expect(storage.append(id, 6, body, { ...anyBody(), verify })).rejects.toBe(wrong);
    expect(await storage.offsetOf(id)).toBe(6);
    await append(current, 6, [Buffer.from('second')]);
    expect(text(await storage.readIncoming(id, 100))).toBe('first second');
  });

  test('whose client leaves is gone, and was never judged', async () => {
    const { storage, id } = current;
    let judged = false;
    const { body, seen, options } = openBody({
      verify: () => {
        judged = true;
      },
    });
    const appended = storage.append(id, 0, body, options);
    body.write(Buffer.alloc(5000, 'a'));
    await seen(5000);
    body.destroy();
    expect(await appended).toEqual({ offset: 0, end: 'client-left' });
    expect([await storage.offsetOf(id), judged]).toEqual([0, false]);
  });

  test('does not count after a crash before the verdict', async () => {
    const { storage, id, place } = current;
    await append(current, 0, [Buffer.from('first ')]);
    const stored = new Promise<void>((resolve) => {
      const verify = () => {
        resolve();
        return never();
      };
      void storage.append(id, 6, Readable.from([Buffer.from('unverified')]), { ...anyBody(), verify });
    });
    await stored;
    const again = await openStorage(place);
    expect(await again.offsetOf(id)).toBe(6);
    await append({ ...current, storage: again }, 6, [Buffer.from('good')]);
    expect([await again.offsetOf(id), text(await again.readIncoming(id, 100))]).toEqual([10, 'first good']);
    await again.discard(id);
    expect(await listed(again)).toEqual([]);
  });
}

function joined(current: Current, openStorage: OpenStorage): void {
  const running = new AbortController().signal;
  const part = async (content: Buffer): Promise<string> => {
    const id = newUploadId();
    await current.storage.create(id);
    await append({ ...current, id }, 0, [content]);
    return id;
  };
  const contentOf = async (id: string): Promise<Buffer> => {
    const key = keyOf();
    await current.storage.makeFinal(id, key);
    const object = await current.storage.open(key);
    const { sizeBytes = 0 } = object ?? {};
    return await buffer(object?.stream(0, sizeBytes - 1) ?? Readable.from([]));
  };

  test('has all their bytes in order, one more than once and an empty one; they stay', async () => {
    const { storage } = current;
    const [one, two] = [randomBytes(2 * MIB + 17), randomBytes(70_001)];
    const ids = [await part(one), await part(two), await part(Buffer.alloc(0))] as const;
    const id = newUploadId();
    await storage.join(id, [ids[1], ids[0], ids[2], ids[1]], running);
    expect(await storage.offsetOf(id)).toBe(one.length + 2 * two.length);
    expect(sha256(await contentOf(id))).toBe(sha256(Buffer.concat([two, one, two])));
    expect(await storage.offsetOf(ids[0])).toBe(one.length);
  });

  test('again and again is the same, also after a restart', async () => {
    const { storage, place } = current;
    const ids = [await part(Buffer.from('a')), await part(Buffer.from('b'))];
    const id = newUploadId();
    await storage.join(id, ids, running);
    await (await openStorage(place)).join(id, ids, running);
    expect((await contentOf(id)).toString()).toBe('ab');
  });

  test('is not there when a part is missing or it is stopped', async () => {
    const { storage } = current;
    const id = newUploadId();
    const there = await part(Buffer.from('a'));
    await expect(storage.join(id, [there, newUploadId()], running)).rejects.toThrow();
    await expect(storage.join(id, [there], AbortSignal.abort())).rejects.toThrow();
    expect(await storage.offsetOf(id)).toBeNull();
    await storage.discard(id);
    expect((await listed(storage)).sort()).toEqual([current.id, there].sort());
  });
}

function objects(current: Current, openStorage: OpenStorage): void {
  const content = randomBytes(300_000);
  const store = async (): Promise<string> => {
    const key = keyOf();
    await append(current, 0, [content]);
    await current.storage.makeFinal(current.id, key);
    return key;
  };

  test('has every byte, and is no longer unfinished', async () => {
    const key = await store();
    const object = await current.storage.open(key);
    expect(object?.sizeBytes).toBe(content.length);
    expect(sha256(await buffer(object?.stream(0, content.length - 1) ?? Readable.from([])))).toBe(sha256(content));
    expect([await current.storage.offsetOf(current.id), await listed(current.storage)]).toEqual([null, []]);
  });

  test('is listed by its key, once; an unfinished one is not', async () => {
    const { storage } = current;
    expect(await collected(storage.storedKeys())).toEqual([]);
    const keys = [await store(), `chat/other/session/${newUploadId()}`];
    current.id = newUploadId();
    await storage.create(current.id);
    expect(await collected(storage.storedKeys())).toEqual([keys[0]]);
    await storage.makeFinal(current.id, keys[1] ?? '');
    expect((await collected(storage.storedKeys())).sort()).toEqual(keys.sort());
    await storage.remove(keys[0] ?? '');
    expect(await collected(storage.storedKeys())).toEqual([keys[1]]);
  });

  test('is made final again and again: at once, one behind the other, after a restart', async () => {
    const { storage, id, place } = current;
    const key = keyOf();
    await append(current, 0, [content]);
    await Promise.all([storage.makeFinal(id, key), storage.makeFinal(id, key)]);
    await storage.makeFinal(id, key);
    const again = await openStorage(place);
    await again.makeFinal(id, key);
    const object = await again.open(key);
    expect(object?.sizeBytes).toBe(content.length);
    await object?.close();
  });

  test('is not made of nothing', async () => {
    await expect(current.storage.makeFinal(newUploadId(), keyOf())).rejects.toThrow();
  });

  test('of no bytes is an object too', async () => {
    const key = keyOf();
    await current.storage.makeFinal(current.id, key);
    const object = await current.storage.open(key);
    expect(object?.sizeBytes).toBe(0);
    expect(await object?.read(0, 10)).toHaveLength(0);
    await object?.close();
  });

  test('is read anywhere; shorter at its end', async () => {
    const object = await current.storage.open(await store());
    for (const [position, length] of [
      [0, 1],
      [0, 0],
      [131_071, 70_001],
      [299_990, 100],
      [300_000, 10],
      [400_000, 10],
    ] as const) {
      const read = Buffer.from((await object?.read(position, length)) ?? '');
      expect(read.equals(content.subarray(position, position + length))).toBe(true);
    }
    await object?.close();
  });

  test.each([
    [0, 0],
    [299_999, 299_999],
    [1000, 200_000],
    [0, 299_999],
  ])('is streamed from byte %i to byte %i, both included', async (first, last) => {
    const object = await current.storage.open(await store());
    const streamed = await buffer(object?.stream(first, last) ?? Readable.from([]));
    expect(streamed.equals(content.subarray(first, last + 1))).toBe(true);
  });

  test('is put at a key at once, of any length, and replaced by another', async () => {
    const { storage, id } = current;
    const key = keyOf();
    for (const bytes of [content, content.subarray(0, 1000), Buffer.alloc(0)]) {
      await storage.put(id, key, () => Readable.from(bytes.length === 0 ? [] : [bytes]), bytes.length);
      const object = await storage.open(key);
      expect(object?.sizeBytes).toBe(bytes.length);
      expect(Buffer.from((await object?.read(0, bytes.length)) ?? '').equals(bytes)).toBe(true);
      await object?.close();
    }
    expect(await collected(storage.storedKeys())).toEqual([key]);
    expect(await listed(storage)).toEqual([id]);
  });

  test('is put whole at a new key, of pieces or of nothing, and is no upload', async () => {
    const { storage, id } = current;
    const keys = [keyOf(), keyOf()];
    const pieces = [content.subarray(0, 1), content.subarray(1, 70_000), Buffer.alloc(0), content.subarray(70_000)];
    for (const [at, bytes] of [pieces, []].entries()) {
      const whole = Buffer.concat(bytes);
      await storage.putWhole(keys[at] as string, bytes, whole.length);
      const object = await storage.open(keys[at] as string);
      expect(object?.sizeBytes).toBe(whole.length);
      expect(Buffer.from((await object?.read(0, whole.length)) ?? '').equals(whole)).toBe(true);
      await object?.close();
    }
    expect((await collected(storage.storedKeys())).toSorted()).toEqual(keys.toSorted());
    expect(await listed(storage)).toEqual([id]);
  });

  test('stays as it is where what is to replace it breaks off, or is shorter than was said', async () => {
    const { storage } = current;
    const key = await store();
    async function* breaking() {
      yield content.subarray(0, 1000);
      throw new Error('the source broke off');
    }
    const broken = storage.put(current.id, key, () => Readable.from(breaking(), { objectMode: false }), 2000);
    await expect(broken).rejects.toThrow();
    await expect(storage.put(current.id, key, () => Readable.from([content.subarray(0, 10)]), 2000)).rejects.toThrow();
    const object = await storage.open(key);
    expect(sha256(await buffer(object?.stream(0, content.length - 1) ?? Readable.from([])))).toBe(sha256(content));
    expect(await listed(storage)).toEqual([]);
  });

  test('that was opened is never read as what has taken its place', async () => {
    const { storage, id } = current;
    const key = await store();
    const object = await storage.open(key);
    await storage.put(id, key, () => Readable.from([Buffer.alloc(content.length, 'x')]), content.length);
    const late = await object?.read(200_000, 1000).catch(() => null);
    expect(late === null || Buffer.from(late ?? '').equals(content.subarray(200_000, 201_000))).toBe(true);
    await object?.close();
  });

  test('stays when the upload of its id is discarded', async () => {
    const key = await store();
    await current.storage.discard(current.id);
    const object = await current.storage.open(key);
    expect(object?.sizeBytes).toBe(content.length);
    await object?.close();
  });

  test('that is removed is gone; removing again does nothing', async () => {
    const key = await store();
    await current.storage.remove(key);
    await current.storage.remove(key);
    expect(await current.storage.open(key)).toBeNull();
  });

  test('that never was is null', async () => {
    expect(await current.storage.open(keyOf())).toBeNull();
  });
}

function names(current: Current): void {
  const long = 'a'.repeat(23);
  test.each(['', '.', '..', '../../etc/passwd', '/etc/passwd', `${'a'.repeat(21)}\0`, `../${'a'.repeat(19)}`, long])(
    'the upload id %j',
    async (id) => {
      const { storage } = current;
      await expect(storage.create(id)).rejects.toThrow();
      await expect(storage.append(id, 0, Readable.from([]), anyBody())).rejects.toThrow();
      await expect(storage.offsetOf(id)).rejects.toThrow();
      await expect(storage.readIncoming(id, 1)).rejects.toThrow();
      await expect(storage.makeFinal(id, keyOf())).rejects.toThrow();
      await expect(storage.discard(id)).rejects.toThrow();
      expect(await listed(storage)).toEqual([current.id]);
    },
  );

  const random = 'a'.repeat(22);
  test.each([
    '',
    '../secret',
    '/etc/passwd',
    `chat/../s/${random}.png`,
    `chat/c/s/../${random}.png`,
    `chat/c/s/${random}.png/../../../../etc/passwd`,
    `chat/c/s/${random}\0.png`,
    `chat/c/s/${random}.PNG`,
    `chat\\c\\s\\${random}.png`,
    `.incoming/${random}`,
  ])('the key %j', async (key) => {
    const { storage, id } = current;
    await expect(storage.makeFinal(id, key)).rejects.toThrow();
    await expect(storage.open(key)).rejects.toThrow();
    await expect(storage.remove(key)).rejects.toThrow();
    expect(await storage.offsetOf(id)).toBe(0);
  });
}

function append({ storage, id }: Current, offset: number, chunks: Buffer[]) {
  return storage.append(id, offset, Readable.from(chunks), anyBody());
}

function anyBody(): AppendOptions {
  return { maxBytes: 100 * MIB, idleTimeoutMs: LONG_MS, signal: new AbortController().signal };
}

/** A body that the test feeds; `seen(n)` resolves once n bytes have come as far as the inspection. */
function openBody(over: Partial<AppendOptions> = {}) {
  const body = new PassThrough();
  const waiting: { bytes: number; resolve(): void }[] = [];
  let seenBytes = 0;
  const options: AppendOptions = {
    ...anyBody(),
    ...over,
    inspect: async (chunks, offset) => {
      seenBytes += chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      for (const { bytes, resolve } of waiting) if (bytes <= seenBytes) resolve();
      await over.inspect?.(chunks, offset);
    },
  };
  const seen = (bytes: number) =>
    new Promise<void>((resolve) => {
      if (seenBytes >= bytes) resolve();
      else waiting.push({ bytes, resolve });
    });
  return { body, options, seen };
}

/** Pieces of 1 to some 70,000 bytes, the same for the same seed. */
function* oddChunks(content: Buffer, seed: number): Generator<Buffer> {
  for (let at = 0, step = seed + 1; at < content.length; step = (step * 7919 + 13) % 70_001) {
    yield content.subarray(at, at + step + 1);
    at += step + 1;
  }
}

async function listed(storage: FileStorage): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of storage.incomingIds()) ids.push(id);
  return ids;
}

function keyOf(): string {
  return newStorageKey('company', 'session', '.bin');
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function sha256(content: Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function collected(keys: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const key of keys) all.push(key);
  return all;
}
