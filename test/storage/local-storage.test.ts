/** The local disk keeps what every storage keeps; and what is its own: its layout, its file handles, its faults. */
import { mkdir, mkdtemp, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { fileStorageContract } from './file-storage-contract.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-storage-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

fileStorageContract('local storage', (place) => createLocalStorage(path.join(folder, place)));
fileStorageContract('local storage of one server', (place) =>
  createLocalStorage(path.join(folder, 'alone', place), { isAlone: true }),
);

describe('on the disk', () => {
  test('unfinished bytes and shared ones lie apart, under names of ours only', async () => {
    const { root, storage, id } = await withUpload();
    const shared = newUploadId();
    const key = newStorageKey('c', 's', '.png');
    await storage.create(shared);
    await storage.makeFinal(shared, key);
    const files = (await readdir(root, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    expect(files.map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))).sort()).toEqual(
      [`.incoming/${id}`, key].sort(),
    );
  });

  test('a stranger’s file among the unfinished ones is not listed', async () => {
    const { root, storage, id } = await withUpload();
    await writeFile(path.join(root, '.incoming', 'notes.txt'), 'not ours');
    await mkdir(path.join(root, '.incoming', 'folder'));
    const ids: string[] = [];
    for await (const found of storage.incomingIds()) ids.push(found);
    expect(ids).toEqual([id]);
  });

  test('a process that died between making the folder and moving the bytes: the next one moves them', async () => {
    const { root, storage, id } = await withUpload();
    const key = newStorageKey('c', 's', '.png');
    await mkdir(path.dirname(path.join(root, key)), { recursive: true });
    await storage.makeFinal(id, key);
    expect((await storage.open(key))?.sizeBytes).toBe(3);
  });

  test('an offset that is remembered is the file’s, whoever changed it', async () => {
    const root = path.join(folder, newUploadId());
    const storage = await createLocalStorage(root, { isAlone: true });
    const id = newUploadId();
    const place = path.join(root, '.incoming', id);
    const append = (offset: number, maxBytes: number, verify?: () => void) => {
      const options = { maxBytes, idleTimeoutMs: 60_000, signal: new AbortController().signal, verify };
      return storage
        .append(id, offset, Readable.from([Buffer.from('abc')]), options)
        .catch((error: Error) => error.message);
    };
    await storage.create(id);
    await append(0, 3);
    expect(await storage.offsetOf(id)).toBe(3);
    await append(3, 2);
    expect(await storage.offsetOf(id)).toBe(3);
    const wrong = () => {
      throw new Error('wrong');
    };
    expect(await append(3, 3, wrong)).toBe('wrong');
    expect(await storage.offsetOf(id)).toBe(3);
    await append(3, 3);
    expect(await storage.offsetOf(id)).toBe(6);
    // As a process does that died after its last byte and before the verdict.
    await writeFile(place, 'abcdefghi');
    await writeFile(`${place}.unverified`, '4');
    expect(await storage.offsetOf(id)).toBe(4);
    await append(4, 3);
    expect(await storage.offsetOf(id)).toBe(7);
    await rm(place);
    expect(await storage.offsetOf(id)).toBe(null);
  });

  test('no file stays open, whatever happens to it', async () => {
    const { root, storage, id } = await withUpload();
    const options = { maxBytes: 1, idleTimeoutMs: 60_000, signal: new AbortController().signal };
    await storage.append(id, 3, Readable.from([Buffer.from('too long')]), options);
    const inspect = () => {
      throw new Error('refused');
    };
    await storage.append(id, 3, Readable.from([Buffer.from('x')]), { ...options, inspect }).catch(() => {});
    await storage.offsetOf(id);
    await storage.readIncoming(id, 10);
    const key = newStorageKey('c', 's', '.png');
    await storage.makeFinal(id, key);
    const read = await storage.open(key);
    await read?.close();
    const streamed = (await storage.open(key))?.stream(0, 2);
    const closed = new Promise((resolve) => streamed?.once('close', resolve));
    streamed?.destroy();
    await closed;
    expect(await openFilesUnder(root)).toEqual([]);
  });
});

describe('a store that is away', () => {
  test('is said as storage-unavailable, to be tried again', async () => {
    const { root, storage, id } = await withUpload();
    await rm(root, { recursive: true });
    await writeFile(root, 'a file where the folder was');
    const unavailable = { code: 'storage-unavailable', status: 503, retryAfterSeconds: expect.any(Number) };
    await expect(storage.check()).rejects.toMatchObject(unavailable);
    await expect(storage.create(newUploadId())).rejects.toMatchObject(unavailable);
    await expect(storage.offsetOf(id)).rejects.toMatchObject(unavailable);
    await expect(storage.open(newStorageKey('c', 's', ''))).rejects.toMatchObject(unavailable);
    await expect(storage.makeFinal(id, newStorageKey('c', 's', ''))).rejects.toMatchObject(unavailable);
  });
});

async function withUpload(): Promise<{ root: string; storage: FileStorage; id: string }> {
  const root = await mkdtemp(path.join(folder, 'store-'));
  const storage = await createLocalStorage(root);
  const id = newUploadId();
  await storage.create(id);
  const options = { maxBytes: 10, idleTimeoutMs: 60_000, signal: new AbortController().signal };
  await storage.append(id, 0, Readable.from([Buffer.from('abc')]), options);
  return { root, storage, id };
}

/** By the kernel's own list; elsewhere than on Linux there is none, and nothing to look at. */
async function openFilesUnder(root: string): Promise<string[]> {
  const handles = await readdir('/proc/self/fd').catch(() => []);
  const targets = await Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => '')));
  return targets.filter((target) => target.startsWith(root));
}
