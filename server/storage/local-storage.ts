/** Bytes on the local disk. @tus/file-store lays unfinished uploads out; the durable write path is ours. */
import { constants, createReadStream, existsSync, statSync } from 'node:fs';
import { access, type FileHandle, mkdir, open, opendir, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { FileStore } from '@tus/file-store';
import { Upload } from '@tus/utils';
import { Failure } from '../rules/failure.ts';
import { isStorageKey, isUploadId } from '../rules/upload-id.ts';
import { BlockPool } from './block-pool.ts';
import { BlockQueue } from './block-queue.ts';
import { DirectFile } from './direct-file.ts';
import { DISK_SYNCS, type DiskSyncs, type SyncFolder } from './disk-syncs.ts';
import { FastUploads } from './fast-uploads.ts';
import type { AppendOptions, AppendResult, FileStorage, StoredObject } from './file-storage.ts';
import { chunkFreer } from './free-chunks.ts';
import { JOINING, joinFiles } from './local-join.ts';
import { WRITING, writeWhole } from './local-put.ts';
import { writeAtOnce } from './local-put-small.ts';
import { appendVerified, countedBytes, dropUnverified, UNVERIFIED } from './local-unverified.ts';
import { ownId, ownKey } from './own-names.ts';
import { pumpBody } from './pump-body.ts';
import { shareSyncs } from './share-syncs.ts';
import { SyncedSizes } from './synced-sizes.ts';
import { createSyncedWriter } from './synced-writer.ts';
import { translateFaults } from './translate-faults.ts';

/** Folders that are known to be synced; beyond that they are synced again. */
const MAX_REMEMBERED_FOLDERS = 10_000;
/** What may lie beside an upload, by the end of its name. */
const BESIDE = [UNVERIFIED, JOINING, WRITING];
/** The records are rows of `uploads`; the store keeps none of its own. */
const NO_RECORDS = { get: async () => undefined, set: async () => {}, delete: async () => {} };

/**
 * `{root}/.incoming/{upload id}` while bytes arrive, `{root}/{key}` once shared: one file system, so a rename moves them.
 * @param isAlone no other server writes below `root`: what this one has synced need not be synced again to be sure of it
 */
export async function createLocalStorage(
  root: string,
  { isAlone = false, syncs = DISK_SYNCS }: { isAlone?: boolean; syncs?: DiskSyncs } = {},
): Promise<FileStorage> {
  const incoming = path.join(root, '.incoming');
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await syncs.folder(root);
  await syncs.folder(path.dirname(root));
  const disk = { pool: new BlockPool(), fast: new FastUploads(), syncs };
  const known = isAlone ? new SyncedSizes() : null;
  const sync = shareSyncs(syncs.folder);
  const syncParents = createSyncParents(root, sync);
  const layout = new FileStore({ directory: incoming, configstore: NO_RECORDS });
  const placeOf = (uploadId: string) => path.join(incoming, ownId(uploadId));
  const pathOf = (key: string) => path.join(root, ownKey(key));

  const storage: FileStorage = {
    async create(uploadId) {
      await layout.create(new Upload({ id: ownId(uploadId), offset: 0 }));
      await sync(incoming);
    },
    async append(uploadId, offset, body, options) {
      const place = placeOf(uploadId);
      // What is as this process left it has no note.
      if (known?.sizeOf(place) !== offset) await dropUnverified(place, syncs);
      known?.forget(place);
      if (options.verify === undefined) {
        const result = await appendBody(disk, place, offset, body, options);
        known?.note(place);
        return result;
      }
      const append = () => appendBody(disk, place, offset, body, options);
      return appendVerified(place, offset, options.verify, append, syncs);
    },
    async offsetOf(uploadId) {
      const place = placeOf(uploadId);
      return known?.sizeOf(place) ?? syncedSize(place, syncs);
    },
    async readIncoming(uploadId, lengthBytes) {
      const file = await open(placeOf(uploadId), 'r');
      try {
        return await readAt(file, 0, lengthBytes);
      } finally {
        await file.close();
      }
    },
    join: (uploadId, partIds, signal) => joinFiles(placeOf(uploadId), partIds.map(placeOf), signal, syncs),
    async makeFinal(uploadId, key) {
      known?.forget(placeOf(uploadId));
      await moveInto(placeOf(uploadId), pathOf(key), sync, syncParents);
    },
    async put(uploadId, key, makeBody, sizeBytes) {
      const beside = placeOf(uploadId) + WRITING;
      await writeWhole(beside, makeBody(), sizeBytes, syncs);
      await moveOver(beside, pathOf(key), sync, syncParents);
    },
    async putWhole(key, bytes, sizeBytes) {
      const file = pathOf(key);
      const folder = path.dirname(file);
      await writeAtOnce(file, bytes, sizeBytes, syncs.opened, async () => {
        await sync(folder);
        await syncParents(folder);
      });
    },
    async discard(uploadId) {
      const place = placeOf(uploadId);
      known?.forget(place);
      for (const beside of ['', ...BESIDE]) await rm(place + beside, { force: true });
    },
    async *incomingIds() {
      // What lies beside an upload is found too, also where the upload itself is gone.
      for await (const { name } of await opendir(incoming)) {
        const [id = '', beside] = name.split('.');
        if (isUploadId(id) && (beside === undefined || BESIDE.includes(`.${beside}`))) yield id;
      }
    },
    async *storedKeys() {
      for await (const key of walk(root, 'chat')) if (isStorageKey(key)) yield key;
    },
    open: (key) => openObject(pathOf(key)),
    async remove(key) {
      await rm(pathOf(key), { force: true });
      await sync(path.dirname(pathOf(key))).catch(nullIfMissing);
    },
    async freeBytes() {
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
    check: () => access(incoming, constants.R_OK | constants.W_OK),
    linkTo: async () => null,
  };
  return translateFaults(storage, translated);
}

async function appendBody(
  { pool, fast, syncs }: { pool: BlockPool; fast: FastUploads; syncs: DiskSyncs },
  place: string,
  offset: number,
  body: Readable,
  options: AppendOptions,
): Promise<AppendResult> {
  const file = await open(place, 'r+');
  const direct = new DirectFile(place, pool);
  const writer = createSyncedWriter(file, offset, direct, syncs);
  const queue = new BlockQueue(pool, offset, chunkFreer(body), fast.has(place));
  const write = async (batch: Buffer[], bytes: number, areBlocks: boolean) => {
    await options.inspect?.(batch, writer.position());
    await writer.write(batch, bytes, areBlocks);
  };
  try {
    const end = await pumpBody(body, options, write, queue);
    if (end !== 'too-long') return { offset: await writer.settle(), end };
    await file.truncate(offset);
    await syncs.file(file);
    return { offset, end };
  } catch (error) {
    // Whatever went wrong, what came before it counts; the first fault is the one that is told.
    await writer.settle().catch(() => {});
    throw error;
  } finally {
    fast.note(place, queue.wasFast());
    await direct.close().finally(() => file.close());
  }
}

async function syncedSize(place: string, syncs: DiskSyncs): Promise<number | null> {
  if (isMissing(place)) return null;
  const file = await open(place, 'r+').catch(nullIfMissing);
  if (file === null) return null;
  try {
    // Bytes of a process that was killed may still be on their way to the disk.
    await syncs.file(file);
    return await countedBytes(place, (await file.stat()).size);
  } finally {
    await file.close();
  }
}

/**
 * Whether it is not in its folder, for certain. Each small file in two requests asks for what is not there, and an error from another
 * thread costs thirty times as much.
 */
function isMissing(place: string): boolean {
  // Without its folder (a store that is away) it is not known to be missing. The dot is there in a folder only.
  return statSync(place, { throwIfNoEntry: false }) === undefined && existsSync(`${path.dirname(place)}${path.sep}.`);
}

/** Done before or not, it is done. */
async function moveInto(from: string, to: string, sync: SyncFolder, syncParents: SyncFolder): Promise<void> {
  await moveOver(from, to, sync, syncParents).catch(async (error) => {
    nullIfMissing(error);
    await stat(to);
    await sync(path.dirname(to));
    await syncParents(path.dirname(to));
  });
}

/** @throws when there is nothing to move */
async function moveOver(from: string, to: string, sync: SyncFolder, syncParents: SyncFolder): Promise<void> {
  const folder = path.dirname(to);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await rename(from, to);
  await sync(folder);
  await syncParents(folder);
}

/** A folder is only there after a power cut if its parents are synced too; once for each in a process's life is enough. */
function createSyncParents(root: string, sync: SyncFolder): SyncFolder {
  const synced = new Set<string>();
  return async (folder) => {
    for (let child = folder; child !== root; child = path.dirname(child)) {
      if (synced.has(child)) continue;
      await sync(path.dirname(child));
      if (synced.size > MAX_REMEMBERED_FOLDERS) synced.clear();
      synced.add(child);
    }
  };
}

/** Paths of the files below a folder, with `/` between their parts. A folder that goes meanwhile has none. */
async function* walk(root: string, folder: string): AsyncGenerator<string> {
  const entries = await opendir(path.join(root, folder)).catch(nullIfMissing);
  if (entries === null) return;
  for await (const entry of entries) {
    if (entry.isDirectory()) yield* walk(root, `${folder}/${entry.name}`);
    else yield `${folder}/${entry.name}`;
  }
}

async function openObject(file: string): Promise<StoredObject | null> {
  const handle = await open(file, 'r').catch(nullIfMissing);
  if (handle === null) return null;
  const { size } = await handle.stat();
  return {
    sizeBytes: size,
    read: (position, lengthBytes) => readAt(handle, position, lengthBytes),
    stream: (first, last) => createReadStream(file, { fd: handle, start: first, end: last, highWaterMark: 256 * 1024 }),
    close: () => handle.close(),
  };
}

async function readAt(file: FileHandle, position: number, lengthBytes: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(lengthBytes);
  let filled = 0;
  while (filled < lengthBytes) {
    const { bytesRead } = await file.read(buffer, filled, lengthBytes - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

/** A full disk is 507, any other fault of it 503: both can be tried again. */
function translated(thrown: unknown): unknown {
  const error = thrown as NodeJS.ErrnoException;
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') {
    return new Failure('storage-full', 'The server has no room for this file right now.', {
      retryAfterSeconds: 60,
      cause: error,
    });
  }
  if (error.syscall === undefined) return error;
  return new Failure('storage-unavailable', 'The storage does not answer right now.', {
    retryAfterSeconds: 5,
    cause: error,
  });
}
