/** Copies the bytes of all files into another store and reads each copy back; safe beside a running server, and to repeat. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { newUploadId } from '../rules/upload-id.ts';
import { isUnplaced } from '../rules/upload-place.ts';
import { copyObject } from '../storage/copy-object.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';

type Source = Pick<FileStorage, 'open' | 'offsetOf' | 'storedKeys' | 'remove'>;
type Target = Pick<
  FileStorage,
  'open' | 'create' | 'append' | 'makeFinal' | 'put' | 'discard' | 'remove' | 'offsetOf' | 'storedKeys'
>;
type Needs = {
  files: Pick<ChatFileTable, 'find' | 'findByKeys' | 'pageAll' | 'noteSha256' | 'ownedKeys'>;
  uploads: Pick<UploadTable, 'pageUnfinished'>;
  from: Source;
  to: Target;
  now(): number;
};

export type MoveFault = { file: FileRecord; detail: string };
export type MoveProgress = { files: number; copied: number; copiedBytes: number; faults: number };
export type MoveRequest = {
  /** All files up to this id are in the other store already, and were verified there. */
  verifiedUpTo: number;
  signal: AbortSignal;
  /** All files up to this id are there now; called after each page, until there is a fault. */
  onVerified(upToId: number): Promise<void>;
  onFault(fault: MoveFault): void;
  onProgress(progress: MoveProgress): void;
};

/** What the source holds: files that the target has too, files that it lacks, objects that no file has. */
export type SourceContent = { copied: number; uncopied: number; orphans: number };
export type MoveFiles = {
  /** Until no file is left. Files that come meanwhile have higher ids, so the last page finds them too. */
  copyAll(request: MoveRequest): Promise<MoveProgress>;
  /** Uploads whose bytes are not in the target: they began before the move, and end where they are. */
  countUnfinished(): Promise<number>;
  /** @param mayRemove asked before each page; true deletes what the target has from the source, and nothing else */
  lookAtSource(request: { mayRemove(): Promise<boolean>; signal: AbortSignal }): Promise<SourceContent>;
  /** Objects of the target that no file has: of files that were removed while they were copied, for one. */
  countOrphans(signal: AbortSignal): Promise<number>;
};

const PAGE_FILES = 100;
const AT_ONCE = 4;
const PAGE_KEYS = 500;
/** A store may be away for a moment, and a sweep of the server takes a copy under way for an orphan. */
const ATTEMPTS = 3;
/** A row's id is given before its transaction commits: so long behind the newest, none can appear any more. */
const SETTLED_AFTER_MS = 10 * 60_000;

export function createMoveFiles(needs: Needs): MoveFiles {
  return {
    async copyAll(request) {
      const progress: MoveProgress = { files: 0, copied: 0, copiedBytes: 0, faults: 0 };
      for (let afterId = request.verifiedUpTo; ; ) {
        request.signal.throwIfAborted();
        const page = await needs.files.pageAll(afterId, PAGE_FILES);
        await eachAtOnce(page, (file) => moveOne(needs, file, request, progress));
        const last = page.at(-1);
        if (last === undefined) return progress;
        afterId = last.id;
        const isSettled = last.createdAt < needs.now() - SETTLED_AFTER_MS;
        if (progress.faults === 0 && isSettled) await request.onVerified(afterId);
      }
    },

    async countUnfinished() {
      let unfinished = 0;
      for (let afterId = ''; ; ) {
        const page = await needs.uploads.pageUnfinished(afterId, PAGE_KEYS);
        for (const upload of page) if (await isElsewhere(needs, upload)) unfinished += 1;
        const last = page.at(-1);
        if (last === undefined) return unfinished;
        afterId = last.id;
      }
    },

    async lookAtSource({ mayRemove, signal }) {
      const content: SourceContent = { copied: 0, uncopied: 0, orphans: 0 };
      for await (const keys of pagesOf(needs.from.storedKeys())) {
        signal.throwIfAborted();
        await lookAtKeys(needs, keys, await mayRemove(), content);
      }
      return content;
    },

    async countOrphans(signal) {
      let orphans = 0;
      for await (const keys of pagesOf(needs.to.storedKeys())) {
        signal.throwIfAborted();
        orphans += keys.length - (await needs.files.ownedKeys(keys)).size;
      }
      return orphans;
    },
  };
}

/** An upload that has no place yet gets it in the new store. */
async function isElsewhere({ from, to }: Needs, upload: UploadRecord): Promise<boolean> {
  if ((await to.offsetOf(upload.id)) !== null) return false;
  return !isUnplaced(upload) || (await from.offsetOf(upload.id)) !== null;
}

