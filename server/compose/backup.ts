/** What `backup` and `restore` work with. */
import { createReadStream, existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { MIGRATIONS } from '../../migrations/index.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { openArchiveFile, openArchiveStream } from '../backup/archive-target.ts';
import { type BackupHeader, FORMAT } from '../backup/backup-entry.ts';
import { type BackupSource, readArchive, readBackupFolder } from '../backup/backup-source.ts';
import type { BackupTarget } from '../backup/backup-target.ts';
import { keepNewest, openBackupFolder } from '../backup/folder-target.ts';
import { type BackupProgress, makeBackup } from '../backup/make-backup.ts';
import { isRefused, type RestoreProgress, restoreBackup } from '../backup/restore-backup.ts';
import type { Config } from '../config.ts';
import { ALL_COMPANIES, auditEntry, createAuditTable } from '../database/audit-table.ts';
import { createChatFileTable } from '../database/chat-file-table.ts';
import { takeInstanceLock } from '../database/instance-lock.ts';
import { type Database, openDatabase } from '../database/open-database.ts';
import { createStoreRecord } from '../database/store-record.ts';
import { OPERATOR } from '../rules/actor.ts';
import { createLocalReader } from '../storage/local-reader.ts';
import { ownedFolders } from './tools.ts';

export type BackupWish = {
  /** An archive, a folder (it ends with `/`, or is there), or standard output. */
  to: string | Writable;
  /** How many backups of the folder stay; all if not given. */
  keep: number | undefined;
  signal: AbortSignal;
  onProgress(progress: BackupProgress): void;
};

export type BackupOutcome = BackupProgress & { pruned: { backups: number; objects: number } };

/** Beside a running server, or without one. @throws when its files or its rows are not on this disk */
export async function backUp(config: Config, { to, keep, signal, onProgress }: BackupWish): Promise<BackupOutcome> {
  const database = await openOnDisk(config);
  const header = { format: FORMAT, version: packageJson.version, created_at: new Date().toISOString() } as const;
  try {
    const folder = typeof to === 'string' && (await isFolder(to)) ? to : null;
    const target = await openTarget(to, folder, header).catch((error: unknown) => {
      throw isFull(error) ? noRoomFor(to, error) : error;
    });
    const { databaseFile, dataDir, mediaRoot } = config;
    const disk = createLocalReader(mediaRoot);
    const { noteHashes } = createChatFileTable(database);
    const needs = { databaseFile, dataDir, disk, noteHashes, target, signal, onProgress };
    const made = await makeBackup(needs).catch(async (error) => {
      await target.abandon();
      throw isFull(error) ? noRoomFor(to, error) : error;
    });
    await noteBackup(database, made);
    const pruned = folder === null || keep === undefined ? { backups: 0, objects: 0 } : await keepNewest(folder, keep);
    return { ...made, pruned };
  } finally {
    await database.destroy();
  }
}

/** Of the system, and of SQLite. */
function isFull(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'SQLITE_FULL';
}

function noRoomFor(to: string | Writable, cause: unknown): Error {
  const place = typeof to === 'string' ? to : `${tmpdir()}, where the database is copied to first`;
  return new Error(`There is no room for the backup at ${place}: it was not made, and nothing half is left.`, {
    cause,
  });
}

/** The backup is made by then, and does not know of itself. */
async function noteBackup(
  database: Database,
  { objects, copied, copiedBytes, missing }: BackupProgress,
): Promise<void> {
  const detail = { files: objects, copied, copied_bytes: copiedBytes, missing: missing.length };
  const deed = { action: 'backed_up', company: ALL_COMPANIES, session: null, detail } as const;
  try {
    await createAuditTable(database).addAll([auditEntry(OPERATOR, deed, Date.now())]);
  } catch (cause) {
    throw new Error(`The backup is whole, but could not be noted in the audit: ${(cause as Error).message}`, { cause });
  }
}

function openTarget(to: string | Writable, folder: string | null, header: BackupHeader): Promise<BackupTarget> {
  if (folder !== null) return openBackupFolder(folder, header);
  return typeof to === 'string' ? openArchiveFile(to, header) : openArchiveStream(to, header);
}

async function isFolder(to: string): Promise<boolean> {
  return to.endsWith('/') || ((await stat(to).catch(() => null))?.isDirectory() ?? false);
}

async function openOnDisk(config: Config): Promise<Database> {
  if (config.postgresUrl !== undefined)
    throw new Error(
      'The rows are in PostgreSQL: back it up with pg_dump, and the bucket with its own versions (README, “Backup”).',
    );
  if (!existsSync(config.databaseFile))
    throw new Error(`There is no database at ${config.databaseFile} yet. Is DATA_DIR the one that the server has?`);
  const database = await openDatabase(config);
  try {
    const record = createStoreRecord(database);
    if ((await record.move()) !== null)
      throw new Error(
        'The files are being moved from one store to the other. End that first: chatdrop migrate-storage',
      );
    if (config.store === 's3' || (await record.store()) === 's3')
      throw new Error(
        'The files are in S3, which keeps them by its own versions; for the rows: Litestream (README, “Backup”).',
      );
    return database;
  } catch (error) {
    await database.destroy();
    throw error;
  }
}

export type RestoreWish = {
  /** An archive, a folder with backups, or standard input. */
  from: string | Readable;
  /** Of a folder; its newest backup if not given. */
  name: string | undefined;
  /** Reads all of it, and writes nothing. */
  checkOnly: boolean;
  acceptsFaults: boolean;
  signal: AbortSignal;
  onProgress(progress: RestoreProgress): void;
};

/** @throws when a server is running there, or anything is there already */
export async function restore(config: Config, wish: RestoreWish): Promise<RestoreProgress & { isRestored: boolean }> {
  const { from, name, checkOnly, ...rest } = wish;
  if (config.postgresUrl !== undefined || config.store === 's3')
    throw new Error('A backup is restored to SQLite and MEDIA_ROOT: leave DATABASE_URL and USE_S3_STORAGE away.');
  const lock = checkOnly ? null : takeInstanceLock(...ownedFolders(config));
  try {
    const places = checkOnly ? null : config;
    const known = new Set(MIGRATIONS.keys());
    const source = await openSource(from, name);
    const progress = await restoreBackup({ ...rest, source, places, known }).catch((error: unknown) => {
      if (!isFull(error)) throw error;
      const place = checkOnly ? tmpdir() : `${config.dataDir} or ${config.mediaRoot}`;
      throw new Error(`There is no room in ${place}. Make room and run it again: it begins anew.`, { cause: error });
    });
    return { ...progress, isRestored: !checkOnly && !isRefused(progress, wish) };
  } finally {
    lock?.release();
  }
}

async function openSource(from: string | Readable, name: string | undefined): Promise<BackupSource> {
  if (typeof from === 'string' && (await stat(from)).isDirectory()) return readBackupFolder(from, name);
  if (name !== undefined) throw new Error('An archive is one backup: only one of a folder has a name.');
  return readArchive(typeof from === 'string' ? createReadStream(from) : from);
}
