/** All files are copied and read back, whatever happens in between; the old store is emptied of what the new one has. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createChatFileTable } from '../../server/database/chat-file-table.ts';
import { createUploadTable } from '../../server/database/upload-table.ts';
import { newStorageKey, newUploadId } from '../../server/rules/upload-id.ts';
import { createMoveFiles, type MoveFault, type MoveRequest } from '../../server/sharing/move-files.ts';
import type { FileStorage } from '../../server/storage/file-storage.ts';
import { createLocalStorage } from '../../server/storage/local-storage.ts';
import { insertFile, openTestDatabase, type TestDatabase } from '../services/test-database.ts';

const NOW_MS = 10_000_000;

let open: TestDatabase;
let folder = '';
let from: FileStorage;
let to: FileStorage;
let faults: MoveFault[] = [];
let verified: number[] = [];
beforeEach(async () => {
  open = await openTestDatabase();
  folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-move-'));
  [from, to] = [await createLocalStorage(path.join(folder, 'from')), await createLocalStorage(path.join(folder, 'to'))];
  faults = [];
  verified = [];
});
afterEach(async () => {
  await open.remove();
  await rm(folder, { recursive: true, force: true });
});

describe('copying', () => {
  test('brings every file over, once, and notes what its bytes are', async () => {
    const files: Awaited<ReturnType<typeof shared>>[] = [];
    for (const bytes of [0, 1, 70_000, 3_000_000]) files.push(await shared(randomBytes(bytes)));
    expect(await mover().copyAll(request())).toMatchObject({ files: 4, copied: 4, copiedBytes: 3_070_001, faults: 0 });
    for (const { key, content, id } of files) {
      expect(await contentOf(to, key)).toEqual(content);
      expect(await contentOf(from, key)).toEqual(content);
      expect((await table().find(id))?.sha256).toBe(createHash('sha256').update(content).digest('hex'));
    }
    expect(verified).toEqual([files.at(-1)?.id]);
    expect(await mover().copyAll(request())).toMatchObject({ files: 4, copied: 0, faults: 0 });
    expect(await mover().copyAll(request({ verifiedUpTo: files[2]?.id ?? 0 }))).toMatchObject({ files: 1, copied: 0 });
    expect(await listed(to.incomingIds())).toEqual([]);
  });

  test('notes as verified only what no row can appear before any more', async () => {
    await shared(Buffer.from('new'), { createdAt: NOW_MS - 1000 });
    expect(await mover().copyAll(request())).toMatchObject({ copied: 1 });
    expect(verified).toEqual([]);
  });

  test('goes on behind a fault, names it, and notes nothing as verified from there on', async () => {
    const gone = await shared(Buffer.from('gone'));
    const damaged = await shared(Buffer.from('damaged'), { sha256: 'f'.repeat(64) });
    const short = await shared(Buffer.from('short'), { sizeBytes: 6 });
    const well = await shared(Buffer.from('well'));
    await from.remove(gone.key);
    expect(await mover().copyAll(request())).toMatchObject({ files: 4, copied: 1, faults: 3 });
    expect(faults.map(({ file }) => file.id).sort()).toEqual([gone.id, damaged.id, short.id].sort());
    expect(await listed(to.storedKeys())).toEqual([well.key]);
    expect(await listed(to.incomingIds())).toEqual([]);
    expect(verified).toEqual([]);
  });

  test('finds a copy that is not the same', async () => {
    const { key, content } = await shared(Buffer.from('the true bytes'));
    const altering: FileStorage = {
      ...to,
      async makeFinal(id, at) {
        await to.makeFinal(id, at);
        await writeFile(path.join(folder, 'to', at), 'other bytes!!!');
      },
    };
    expect(await mover({ to: altering }).copyAll(request())).toMatchObject({ copied: 0, faults: 1 });
    // The next run does not take it for a copy.
    expect(await mover().copyAll(request())).toMatchObject({ copied: 1, faults: 0 });
    expect(await contentOf(to, key)).toEqual(content);
  });

  test('brings thumbnails too, also one that was made after its file had been verified', async () => {
    const { id, key, content } = await shared(Buffer.from('a picture'));
    const early = await thumbnailOf(id, 'early');
    expect(await mover().copyAll(request())).toMatchObject({ copied: 1, faults: 0 });
    expect(await contentOf(to, early)).toEqual(Buffer.from('early'));
    const late = await thumbnailOf(id, 'late');
    expect((await listed(to.storedKeys())).sort()).toEqual([key, early].sort());
    const seen = await mover().lookAtSource({ mayRemove: async () => true, signal: new AbortController().signal });
    // The early one belongs to no file any more.
    expect(seen).toEqual({ copied: 2, uncopied: 0, orphans: 1 });
    expect(await contentOf(to, late)).toEqual(Buffer.from('late'));
    expect(await contentOf(to, key)).toEqual(content);
    expect(await listed(from.storedKeys())).toEqual([early]);
  });

  test('is no fault where the file is removed from the chat meanwhile, and leaves no copy', async () => {
    const { id, key } = await shared(Buffer.from('soon gone'));
    const removing: FileStorage = {
      ...to,
      async makeFinal(copy, at) {
        await open.database('chat_files').where({ id }).delete();
        await from.remove(key);
        await to.makeFinal(copy, at);
      },
    };
    expect(await mover({ to: removing }).copyAll(request())).toMatchObject({ faults: 0 });
    expect(await listed(to.storedKeys())).toEqual([]);
  });

  test('minds no file that was shared in the new store', async () => {
    const { key, content } = await shared(Buffer.from('born there'));
    await from.remove(key);
    await stored(to, key, content);
    expect(await mover().copyAll(request())).toMatchObject({ files: 1, copied: 0, faults: 0 });
  });

  test('ends when it is told to, and goes on from there', async () => {
    await shared(Buffer.from('one'));
    const stop = new AbortController();
    stop.abort(new Error('stopped'));
    await expect(mover().copyAll(request({ signal: stop.signal }))).rejects.toThrow('stopped');
    expect(faults).toEqual([]);
    expect(await mover().copyAll(request())).toMatchObject({ copied: 1 });
  });
});

describe('emptying the old store', () => {
  test('takes away what the new one has, and nothing else', async () => {
    const copied = await shared(Buffer.from('copied'));
    await mover().copyAll(request());
    const late = await shared(Buffer.from('late'));
    const orphan = newStorageKey('c', 's', '');
    await stored(from, orphan, Buffer.from('nobody knows it'));
    const signal = new AbortController().signal;
    const look = (remove: boolean) => mover().lookAtSource({ mayRemove: async () => remove, signal });
    const content = { copied: 1, uncopied: 1, orphans: 1 };
    expect(await look(false)).toEqual(content);
    expect(await look(true)).toEqual(content);
    expect(await look(true)).toEqual({ ...content, copied: 0 });
    expect((await listed(from.storedKeys())).sort()).toEqual([late.key, orphan].sort());
    expect(await contentOf(to, copied.key)).toEqual(copied.content);
  });
});

describe('before the end of a move', () => {
  test('uploads are counted whose bytes are not in the new store; and objects there that no file has', async () => {
    const signal = new AbortController().signal;
    const [here, there] = [await insertUpload(), await insertUpload()];
    // One that has no place yet gets it in the new store.
    await insertUpload();
    await to.create(here);
    await from.create(there);
    await stored(to, newStorageKey('c', 's', ''), Buffer.from('of a file that was removed'));
    await shared(Buffer.from('a file'));
    await mover().copyAll(request());
    expect([await mover().countUnfinished(), await mover().countOrphans(signal)]).toEqual([1, 1]);
  });

  test('a copy of another size is none, and is not taken for one that lets the old be deleted', async () => {
    const { key, content } = await shared(Buffer.from('whole'));
    await stored(to, key, Buffer.from('hal'));
    const signal = new AbortController().signal;
    expect(await mover().lookAtSource({ mayRemove: async () => true, signal })).toMatchObject({ uncopied: 1 });
    expect(await contentOf(from, key)).toEqual(content);
  });

  test('other bytes in the new store, and none in the old one, are a fault', async () => {
    const { key, id } = await shared(Buffer.from('right'), { sha256: 'f'.repeat(64) });
    await from.remove(key);
    await stored(to, key, Buffer.from('wrong'));
    expect(await mover().copyAll(request())).toMatchObject({ faults: 1 });
    expect(faults.map(({ file }) => file.id)).toContain(id);
  });
});

function table() {
  return createChatFileTable(open.database);
}

/** Made, and noted on the file. */
async function thumbnailOf(id: number, content: string): Promise<string> {
  const key = newStorageKey('c', 's', '.webp');
  await stored(from, key, Buffer.from(content));
  await open.database('chat_files').where({ id }).update({ thumbnail: key });
  return key;
}

