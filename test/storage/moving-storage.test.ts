/** Two stores as one: it keeps what every storage keeps, whatever was in the other one when the move began. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { createMovingStorage } from '../../server/storage/moving-storage.ts';
import { fileStorageContract } from './file-storage-contract.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-moving-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function openMoving(place: string): Promise<FileStorage> {
  return createMovingStorage(await openAt(place, 'current'), await openAt(place, 'previous'));
}

fileStorageContract('two stores as one', openMoving);

/** The move is turned round after the upload began: all of it is in the other store. */
fileStorageContract('two stores as one, where the upload began in the other', async (place) => {
  const [current, previous] = [await openAt(place, 'current'), await openAt(place, 'previous')];
  return { ...createMovingStorage(current, previous), create: (id) => previous.create(id) };
});

describe('what began before the move', () => {
  let previous: FileStorage;
  let current: FileStorage;
  let moving: FileStorage;
  const key = newStorageKey('c', 's', '.txt');
  beforeEach(async () => {
    const place = randomBytes(8).toString('hex');
    [current, previous] = [await openAt(place, 'current'), await openAt(place, 'previous')];
    moving = createMovingStorage(current, previous);
  });

  test('goes on where it is, and is found there', async () => {
    const id = await begun(previous, 'before ');
    await append(moving, id, 7, 'after');
    expect([await previous.offsetOf(id), await current.offsetOf(id)]).toEqual([12, null]);
    await moving.makeFinal(id, key);
    await moving.makeFinal(id, key);
    expect(await contentOf(moving, key)).toBe('before after');
    expect([await contentOf(previous, key), await contentOf(current, key)]).toEqual(['before after', null]);
  });

  test('is joined with parts that came later', async () => {
    const parts = [await begun(previous, 'one '), await begun(moving, 'two '), await begun(previous, 'three')];
    const id = newUploadId();
    await moving.join(id, parts as string[], new AbortController().signal);
    await moving.makeFinal(id, key);
    expect(await contentOf(current, key)).toBe('one two three');
    // The parts stay until the whole is recorded; nothing else of the carrying does.
    expect((await listed(moving.incomingIds())).sort()).toEqual([...parts].sort());
    expect(await listed(previous.storedKeys())).toEqual([]);
    for (const part of parts) await moving.discard(part as string);
    expect(await listed(moving.incomingIds())).toEqual([]);
  });

  test('is removed from both', async () => {
    for (const store of [previous, current]) await store.makeFinal(await begun(store, 'twice'), key);
    await moving.remove(key);
    expect([await contentOf(previous, key), await contentOf(current, key)]).toEqual([null, null]);
  });

  test('a copy in the new store is preferred', async () => {
    await previous.makeFinal(await begun(previous, 'old'), key);
    await current.makeFinal(await begun(current, 'new'), key);
    expect(await contentOf(moving, key)).toBe('new');
  });

  test('an upload in neither store cannot be made final', async () => {
    await expect(moving.makeFinal(newUploadId(), key)).rejects.toThrow();
  });
});

function openAt(place: string, store: string): Promise<FileStorage> {
  return createLocalStorage(path.join(folder, place, store));
}

async function begun(storage: FileStorage, text: string): Promise<string> {
  const id = newUploadId();
  await storage.create(id);
  await append(storage, id, 0, text);
  return id;
}

async function append(storage: FileStorage, id: string, offset: number, text: string): Promise<void> {
  await storage.append(id, offset, Readable.from([Buffer.from(text)]), {
    maxBytes: 1000,
    idleTimeoutMs: 60_000,
    signal: new AbortController().signal,
  });
}

async function contentOf(storage: FileStorage, key: string): Promise<string | null> {
  const object = await storage.open(key);
  return object === null ? null : (await buffer(object.stream(0, object.sizeBytes - 1))).toString();
}

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all;
}
