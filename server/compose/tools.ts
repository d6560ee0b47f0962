import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Logger } from 'pino';
import { MIGRATIONS } from '../../migrations/index.ts';
import { RESTORING } from '../backup/restore-backup.ts';
import type { Config } from '../config.ts';
import { createAuditTable, type NewAuditEntry } from '../database/audit-table.ts';
import type { FileRecord } from '../database/chat-file-table.ts';
import { createEventLedger } from '../database/event-ledger.ts';
import { type InstanceLock, isInstanceRunning, takeInstanceLock } from '../database/instance-lock.ts';
import { createJobList } from '../database/job-list.ts';
import { migrate, migrationState, NewerDatabase, rollback } from '../database/migrate.ts';
import { type Database, openDatabase, openForMigration } from '../database/open-database.ts';
import { presentAuditEntry } from '../http/audit-admin-routes.ts';
import { sweepOnce } from '../jobs/sweep-once.ts';
import { startPreviewProcess } from '../pictures/preview-process.ts';
import { findPreviewPrograms } from '../pictures/preview-programs.ts';
import { OPERATOR } from '../rules/actor.ts';
import { createClamd } from '../scan/clamd.ts';
import { type ScopeRequest, scopeOf } from '../sharing/delete-scope.ts';
import { createMoveFiles } from '../sharing/move-files.ts';
import { createMoveStorage } from '../sharing/move-storage.ts';
import { createRepairFiles } from '../sharing/repair-files.ts';
import { createVerifyFiles } from '../sharing/verify-files.ts';
import { createLocalStorage } from '../storage/local-storage.ts';
import { composeCleaning } from './cleaning.ts';
import { databaseFault, nameOfDatabase } from './database-fault.ts';
import { composeParts, now, type Parts } from './parts.ts';
import { composeSharing } from './sharing.ts';
import { checkStore } from './storage.ts';

/** `chatdrop migrate`. @returns the names that were run, under the instance lock */
export async function migrateDatabase(config: Config, direction: 'up' | 'down'): Promise<string[]> {
  const lock = takeFolders(config);
  const database = await openForMigration(config);
  try {
    return await (direction === 'down' ? rollback : migrate)(database, MIGRATIONS);
  } catch (error) {
    throw databaseFault(config, error);
  } finally {
    await database.destroy();
    lock.release();
  }
}

/** Folders that no other server may use meanwhile. What lies in the data folder is guarded by that one's lock. */
export function ownedFolders({ dataDir, databaseFile, postgresUrl, mediaRoot, store }: Config): string[] {
  const folders = [
    ...(postgresUrl === undefined ? [path.dirname(databaseFile)] : []),
    ...(store === 'local' ? [mediaRoot] : []),
  ];
  return [dataDir, ...folders.filter((folder) => path.relative(dataDir, folder).startsWith('..'))];
}

/** @throws when another process has one of them, or a restore that was begun there has not come to its end */
export function takeFolders(config: Config): InstanceLock {
  const lock = takeInstanceLock(...ownedFolders(config));
  if (!existsSync(path.join(config.dataDir, RESTORING))) return lock;
  lock.release();
  throw new Error(
    `A restore was begun in ${config.dataDir} and has not come to its end: run it again, or empty DATA_DIR and MEDIA_ROOT.`,
  );
}

/** One of a kind at a time: on PostgreSQL by the process' session, on SQLite by a lock beside the database. */
function createTurn(
  { dataDir, postgresUrl }: Config,
  { claim }: Pick<Parts['nodes'], 'claim'>,
  { name, folder }: { name: string; folder: string },
) {
  let lock: InstanceLock | null = null;
  return {
    async take(): Promise<boolean> {
      if (postgresUrl !== undefined) return claim(name, 'alone');
      try {
        lock = takeInstanceLock(path.join(dataDir, folder));
        return true;
      } catch {
        return false;
      }
    },
    giveBack: () => lock?.release(),
  };
}

/**
 * One entry of the audit, by a command that needs no database otherwise: where there is none yet, there is nobody to read it.
 * @throws when the database is away, or of another version
 */
export async function noteInAudit(config: Config, entry: NewAuditEntry): Promise<void> {
  const database = await openExisting(config);
  if (database === null) return;
  try {
    const { pending, unknown } = await migrationState(database, MIGRATIONS);
    if (pending.length + unknown.length > 0) throw new Error('the database is of another version');
    await createAuditTable(database).addAll([entry]);
  } finally {
    await database.destroy();
  }
}

export type Tools = Awaited<ReturnType<typeof composeTools>>;

/**
 * What the commands work with: the same parts and use cases, without HTTP, sockets and chores. SQLite lets two processes
 * write (one waits for the other), and the feed of a running server looks for entries that it did not write.
 * @param alone with the instance lock, as the server takes it; without, beside a running server or not
 * @throws when there is no database, it is not up to date, or `alone` is not possible
 */