function mover(over: { to?: FileStorage } = {}) {
  return createMoveFiles({
    files: table(),
    uploads: createUploadTable(open.database),
    from,
    to,
    now: () => NOW_MS,
    ...over,
  });
}

function request(over: Partial<MoveRequest> = {}): MoveRequest {
  return {
    verifiedUpTo: 0,
    signal: new AbortController().signal,
    onVerified: async (id) => void verified.push(id),
    onFault: (fault) => void faults.push(fault),
    onProgress: () => {},
    ...over,
  };
}

/** One that is under way. @returns its id */
async function insertUpload(): Promise<string> {
  const id = newUploadId();
  const nothing = { subject: null, declaredType: null, metadata: null, fileKey: null, sha256: null, concat: null };
  await createUploadTable(open.database).insert(open.database, {
    ...nothing,
    id,
    company: 'c',
    session: 's',
    uploader: 'user',
    name: 'film.mp4',
    sizeBytes: 100,
    reservedBytes: 100,
    oneRequest: false,
    holder: null,
    createdAt: 1,
    expiresAt: NOW_MS,
  });
  return id;
}

async function shared(content: Buffer, over: Parameters<typeof insertFile>[1] = {}) {
  const key = newStorageKey('c', 's', '.bin');
  await stored(from, key, content);
  const id = await insertFile(open.database, { storageKey: key, sizeBytes: content.length, ...over });
  return { id, key, content };
}

async function stored(storage: FileStorage, key: string, content: Buffer): Promise<void> {
  const id = newUploadId();
  await storage.create(id);
  const body = Readable.from(content.length === 0 ? [] : [content]);
  const signal = new AbortController().signal;
  await storage.append(id, 0, body, { maxBytes: content.length, idleTimeoutMs: 60_000, signal });
  await storage.makeFinal(id, key);
}

async function contentOf(storage: FileStorage, key: string): Promise<Buffer | null> {
  const object = await storage.open(key);
  if (object === null) return null;
  if (object.sizeBytes > 0) return buffer(object.stream(0, object.sizeBytes - 1));
  await object.close();
  return Buffer.alloc(0);
}

async function listed(names: AsyncIterable<string>): Promise<string[]> {
  const all: string[] = [];
  for await (const name of names) all.push(name);
  return all;
}
