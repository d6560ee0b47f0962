/** Which store the bytes are in: the one that the settings name, and while files move the other one too. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Config } from '../config.ts';
import type { Database } from '../database/open-database.ts';
import { createS3UploadTable } from '../database/s3-upload-table.ts';
import { createStoreRecord, type StoreName, type StoreRecord } from '../database/store-record.ts';
import type { DiskSyncs } from '../storage/disk-syncs.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { createLocalStorage } from '../storage/local-storage.ts';
import { createMovingStorage } from '../storage/moving-storage.ts';

const OTHER: Record<StoreName, StoreName> = { local: 's3', s3: 'local' };
const PLACE: Record<StoreName, string> = { local: 'on the local disk', s3: 'in S3' };

export type Stores = {
  record: StoreRecord;
  storage: FileStorage;
  /** Files on this node's disk, which no other node sees. */
  usesDisk: boolean;
  /** For a move. @throws when its settings are missing, or name another place than the server uses */
  openKnown(store: StoreName): Promise<FileStorage>;
};

/** @throws when a move is under way and the other store cannot be opened */
export async function composeStores(
  config: Config,
  database: Database,
  installation: string,
  largestFileBytes: () => number,
  syncs?: DiskSyncs,
): Promise<Stores> {
  const record = createStoreRecord(database);
  const open = (store: StoreName) =>
    store === 'local' ? openLocal(config, syncs) : openBucket(config, database, installation, largestFileBytes);
  const current = await open(config.store);
  const previous = (await isSpread(config, record)) ? await open(OTHER[config.store]) : null;
  return {
    record,
    storage: previous === null ? current : createMovingStorage(current, previous),
    usesDisk: config.store === 'local' || previous !== null,
    async openKnown(store) {
      const place = placeOf(config, store);
      const known = await record.place(store);
      if (known !== null && known !== place)
        throw new Error(`The server has its files ${PLACE[store]} at ${known}, and these settings say ${place}.`);
      if (known !== null && store === 'local') expectDisk(config);
      const storage = await open(store);
      await storage.check();
      await record.notePlace(store, place);
      return storage;
    },
  };
}

/** Enough to tell one store from another that the settings of another shell name. */
function placeOf({ mediaRoot, s3 }: Config, store: StoreName): string {
  if (store === 'local') return mediaRoot;
  if (s3 === undefined) throw new Error('AWS_STORAGE_BUCKET_NAME is missing: S3 needs its AWS_… settings.');
  return s3.bucket;
}

/**
 * Before a server uses its store: files that are in another one would be gone for everybody.
 * @throws with what to do, when they are and no move is under way
 */
export async function claimStore(config: Config, record: StoreRecord): Promise<void> {
  const { store } = config;
  const hasBytes = await record.hasBytes();
  // Until there was a choice it was the disk.
  const known = (await record.store()) ?? (hasBytes ? 'local' : store);
  const move = await record.move();
  if (known !== store && hasBytes && move === null)
    throw new Error(
      `The files are ${PLACE[known]}, and USE_S3_STORAGE says ${PLACE[store]}. Bring them over first, while the server runs as before: chatdrop migrate-storage --to ${store}`,
    );
  if (move?.to === store && !move.isEntered) await record.noteMove({ ...move, isEntered: true });
  await record.noteStore(store);
  await record.notePlace(store, placeOf(config, store));
}

/** For a command that works on files. @throws when its settings name another store than the server's */
export async function checkStore({ store }: Config, record: StoreRecord): Promise<void> {
  const known = await record.store();
  if (known === null || known === store || (await record.move()) !== null) return;
  throw new Error(
    `The server has its files ${PLACE[known]}, and USE_S3_STORAGE says ${PLACE[store]}. Use its settings.`,
  );
}

/** Whether files may be in the other store too. @throws when they are, and it cannot be opened */
async function isSpread(config: Config, record: StoreRecord): Promise<boolean> {
  const move = await record.move();
  if (move === null) return false;
  // A copy is removed with its file, where the copy can be reached; what cannot be is found at the end of the move.
  if (config.store === move.from && !move.isEntered) return config.s3 !== undefined && move.from === 'local';
  if (config.store === 'local' && config.s3 === undefined)
    throw new Error('Files are in S3 too, until their move is done: AWS_STORAGE_BUCKET_NAME is missing.');
  if (config.store === 's3') expectDisk(config);
  return true;
}

/** An empty folder that is made by looking at it would say that nothing is there. */
function expectDisk({ mediaRoot }: Config): void {
  if (existsSync(path.join(mediaRoot, '.incoming'))) return;
  throw new Error(
    `Files are on the local disk too, until their move is done, and there are none at ${mediaRoot}. Is this the machine, and is MEDIA_ROOT right?`,
  );
}

function openLocal({ mediaRoot, postgresUrl }: Config, syncs?: DiskSyncs): Promise<FileStorage> {
  // With SQLite there is one server (instance-lock); of several, any may write to a shared MEDIA_ROOT.
  return createLocalStorage(mediaRoot, { isAlone: postgresUrl === undefined, syncs });
}

async function openBucket(
  { s3: settings }: Config,
  database: Database,
  installation: string,
  largestFileBytes: () => number,
): Promise<FileStorage> {
  if (settings === undefined) throw new Error('AWS_STORAGE_BUCKET_NAME is missing: S3 needs its AWS_… settings.');
  // Who has the files on the disk does not wait for the SDK to load.
  const { createS3Storage } = await import('../storage/s3-storage.ts');
  return createS3Storage({ settings, uploads: createS3UploadTable(database), installation, largestFileBytes });
}