async function* pagesOf(keys: AsyncIterable<string>): AsyncGenerator<string[]> {
  let page: string[] = [];
  for await (const key of keys) {
    if (page.push(key) < PAGE_KEYS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

async function moveOne(needs: Needs, file: FileRecord, request: MoveRequest, progress: MoveProgress): Promise<void> {
  const count = (bytes: number) => {
    progress.copiedBytes += bytes;
    request.onProgress(progress);
  };
  try {
    if (await copyWithPatience(needs, file, request.signal, count)) progress.copied += 1;
    if (file.thumbnailKey !== null) await copyThumbnail(needs, file.thumbnailKey);
  } catch (error) {
    request.signal.throwIfAborted();
    // Removed from the chat meanwhile: then there is nothing to move.
    if ((await needs.files.find(file.id)) !== null) {
      progress.faults += 1;
      request.onFault({ file, detail: (error as Error).message });
    }
  }
  progress.files += 1;
  request.onProgress(progress);
  // A removal that came before the copy was there found nothing to delete in this store.
  if ((await needs.files.find(file.id)) !== null) return;
  await needs.to.remove(file.storageKey);
  if (file.thumbnailKey !== null) await needs.to.remove(file.thumbnailKey);
}

/** It is small, and can be made again: one that is lost is no fault of the move. */
async function copyThumbnail({ from, to }: Needs, key: string): Promise<void> {
  const there = await to.open(key);
  await there?.close();
  const object = there === null ? await from.open(key) : null;
  if (object === null) return;
  const bytes = await object.read(0, object.sizeBytes).finally(() => object.close());
  await to.put(newUploadId(), key, () => Readable.from([bytes]), bytes.length);
}

async function copyWithPatience(
  needs: Needs,
  file: FileRecord,
  signal: AbortSignal,
  count: (bytes: number) => void,
): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await copyAndVerify(needs, file, signal, count);
    } catch (error) {
      if (attempt === ATTEMPTS || signal.aborted) throw error;
    }
  }
}

/** @returns false when the file was there before, with the same bytes */
async function copyAndVerify(
  { files, from, to }: Needs,
  file: FileRecord,
  signal: AbortSignal,
  count: (bytes: number) => void,
): Promise<boolean> {
  const { storageKey: key } = file;
  const there = await to.open(key);
  const isThere = there !== null && there.sizeBytes === file.sizeBytes;
  const isSame = isThere && file.sha256 !== null && (await sha256Of(there)) === file.sha256;
  if (isSame) return false;
  if (!isThere || file.sha256 === null) await there?.close();

  const object = await from.open(key);
  // It was shared there, and never here.
  if (object === null && isThere && file.sha256 === null) return false;
  if (object === null)
    throw new Error(there === null ? 'its bytes are not there' : 'its bytes in the new store are others');
  if (object.sizeBytes !== file.sizeBytes) {
    await object.close();
    throw new Error(`it has ${object.sizeBytes} bytes instead of ${file.sizeBytes}`);
  }
  const hash = createHash('sha256');
  const copy = newUploadId();
  try {
    await to.create(copy);
    await copyObject(object, to, copy, signal, (chunk) => {
      hash.update(chunk);
      count(chunk.length);
    });
    const sha256 = hash.digest('hex');
    if (file.sha256 !== null && file.sha256 !== sha256)
      throw new Error(`its sha256 is ${sha256} instead of ${file.sha256}`);
    await to.makeFinal(copy, key);
    const stored = await to.open(key);
    if (stored === null || (await sha256Of(stored)) !== sha256) throw new Error('its copy is not the same');
    await files.noteSha256(file.id, sha256);
    return true;
  } catch (error) {
    await to.discard(copy).catch(() => {});
    throw error;
  }
}

/** Closes the object. */
async function sha256Of(object: StoredObject): Promise<string> {
  const hash = createHash('sha256');
  if (object.sizeBytes === 0) await object.close();
  else for await (const chunk of object.stream(0, object.sizeBytes - 1)) hash.update(chunk);
  return hash.digest('hex');
}

async function lookAtKeys(needs: Needs, keys: string[], remove: boolean, content: SourceContent): Promise<void> {
  const { files, from, to } = needs;
  // Also what a finish is about to record, and what is about to be deleted.
  const owned = await files.ownedKeys(keys);
  const found = await files.findByKeys(keys);
  await eachAtOnce(keys, async (key) => {
    const file = found.get(key);
    if (file === undefined) {
      content[owned.has(key) ? 'uncopied' : 'orphans'] += 1;
      return;
    }
    const isThumbnail = key === file.thumbnailKey;
    // Perhaps made after its file was copied and verified, which nobody looks at again.
    if (isThumbnail) await copyThumbnail(needs, key);
    const copy = await to.open(key);
    await copy?.close();
    const isCopied = copy !== null && (isThumbnail || copy.sizeBytes === file.sizeBytes);
    content[isCopied ? 'copied' : 'uncopied'] += 1;
    if (remove && isCopied) await from.remove(key);
  });
}

async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const left = [...items].reverse();
  const worker = async () => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
