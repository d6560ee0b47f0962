/** Holds rows and stored objects against each other, both ways, a page at a time. */
import { createHash } from 'node:crypto';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { FileStorage, StoredObject } from '../storage/file-storage.ts';

type Needs = {
  files: Pick<ChatFileTable, 'find' | 'pageAll' | 'noteSha256' | 'ownedKeys'>;
  storage: Pick<FileStorage, 'open' | 'storedKeys'>;
};

/** `orphan`: an object that no row knows. `no-thumbnail`: it is lost, and can be made again. The others are of a file's bytes. */
export type Fault = 'missing' | 'wrong-size' | 'wrong-sha256' | 'unreadable' | 'no-thumbnail' | 'orphan';
export type Finding = { fault: Fault; key: string; file: FileRecord | null; detail: string };

export type VerifyRequest = {
  /** Reads every file, also those whose sha256 is not known yet, and stores it. */
  deep: boolean;
  onFinding(finding: Finding): void;
  onProgress(progress: Progress): void;
};
export type Progress = { files: number; objects: number; readBytes: number; hashed: number };
export type VerifyFiles = (request: VerifyRequest) => Promise<Progress>;

const PAGE_FILES = 500;
const PAGE_KEYS = 500;

/** Safe beside a running server: what looks wrong is looked at again before it is told. */
export function createVerifyFiles(needs: Needs): VerifyFiles {
  return async (request) => {
    const progress: Progress = { files: 0, objects: 0, readBytes: 0, hashed: 0 };
    await verifyRows(needs, request, progress);
    await verifyObjects(needs, request, progress);
    return progress;
  };
}

async function verifyRows({ files, storage }: Needs, request: VerifyRequest, progress: Progress): Promise<void> {
  for (let afterId = 0; ; ) {
    const page = await files.pageAll(afterId, PAGE_FILES);
    for (const file of page) {
      const findings = [
        await verifyFile({ files, storage }, file, request, progress),
        await verifyThumbnail(storage, file),
      ].filter((finding) => finding !== null);
      // It may have been removed from the chat while it was looked at.
      if (findings.length > 0 && (await files.find(file.id)) !== null) findings.forEach(request.onFinding);
      progress.files += 1;
      request.onProgress(progress);
    }
    const last = page.at(-1);
    if (last === undefined) return;
    afterId = last.id;
  }
}

async function verifyFile(
  { files, storage }: Needs,
  file: FileRecord,
  { deep }: VerifyRequest,
  progress: Progress,
): Promise<Finding | null> {
  const found = (fault: Fault, detail: string): Finding => ({ fault, key: file.storageKey, file, detail });
  try {
    const object = await storage.open(file.storageKey);
    if (object === null) return found('missing', 'its bytes are not there');
    try {
      if (object.sizeBytes !== file.sizeBytes)
        return found('wrong-size', `${object.sizeBytes} bytes instead of ${file.sizeBytes}`);
      if (file.sha256 === null && !deep) return null;
      const sha256 = await sha256Of(object, progress);
      if (file.sha256 === null) await files.noteSha256(file.id, sha256);
      else if (file.sha256 !== sha256) return found('wrong-sha256', `${sha256} instead of ${file.sha256}`);
      return null;
    } finally {
      await object.close();
    }
  } catch (error) {
    return found('unreadable', (error as Error).message);
  }
}

async function verifyThumbnail(storage: Needs['storage'], file: FileRecord): Promise<Finding | null> {
  const { thumbnailKey: key } = file;
  if (key === null) return null;
  try {
    const object = await storage.open(key);
    await object?.close();
    return object === null ? { fault: 'no-thumbnail', key, file, detail: 'its thumbnail is not there' } : null;
  } catch (error) {
    return { fault: 'unreadable', key, file, detail: (error as Error).message };
  }
}

async function sha256Of(object: StoredObject, progress: Progress): Promise<string> {
  const hash = createHash('sha256');
  if (object.sizeBytes > 0) {
    for await (const chunk of object.stream(0, object.sizeBytes - 1)) {
      hash.update(chunk);
      progress.readBytes += chunk.length;
    }
  }
  progress.hashed += 1;
  return hash.digest('hex');
}

async function verifyObjects(needs: Needs, request: VerifyRequest, progress: Progress): Promise<void> {
  let keys: string[] = [];
  for await (const key of needs.storage.storedKeys()) {
    keys.push(key);
    progress.objects += 1;
    if (keys.length < PAGE_KEYS) continue;
    await tellOrphans(needs, keys, request);
    request.onProgress(progress);
    keys = [];
  }
  await tellOrphans(needs, keys, request);
}

/** The rows are asked after the objects were seen: an upload's row names its key before its bytes move there. */
async function tellOrphans({ files, storage }: Needs, keys: string[], { onFinding }: VerifyRequest): Promise<void> {
  const owned = await files.ownedKeys(keys);
  for (const key of keys) {
    if (owned.has(key)) continue;
    // It may have been on the list of removed objects, and gone from there since.
    const object = await storage.open(key).catch(() => null);
    if (object === null) continue;
    await object.close();
    onFinding({ fault: 'orphan', key, file: null, detail: `${object.sizeBytes} bytes that belong to no file` });
  }
}
