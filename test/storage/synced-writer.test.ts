/** A sync that fails: what was written since the last good one is cut off, and a later good one cannot bring it back. */
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BLOCK_BYTES, BlockPool } from '../../server/storage/block-pool.ts';
import { DirectFile } from '../../server/storage/direct-file.ts';
import { createSyncedWriter } from '../../server/storage/synced-writer.ts';

const MIB = 1024 * 1024;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chatdrop-sync-'));
});
afterEach(() => rm(folder, { recursive: true }));

test.each([
  { name: 'the last one', failing: 1, written: 1 * MIB, kept: 0 },
  { name: 'one beside the writing', failing: 1, written: 40 * MIB, kept: 0 },
])('$name', async ({ failing, written, kept }) => {
  const path = join(folder, 'bytes');
  const file = await open(path, 'w+');
  let syncs = 0;
  const datasync = file.datasync.bind(file);
  // The kernel reports a write-back error once; the next call says all is well.
  file.datasync = async () => {
    syncs += 1;
    if (syncs === failing) throw Object.assign(new Error('EIO'), { code: 'EIO', syscall: 'fdatasync' });
    await datasync();
  };
  const writer = createSyncedWriter(file, 0);
  const write = async () => {
    for (let bytes = 0; bytes < written; bytes += MIB) await writer.write([Buffer.alloc(MIB)], MIB);
    await writer.settle();
  };
  await expect(write()).rejects.toMatchObject({ code: 'EIO' });
  await expect(writer.settle()).rejects.toMatchObject({ code: 'EIO' });
  expect((await stat(path)).size).toBe(kept);
  await file.close();
});

test('bytes of an earlier good sync stay', async () => {
  const path = join(folder, 'bytes');
  const file = await open(path, 'w+');
  const writer = createSyncedWriter(file, 0);
  await writer.write([Buffer.alloc(MIB)], MIB);
  expect(await writer.settle()).toBe(MIB);
  file.datasync = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
  await writer.write([Buffer.alloc(MIB)], MIB);
  await expect(writer.settle()).rejects.toMatchObject({ code: 'EIO' });
  expect((await stat(path)).size).toBe(MIB);
  await file.close();
});

test('what lies in the cache is synced before a write past it makes the file longer on disk', async () => {
  const path = join(folder, 'bytes');
  const file = await open(path, 'w+');
  const steps: string[] = [];
  const datasync = file.datasync.bind(file);
  file.datasync = async () => {
    await datasync();
    steps.push('synced');
  };
  const direct = new DirectFile(path, new BlockPool());
  vi.spyOn(direct, 'write').mockImplementation(async (pages, position) => {
    steps.push(`past the cache at ${position}`);
    return (await file.writev(pages, position)).bytesWritten;
  });
  const block = Buffer.alloc(BLOCK_BYTES);
  const writer = createSyncedWriter(file, 0, direct);
  await writer.write([Buffer.alloc(4096)], 4096);
  await writer.write([block], BLOCK_BYTES, true);
  await writer.write([block], BLOCK_BYTES, true);
  expect(steps).toEqual(['synced', 'past the cache at 4096', `past the cache at ${4096 + BLOCK_BYTES}`]);
  // The end of a page that has begun is written through the cache too.
  await writer.write([Buffer.alloc(1)], 1);
  await writer.write([block.subarray(1)], BLOCK_BYTES - 1, true);
  expect(steps.slice(3)).toEqual(['synced', `past the cache at ${8192 + 2 * BLOCK_BYTES}`]);
  await file.close();
});
