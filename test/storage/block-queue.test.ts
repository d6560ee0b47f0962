/** Bytes that come fast go to the disk in whole pages, past the page cache; whatever comes how, the file is what was sent. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { newUploadId } from '../../server/rules/upload-id.ts';
import { BLOCK_BYTES, BlockPool } from '../../server/storage/block-pool.ts';
import { BlockQueue } from '../../server/storage/block-queue.ts';
import { DirectFile, PAGE_BYTES } from '../../server/storage/direct-file.ts';
import { FastUploads } from '../../server/storage/fast-uploads.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { createSyncedWriter } from '../../server/storage/synced-writer.ts';

const CHUNK_BYTES = 64 * 1024;
const options = { maxBytes: Number.MAX_SAFE_INTEGER, idleTimeoutMs: 60_000, signal: new AbortController().signal };
let now = 0;

beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

function chunksOf(bytes: Buffer, each = CHUNK_BYTES): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / each) }, (_, at) => bytes.subarray(at * each, (at + 1) * each));
}

/** Adds as a body does, and takes what is ready. */
function run(queue: BlockQueue, chunks: readonly Buffer[], offset: number) {
  const stored: Buffer[] = [];
  const blocks: { position: number; memory: number; bytes: number }[] = [];
  let position = offset;
  const take = (isLate: boolean) => {
    for (let batch = queue.take(isLate); batch !== null; batch = queue.take(isLate)) {
      const [first] = batch.chunks;
      if (batch.areBlocks) blocks.push({ position, memory: first?.byteOffset ?? 0, bytes: batch.bytes });
      // Copied, since the block is given on.
      stored.push(Buffer.concat(batch.chunks));
      position += batch.bytes;
      batch.done();
    }
  };
  for (const chunk of chunks) {
    queue.add(chunk);
    if (queue.isReady()) take(false);
  }
  take(true);
  return { stored: Buffer.concat(stored), blocks };
}

