/** A sync that fails: what was written since the last good one is cut off, and a later good one cannot bring it back. */
import { mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
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
