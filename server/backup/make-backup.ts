/** All that a server has, as it was at one moment, while it goes on. */
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type SqliteSnapshot, takeSqliteSnapshot } from '../database/sqlite-snapshot.ts';
import { isUnplaced } from '../rules/upload-place.ts';
import type { LocalBytes, LocalReader } from '../storage/local-reader.ts';
import {
  type BackupEntry,
  DATABASE,
  finishingName,
  incomingName,
  MANIFEST,
  objectName,
  SECRET,
} from './backup-entry.ts';
import type { BackupTarget } from './backup-target.ts';
import { writeManifest } from './entry-list.ts';

type Needs = {
  databaseFile: string;
  /** Where the key of development mode is, if there is one. */
  dataDir: string;
  disk: LocalReader;
  /** Hashes of files that were read: some of them nobody knew yet. */
  noteHashes(hashes: readonly { key: string; sha256: string }[]): Promise<void>;
  target: BackupTarget;
  signal: AbortSignal;
  onProgress(progress: BackupProgress): void;
};

export type BackupProgress = {
  /** Objects that were copied now, and their bytes. */
  copied: number;
  copiedBytes: number;
  /** Files and thumbnails in this backup. */
  objects: number;
  /** Uploads that had not come to their end, with what had arrived. */
  unfinished: number;
  /** Keys that rows name and the store does not have. */
  missing: string[];
};

/** Each copies what came during the one before it: the second is short, and more are hardly ever needed. */
const MAX_ROUNDS = 10;
/** So many are noted in one transaction. */
const MAX_NOTED = 500;

/**
 * Objects first, then the database: it is copied again until all that it names is in the backup. What was removed
 * meanwhile is not in the last copy any more, and so not in the manifest.
 * @throws when the target, the database or the store fails, or the signal says so; the target is not finished then
 */
export async function makeBackup(needs: Needs): Promise<BackupProgress> {
  const { target, databaseFile, dataDir } = needs;
  const progress: BackupProgress = { copied: 0, copiedBytes: 0, objects: 0, unfinished: 0, missing: [] };
  const file = path.join(target.workFolder, DATABASE);
  let snapshot = takeSqliteSnapshot(databaseFile, file);
  try {
    for (let round = 1; ; round += 1) {
      const { missing: before, copied } = progress;
      progress.missing = await copyObjects(needs, snapshot, progress);
      // The first round may have taken hours, and a backup should be of its end.
      const isFresh = round > 1 || progress.copied === copied;
      // What is missing twice was not removed meanwhile: it is lost, or was before.
      if (round === MAX_ROUNDS || (isFresh && progress.missing.every((key) => before.includes(key)))) break;
      snapshot.close();
      snapshot = takeSqliteSnapshot(databaseFile, file);
    }
    const beside = await copyUnfinished(needs, snapshot, progress);
    beside.push(await addFile(target, DATABASE, file));
    const secret = path.join(dataDir, SECRET);
    if (existsSync(secret)) beside.push(await addFile(target, SECRET, secret));
    const manifest = path.join(target.workFolder, `${MANIFEST}.partial`);
    await writeManifest(manifest, listed(target, snapshot, beside, progress));
    await target.finish(manifest);
    return progress;
  } finally {
    snapshot.close();
  }
}

/** @returns keys that the store does not have */
async function copyObjects(needs: Needs, snapshot: SqliteSnapshot, progress: BackupProgress): Promise<string[]> {
  const { target, disk, noteHashes, signal, onProgress } = needs;
  const missing: string[] = [];
  const hashes: { key: string; sha256: string }[] = [];
  for (const key of snapshot.objectKeys()) {
    signal.throwIfAborted();
    const name = objectName(key);
    if (target.catalogue.find(name) !== null) continue;
    const entry = await add(target, name, await disk.object(key));
    if (entry === null) {
      missing.push(key);
      continue;
    }
    progress.copied += 1;
    progress.copiedBytes += entry.sizeBytes;
    onProgress(progress);
    hashes.push({ key, sha256: entry.sha256 });
    if (hashes.length === MAX_NOTED) await noteHashes(hashes.splice(0));
  }
  if (hashes.length > 0) await noteHashes(hashes);
  return missing;
}

/**
 * What has arrived of them by now is what had at the time of the snapshot, and a little more; or they wait at their final
 * key for what is left of the finish. One that came to its end in between has no such bytes any more; the backup is from
 * before that, so there it was given up.
 */
async function copyUnfinished(
  needs: Needs,
  snapshot: SqliteSnapshot,
  progress: BackupProgress,
): Promise<BackupEntry[]> {
  const { target, signal, disk, onProgress } = needs;
  const entries: BackupEntry[] = [];
  for (const upload of snapshot.unfinished()) {
    const { id, storageKey } = upload;
    signal.throwIfAborted();
    const entry =
      (await add(target, incomingName(id), await disk.incoming(id))) ??
      (storageKey && (await add(target, finishingName(storageKey), await disk.object(storageKey))));
    if (!entry) {
      // One that waits for its first byte has no place, and begins there again.
      if (!isUnplaced(upload)) snapshot.abort(id);
      continue;
    }
    entries.push(entry);
    progress.unfinished += 1;
    onProgress(progress);
  }
  return entries;
}

async function add(target: BackupTarget, name: string, bytes: LocalBytes | null): Promise<BackupEntry | null> {
  return bytes && target.add(name, bytes.sizeBytes, bytes.stream);
}

async function addFile(target: BackupTarget, name: string, from: string): Promise<BackupEntry> {
  const entry = await target.add(name, (await stat(from)).size, createReadStream(from));
  if (entry === null) throw new Error(`${from} became shorter while it was read`);
  return entry;
}

function* listed(
  { catalogue }: BackupTarget,
  snapshot: SqliteSnapshot,
  beside: BackupEntry[],
  progress: BackupProgress,
): Generator<BackupEntry> {
  for (const key of snapshot.objectKeys()) {
    const entry = catalogue.find(objectName(key));
    if (entry === null) continue;
    progress.objects += 1;
    yield entry;
  }
  yield* beside;
}