describe('a body that comes fast', () => {
  test.each([0, 1, PAGE_BYTES, 3 * BLOCK_BYTES + 4095])(
    'from offset %i: whole pages, in memory as in the file',
    (offset) => {
      const bytes = randomBytes(4 * BLOCK_BYTES + 12_345);
      const pool = new BlockPool();
      const { stored, blocks } = run(new BlockQueue(pool, offset, () => {}), chunksOf(bytes, 65_500), offset);
      expect(stored.equals(bytes)).toBe(true);
      expect(blocks.length).toBeGreaterThanOrEqual(3);
      for (const { position, memory, bytes } of blocks) {
        expect(memory % PAGE_BYTES).toBe(position % PAGE_BYTES);
        expect((position + bytes) % PAGE_BYTES).toBe(0);
      }
    },
  );

  test('gives back what it took, and the chunks that it copied', () => {
    const pool = new BlockPool();
    const freed: Buffer[] = [];
    const chunks = chunksOf(randomBytes(3 * BLOCK_BYTES + 1), 60_000);
    const queue = new BlockQueue(pool, 0, (done) => void freed.push(...done));
    run(queue, chunks, 0);
    queue.drop();
    expect(chunks.every((chunk) => freed.includes(chunk))).toBe(true);
    expect(new Set(takeAll(pool)).size).toBe(40);
  });

  test('frees no chunk that waits, also where more waits than one block holds', () => {
    const bytes = randomBytes(6 * BLOCK_BYTES + 1);
    const chunks = chunksOf(bytes, 60_000).map((chunk) => Buffer.from(new Uint8Array(chunk).buffer));
    // As free-chunks.ts does: what is freed is empty.
    const queue = new BlockQueue(new BlockPool(), 0, (done) => {
      for (const { buffer, byteLength } of done)
        if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
    });
    const stored: Buffer[] = [];
    const take = () => {
      const batch = queue.take(true);
      if (batch === null) return false;
      stored.push(Buffer.concat(batch.chunks));
      batch.done();
      return true;
    };
    for (const chunk of chunks) {
      queue.add(chunk);
      if (!queue.gathers()) take();
    }
    while (take());
    expect(Buffer.concat(stored).equals(bytes)).toBe(true);
  });

  test('what is full when the disk has time is written together; others keep their share of the blocks', () => {
    const bytes = randomBytes(26 * BLOCK_BYTES);
    const pool = new BlockPool();
    const queue = new BlockQueue(pool, 1, () => {});
    const chunks = chunksOf(bytes);
    const first: Buffer[] = [];
    while (!queue.gathers()) {
      queue.add(chunks.shift() ?? Buffer.alloc(0));
      first.push(...(queue.take(false)?.chunks ?? []));
    }
    const others = Array.from({ length: 22 }, () => pool.take());
    while (!queue.isFull()) queue.add(chunks.shift() ?? Buffer.alloc(0));
    const two = queue.take(false);
    expect(two).toMatchObject({ areBlocks: true, chunks: { length: 2 } });
    for (const block of others) if (block !== null) pool.give(block);
    while (!queue.isFull()) queue.add(chunks.shift() ?? Buffer.alloc(0));
    const many = queue.take(false);
    expect(many).toMatchObject({ areBlocks: true, chunks: { length: 22 }, bytes: 22 * BLOCK_BYTES });
    const stored = Buffer.concat([...first, ...(two?.chunks ?? []), ...(many?.chunks ?? [])]);
    expect(stored.equals(bytes.subarray(0, stored.length))).toBe(true);
    two?.done();
    many?.done();
    queue.drop();
    expect(new Set(takeAll(pool)).size).toBe(40);
  });

  test('is gathered until it is late; what comes then waits for nothing', () => {
    const queue = new BlockQueue(new BlockPool(), 0, () => {});
    for (let at = 0; !queue.gathers(); at += 1) {
      expect(at).toBeLessThan(100);
      queue.add(Buffer.alloc(CHUNK_BYTES));
      queue.take(false);
    }
    queue.add(Buffer.alloc(CHUNK_BYTES));
    expect([queue.isReady(), queue.take(false)]).toEqual([false, null]);
    expect(queue.take(true)).toMatchObject({ bytes: CHUNK_BYTES, areBlocks: false });
    expect(queue.gathers()).toBe(false);
    queue.add(Buffer.alloc(CHUNK_BYTES));
    expect(queue.isReady()).toBe(true);
  });

  test('where no block is left, chunks are written as they are', () => {
    const pool = new BlockPool();
    takeAll(pool);
    const bytes = randomBytes(2 * BLOCK_BYTES);
    const { stored, blocks } = run(new BlockQueue(pool, 0, () => {}), chunksOf(bytes), 0);
    expect([stored.equals(bytes), blocks]).toEqual([true, []]);
  });
});