export async function composeTools(config: Config, log: Logger, { alone }: { alone: boolean }) {
  // On PostgreSQL each process sees which others live, and what they write to.
  const lock = alone && config.postgresUrl === undefined ? takeFolders(config) : null;
  const database = await openExisting(config);
  let close = async () => {
    await database?.destroy();
    lock?.release();
  };
  try {
    if (database === null) throw new Error(`There is no database at ${config.databaseFile} yet. ${START_FIRST}`);
    const { pending, unknown } = await migrationState(database, MIGRATIONS);
    if (unknown.length > 0) throw databaseFault(config, new NewerDatabase(unknown));
    if (pending.length > 0) throw new Error(`The database lacks ${pending.join(', ')}. Run: chatdrop migrate`);
    const parts = await composeParts(config, log, database, {});
    const turn = createTurn(config, parts.nodes, { name: 'the move of the files', folder: 'moving' });
    const importTurn = createTurn(config, parts.nodes, { name: 'the import of files', folder: 'importing' });
    close = async () => {
      turn.giveBack();
      importTurn.giveBack();
      await parts.nodes.close();
      await database.destroy();
      lock?.release();
    };
    const sharing = composeSharing(parts);
    await checkStore(config, parts.stores.record);
    const { files, storage, stores, uploads, removedObjects, previewJobs, choreTable, audit } = parts;
    const { removeFile, deleteRemovedBytes, retireFiles, deleteScope, confirmDeletion, manageCompanies } = sharing;
    return {
      files,
      audit,
      presentAuditEntry,
      removeFile: (file: FileRecord) => removeFile(file, 'deleted', OPERATOR),
      rescanFiles: sharing.rescanFiles,
      infections: parts.infections,
      forgetInfection: (sha256: string) => sharing.forgetInfection(sha256, OPERATOR),
      retireFiles,
      deleteScope,
      confirmDeletion,
      archiveFiles: sharing.archiveFiles,
      deletions: parts.deletions,
      async sizeOf(request: ScopeRequest) {
        const scope = scopeOf(request);
        return { ...(await files.sumOf(scope)), uploads: await parts.endedUploads.countUnfinished(scope) };
      },
      companies: manageCompanies,
      webhooks: sharing.webhooks.manage,
      jobs: createJobList(database),
      faults: choreTable,
      verifyFiles: createVerifyFiles({ files, storage }),
      repairFiles: createRepairFiles({ database, files, previewJobs, removedObjects, removeFile, deleteRemovedBytes }),
      moveStorage: createMoveStorage({
        record: stores.record,
        openMoveFiles: async (from, to) =>
          createMoveFiles({ files, uploads, from: await stores.openKnown(from), to: await stores.openKnown(to), now }),
        takeTurn: turn.take,
      }),
      importFiles: sharing.importFiles,
      /** @throws when another import runs, or files are being moved: these would be looked for in the wrong store */
      async beginImport() {
        if ((await stores.record.move()) !== null)
          throw new Error(
            'The files are being moved from one store to the other. End that first: chatdrop migrate-storage',
          );
        if (!(await importTurn.take())) throw new Error('Another chatdrop import is running. Wait for it, or stop it.');
      },
      freeBytes: () => storage.freeBytes(),
      sweepOnce: () => sweepOnce(composeCleaning(parts, sharing)),
      isServerRunning: () => isServerRunning(config),
      now,
      close: () => close(),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

const START_FIRST = 'The first start of the server makes it. Is DATA_DIR the one that the server has?';

/** What `doctor` looks at, each opened only when it is its turn. Nothing is made that is not there. */
export function composeInspection(config: Config) {
  return {
    folders: ownedFolders(config),
    nameOfDatabase: nameOfDatabase(config),
    isServerRunning: () => isServerRunning(config),
    openDatabase: () => openExisting(config),
    migrationState: (database: Database) => migrationState(database, MIGRATIONS),
    newestEntryAt: (database: Database) => createEventLedger(database).newestEntryAt(),
    askDecoder,
    previewPrograms: findPreviewPrograms(config.programFolders),
    bucket: config.s3 === undefined ? null : { ...config.s3, probe: () => probeBucket(config.s3) },
    scanner: config.clamd === undefined ? null : createClamd(config.clamd),
    // A folder that is missing must not come to belong to the user of the command line.
    openStorage: async () =>
      existsSync(path.join(config.mediaRoot, '.incoming')) ? createLocalStorage(config.mediaRoot) : null,
  };
}

/** What keeps it from starting; null where nothing does. */
async function askDecoder(): Promise<string | null> {
  const decoder = startPreviewProcess();
  try {
    const first = await decoder.ready();
    return first.is === 'unavailable' ? first.reason : null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    decoder.kill();
  }
}

async function probeBucket(settings: Config['s3']) {
  if (settings === undefined) throw new Error('There is no bucket.');
  const { createProbeS3 } = await import('../storage/s3-probe.ts');
  return createProbeS3(settings)();
}

/** Whether a server holds the data folder; false too where there is none yet. */
export function isServerRunning(config: Config): boolean {
  return isInstanceRunning(...ownedFolders(config));
}

/** Null where SQLite's file is not there: opening would make it. */
async function openExisting(config: Config): Promise<Database | null> {
  return config.postgresUrl !== undefined || existsSync(config.databaseFile) ? openDatabase(config) : null;
}
