/** A backup back onto an empty machine, or only looked through. */
import { createWriteStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ALL_COMPANIES, auditEntry, type NewAuditEntry } from '../database/audit-table.ts';
import { continueRestored } from '../database/sqlite-snapshot.ts';
import { OPERATOR } from '../rules/actor.ts';
import { syncFolder } from '../storage/disk-syncs.ts';
import { DATABASE, MANIFEST, placeOf } from './backup-entry.ts';
import type { BackupSource } from './backup-source.ts';
import { openEntryList, readManifest } from './entry-list.ts';
import { hashed } from './hashed.ts';

export type RestorePlaces = { dataDir: string; mediaRoot: string; databaseFile: string };
export type RestoreProgress = {
  entries: number;
  bytes: number;
  /** What is not as the manifest says, in words. */
  faults: string[];
};

type Needs = {
  source: BackupSource;
  /** Null: everything is read and held against the manifest, and nothing is written. */
  places: RestorePlaces | null;
  /** Names of the migrations that this version knows. */
  known: ReadonlySet<string>;
  /** Restores what there is, as long as the database is whole. */
  acceptsFaults: boolean;
  signal: AbortSignal;
  onProgress(progress: RestoreProgress): void;
};

/** In the data folder while a restore is under way, and after one that was not finished: no server starts there. */
export const RESTORING = 'restoring';
const MAX_FAULTS = 1000;

/**
 * The database comes last, after all that it names was read and is as it was: until then no server finds one. Run again it
 * begins anew.
 * @throws when there is something at the places, or the backup is none, is cut, or is a newer version's
 */
export async function restoreBackup(needs: Needs): Promise<RestoreProgress> {
  const { places } = needs;
  if (places === null) {
    const folder = await mkdtemp(path.join(tmpdir(), 'chatdrop-check-'));
    try {
      const database = path.join(folder, DATABASE);
      return await readInto(needs, folder, database, (name) => (name === DATABASE ? database : null));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  await expectEmpty(places);
  const work = path.join(places.dataDir, RESTORING);
  await mkdir(work, { recursive: true, mode: 0o700 });
  await mkdir(path.join(places.mediaRoot, '.incoming'), { recursive: true, mode: 0o700 });
  // Beside its place: another folder may be on another disk.
  const database = `${places.databaseFile}.${RESTORING}`;
  const progress = await readInto(needs, work, database, (name) => destinationOf(name, places, database));
  if (isRefused(progress, needs)) return progress;
  await rename(database, places.databaseFile);
  await syncFolder(path.dirname(places.databaseFile));
  await rm(work, { recursive: true });
  await syncFolder(places.dataDir);
  return progress;
}

/** @throws when a server has been here, and what to do then */
async function expectEmpty({ dataDir, mediaRoot, databaseFile }: RestorePlaces): Promise<void> {
  if (await exists(databaseFile))
    throw new Error(
      `There is a database at ${databaseFile}. A backup is restored where there is none: set another DATA_DIR.`,
    );
  if (await exists(path.join(dataDir, RESTORING))) return;
  const found = [
    ...(await namesIn(path.join(mediaRoot, 'chat'))),
    ...(await namesIn(path.join(mediaRoot, '.incoming'))),
  ];
  if (found.length > 0)
    throw new Error(
      `There are files in ${mediaRoot}. A backup is restored where there are none: set another MEDIA_ROOT.`,
    );
}

async function readInto(
  needs: Needs,
  work: string,
  database: string,
  destination: (name: string) => string | null,
): Promise<RestoreProgress> {
  const { source, signal, known, onProgress } = needs;
  const progress: RestoreProgress = { entries: 0, bytes: 0, faults: [] };
  const listFile = path.join(work, 'entries.sqlite');
  await rm(listFile, { force: true });
  const read = openEntryList(listFile);
  const manifest = path.join(work, MANIFEST);
  const folders = new Set<string>();
  let isWhole = false;
  try {
    for await (const { name, body } of source) {
      signal.throwIfAborted();
      if (name === MANIFEST) {
        await pipeline(body, createWriteStream(manifest, { mode: 0o600 }));
        isWhole = true;
        continue;
      }
      if (placeOf(name) === null)
        throw new Error(`This backup has an entry that none of ours has: ${JSON.stringify(name)}`);
      const found = await copy(body, destination(name), folders);
      read.note({ name, ...found });
      progress.entries += 1;
      progress.bytes += found.sizeBytes;
      onProgress(progress);
    }
    if (!isWhole) throw new Error('This backup was not finished: its manifest is missing.');
    progress.faults = await compare(manifest, read);
    for (const { name } of read.all()) await removeExtra(destination(name));
    for (const folder of folders) await syncFolder(folder);
    if (isRefused(progress, needs)) return progress;
    const unknown = continueRestored(database, deedOf(progress)).filter((name) => !known.has(name));
    if (unknown.length > 0)
      throw new Error(
        `This backup is a newer Chatdrop’s (${unknown.join(', ')}). Restore it with that version or a later one.`,
      );
    return progress;
  } finally {
    read.close();
  }
}

/** For the audit of what was restored. */
function deedOf({ entries, bytes, faults }: RestoreProgress): NewAuditEntry {
  const detail = { entries, bytes, faults: faults.length };
  return auditEntry(OPERATOR, { action: 'restored', company: ALL_COMPANIES, session: null, detail }, Date.now());
}

/** Takes from the list what the manifest names: what is left was removed while the backup was made. */
async function compare(manifest: string, read: ReturnType<typeof openEntryList>): Promise<string[]> {
  const faults: string[] = [];
  let hasDatabase = false;
  for await (const { name, sizeBytes, sha256 } of readManifest(manifest)) {
    const found = read.find(name);
    hasDatabase ||= name === DATABASE;
    const fault =
      found === null ? 'missing' : found.sizeBytes !== sizeBytes || found.sha256 !== sha256 ? 'damaged' : null;
    if (fault !== null && (faults.length < MAX_FAULTS || name === DATABASE)) faults.push(`${fault}: ${name}`);
    read.forget(name);
  }
  if (!hasDatabase) faults.push(`missing: ${DATABASE}`);
  return faults;
}

async function copy(body: Readable, file: string | null, folders: Set<string>) {
  const { stream, read } = hashed();
  if (file === null) {
    await pipeline(body, stream, nowhere());
    return read();
  }
  const folder = path.dirname(file);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  folders.add(folder);
  await pipeline(body, stream, createWriteStream(file, { mode: 0o600, flush: true }));
  return read();
}

/** Removed while the backup was made, but after it had been copied. */
async function removeExtra(file: string | null): Promise<void> {
  if (file !== null) await rm(file, { force: true });
}

export function isRefused({ faults }: RestoreProgress, { acceptsFaults }: Pick<Needs, 'acceptsFaults'>): boolean {
  return acceptsFaults ? faults.some((fault) => fault.endsWith(` ${DATABASE}`)) : faults.length > 0;
}

async function exists(file: string): Promise<boolean> {
  return (await stat(file).catch(nullIfMissing)) !== null;
}

async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(nullIfMissing)) ?? [];
}

function nullIfMissing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

function destinationOf(name: string, { dataDir, mediaRoot }: RestorePlaces, database: string): string {
  const place = placeOf(name);
  if (place === null) throw new Error(`not a name of ours: ${name}`);
  if ('key' in place) return path.join(mediaRoot, place.key);
  if ('uploadId' in place) return path.join(mediaRoot, '.incoming', place.uploadId);
  return place.beside === DATABASE ? database : path.join(dataDir, place.beside);
}