describe('the next body of a fast upload', () => {
  test.each([0, 1, 8 * BLOCK_BYTES])('from offset %i is gathered from its first byte on', (offset) => {
    const bytes = randomBytes(2 * BLOCK_BYTES + 12_345);
    const queue = new BlockQueue(new BlockPool(), offset, () => {}, true);
    const { stored, blocks } = run(queue, chunksOf(bytes), offset);
    expect(stored.equals(bytes)).toBe(true);
    expect(blocks[0]?.position).toBe(offset);
    expect(((blocks[0]?.position ?? 0) + (blocks[0]?.bytes ?? 0)) % PAGE_BYTES).toBe(0);
    expect(queue.wasFast()).toBe(true);
  });

  test('that comes slowly is written when it is late, and gives its block back', () => {
    const pool = new BlockPool();
    const queue = new BlockQueue(pool, 0, () => {}, true);
    queue.add(Buffer.alloc(CHUNK_BYTES));
    const late = queue.take(true);
    expect(late).toMatchObject({ bytes: CHUNK_BYTES, areBlocks: false });
    late?.done();
    queue.add(Buffer.alloc(CHUNK_BYTES));
    expect([queue.gathers(), queue.isReady(), queue.wasFast()]).toEqual([false, true, false]);
    expect(takeAll(pool)).toHaveLength(40);
  });

  test('of which no byte has come has no block; where none is left it begins as any other', () => {
    const pool = new BlockPool();
    const empty = new BlockQueue(pool, 0, () => {}, true);
    expect([empty.gathers(), empty.take(true)]).toEqual([false, null]);
    expect(takeAll(pool)).toHaveLength(40);
    empty.drop();
    const queue = new BlockQueue(pool, 0, () => {}, true);
    queue.add(Buffer.alloc(CHUNK_BYTES));
    expect(queue.take(false)).toMatchObject({ bytes: CHUNK_BYTES, areBlocks: false });
  });

  test('is remembered, the oldest of a thousand not', () => {
    const fast = new FastUploads();
    for (let at = 0; at < 1001; at += 1) fast.note(`place ${at}`, true);
    fast.note('place 7', false);
    expect(['place 0', 'place 7', 'place 1', 'place 1000'].map((place) => fast.has(place))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});

test('a body that comes slowly waits for nothing and takes no block', () => {
  const pool = new BlockPool();
  const queue = new BlockQueue(pool, 0, () => {});
  for (const chunk of chunksOf(randomBytes(2 * BLOCK_BYTES))) {
    now += 2;
    queue.add(chunk);
    expect(queue.isReady()).toBe(true);
    expect(queue.take(false)?.areBlocks).toBe(false);
  }
  expect(queue.wasFast()).toBe(false);
  expect(takeAll(pool)).toHaveLength(40);
});

describe('on a disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chatdrop-blocks-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('an upload in bodies of odd lengths is what was sent', async () => {
    const storage = await createLocalStorage(folder);
    const id = newUploadId();
    const bytes = randomBytes(9 * BLOCK_BYTES + 777);
    await storage.create(id);
    let offset = 0;
    for (const length of [2 * BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 4095, bytes.length]) {
      const body = bytes.subarray(offset, Math.min(bytes.length, offset + length));
      const result = await storage.append(id, offset, Readable.from(chunksOf(body)), options);
      expect(result).toEqual({ offset: offset + body.length, end: 'complete' });
      offset = result.offset;
    }
    expect(await storage.offsetOf(id)).toBe(bytes.length);
    expect((await readFile(join(folder, '.incoming', id))).equals(bytes)).toBe(true);
  });

  test('a file that is removed meanwhile, as when its session is deleted, is written on as before: the table says that it has ended', async () => {
    const storage = await createLocalStorage(folder);
    const id = newUploadId();
    const bytes = randomBytes(3 * BLOCK_BYTES);
    await storage.create(id);
    const inspect = async () => rm(join(folder, '.incoming', id), { force: true });
    const result = await storage.append(id, 0, Readable.from(chunksOf(bytes)), { ...options, inspect });
    expect(result).toEqual({ offset: bytes.length, end: 'complete' });
  });

  test('what the file system does not take past its cache goes through it, from then on too', async () => {
    const place = join(folder, 'bytes');
    await writeFile(place, '');
    const file = await open(place, 'r+');
    const pool = new BlockPool();
    const direct = new DirectFile(place, pool);
    // No page in memory begins there; a file system that takes even that has written it.
    const bytes = randomBytes(2 * PAGE_BYTES + 1).subarray(1);
    const writer = createSyncedWriter(file, 0, direct);
    await writer.write([bytes], bytes.length, true);
    await writer.write([bytes], bytes.length, true);
    expect(await writer.settle()).toBe(2 * bytes.length);
    await direct.close();
    await file.close();
    expect((await readFile(place)).equals(Buffer.concat([bytes, bytes]))).toBe(true);
  });
});

function takeAll(pool: BlockPool): Buffer[] {
  const blocks: Buffer[] = [];
  for (let block = pool.take(); block !== null; block = pool.take()) blocks.push(block);
  return blocks;
}
