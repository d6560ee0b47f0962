/** Makes the previews that are owed: thumbnail, size and colours of a picture, a PDF or a video, and the event that brings them. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ChatFileTable, FileRecord } from '../database/chat-file-table.ts';
import type { EventLedger } from '../database/event-ledger.ts';
import type { Database } from '../database/open-database.ts';
import type { PreviewJob, PreviewJobTable } from '../database/preview-job-table.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { Lease } from '../database/upload-table.ts';
import { MAX_PICTURE_BYTES } from '../pictures/limits.ts';
import { NoDecoder, ProcessFault } from '../pictures/preview-faults.ts';
import type { Preview, PreviewMaker } from '../pictures/preview-maker.ts';
import { backOffMs } from '../rules/back-off.ts';
import { previewKindOf, previewTypesOf } from '../rules/preview-types.ts';
import { newStorageKey } from '../rules/upload-id.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { createPatience, type Patience } from './patience.ts';

type Needs = {
  database: Database;
  previewJobs: PreviewJobTable;
  files: Pick<ChatFileTable, 'find' | 'setPreview'>;
  ledger: Pick<EventLedger, 'nextSeq' | 'append'>;
  removedObjects: Pick<RemovedObjectTable, 'add'>;
  storage: Pick<FileStorage, 'open' | 'put'>;
  pictures: Pick<PreviewMaker, 'kinds' | 'make' | 'cleanUp' | 'rest'>;
  wake(company: string): void;
  /** No decoder is there. */
  onUnavailable(reason: string): void;
  /** A file gets no preview, for good. */
  onEnded(fileId: number, reason: string): void;
  onFault(error: unknown): void;
  /** Names this process in its leases. */
  holder: string;
  draining: AbortSignal;
  now(): number;
};

export type MakePreviews = {
  /** Those that are due, one after the other; none before `start`. @returns how many were looked at */
  run(): Promise<number>;
  /** One more is owed: `run`, without waiting for it. */
  wake(): void;
  /** With what an earlier process left. */
  start(): void;
  /** When what is under way has ended; `draining` ends it soon. */
  settled(): Promise<void>;
};

/** More than a file may take to be copied, to be made a picture of, and that to arrive and to be decoded. */
const LEASE_MS = 6 * 60_000;
/** A picture that ended so many processes is at fault itself. */
const MAX_ATTEMPTS = 4;
const MAX_BACKOFF_MS = 60_000;
/** For a store or a database that is away. */
const TRY_AGAIN_MS = 60_000;
/** For a decoder to be installed. */
const ASK_AGAIN_MS = 60 * 60_000;

export function createMakePreviews(needs: Needs): MakePreviews {
  const types = previewTypesOf(needs.pictures.kinds);
  let isStarted = false;
  let running: Promise<number> | null = null;
  let isWoken = false;

  const run = async (): Promise<number> => {
    let looked = 0;
    const patience = createPatience(needs.now);
    for (;;) {
      const lease = { token: `${needs.holder}.${randomBytes(8).toString('hex')}`, untilMs: needs.now() + LEASE_MS };
      const isOver = needs.draining.aborted || patience.isOver();
      const job = isOver ? null : await needs.previewJobs.takeDue(lease, needs.now(), types);
      if (job === null) return looked;
      looked += 1;
      const againInMs = await attempt(needs, job, lease, patience);
      // The chore would come round later.
      if (againInMs !== null) setTimeout(wake, againInMs).unref();
    }
  };
  const once = (): Promise<number> => {
    if (!isStarted) return Promise.resolve(0);
    running ??= run().finally(() => {
      running = null;
      if (!isWoken) return;
      isWoken = false;
      wake();
    });
    return running;
  };
  const wake = () => {
    // What is running may have looked at the list just before.
    if (running !== null) isWoken = true;
    else once().catch(needs.onFault);
  };
  return {
    run: once,
    wake,
    start() {
      const begin = () => {
        isStarted = !needs.draining.aborted;
        wake();
      };
      // Before the first one: a folder that is in use must not go.
      needs.pictures.cleanUp().catch(needs.onFault).finally(begin);
    },
    async settled() {
      isStarted = false;
      needs.pictures.rest();
      await running?.catch(() => {});
      needs.pictures.rest();
    },
  };
}

/**
 * @returns after how many milliseconds it is due again, where that is soon
 * @throws only where the database does not answer: the lease ends by itself then
 */
async function attempt(needs: Needs, job: PreviewJob, lease: Lease, patience: Patience): Promise<number | null> {
  const { fileId, attempts } = job;
  const file = await needs.files.find(fileId);
  // The job went with its file.
  if (file === null) return null;
  // Those that nobody gave back, since the whole server ended, count too.
  const hopeless =
    (attempts > MAX_ATTEMPTS && 'the server ended each time it was decoded') ||
    (isTooLarge(file) && 'it is too large to be decoded');
  if (hopeless) {
    await endJob(needs, job, lease, hopeless);
    return null;
  }
  try {
    await patience.wait(async () => {
      const made = await decode(needs, file);
      if (typeof made === 'string') await endJob(needs, job, lease, made);
      else await record(needs, file, job, lease, made);
    });
    return null;
  } catch (error) {
    return await putOff(needs, job, lease, error);
  }
}

/** What is not the picture's doing is no attempt. @returns as `attempt` */
async function putOff(needs: Needs, job: PreviewJob, lease: Lease, error: unknown): Promise<number | null> {
  const { fileId, attempts } = job;
  const later = async (inMs: number, isCounted = false) =>
    needs.previewJobs.putOff(fileId, lease, String(error), needs.now() + inMs, isCounted);
  if (needs.draining.aborted) await later(0);
  else if (error instanceof NoDecoder) {
    needs.onUnavailable(error.message);
    await later(ASK_AGAIN_MS);
  } else if (!(error instanceof ProcessFault)) await later(TRY_AGAIN_MS);
  else if (attempts === MAX_ATTEMPTS) await endJob(needs, job, lease, error.message);
  else {
    const waitMs = backOffMs(attempts - 1, MAX_BACKOFF_MS);
    await later(waitMs, true);
    return waitMs;
  }
  return null;
}

/** Of a video no more is read than its beginning and its end. */
function isTooLarge({ mimeType, sizeBytes }: FileRecord): boolean {
  return previewKindOf(mimeType) !== 'video' && sizeBytes > MAX_PICTURE_BYTES;
}

function decode({ storage, pictures, draining }: Needs, file: FileRecord): Promise<Preview | string> {
  const open = async () => {
    const object = await storage.open(file.storageKey);
    if (object === null) throw new Error(`the bytes of ${file.storageKey} are missing`);
    return object;
  };
  return pictures.make(file.mimeType, open, draining);
}

/** Bytes first, row second, and the place noted before both, so that whatever dies in between leaves nothing behind. */
async function record(needs: Needs, file: FileRecord, job: PreviewJob, lease: Lease, preview: Preview): Promise<void> {
  const { company, session, id: fileId } = file;
  const { thumbnail, width, height, placeholder } = preview;
  const thumbnailKey = job.thumbnailKey ?? newStorageKey(company, session, '.webp');
  if (!(await needs.previewJobs.notePlace(fileId, lease, thumbnailKey))) return;
  await needs.storage.put(file.uploadId, thumbnailKey, () => Readable.from([thumbnail]), thumbnail.length);
  const isShown = await needs.database
    .transaction(async (transaction) => {
      // The file's row first, as where a file is removed.
      if (!(await needs.files.setPreview(transaction, fileId, { thumbnailKey, width, height, placeholder })))
        return false;
      if (!(await needs.previewJobs.done(transaction, fileId, lease))) throw new LeaseLost();
      const seq = await needs.ledger.nextSeq(transaction, company);
      await needs.ledger.append(transaction, seq, { company, session, type: 'file_updated', fileId }, needs.now());
      return true;
    })
    .catch((error) => {
      if (error instanceof LeaseLost) return false;
      throw error;
    });
  if (isShown) needs.wake(company);
  // Removed while this was made: the list of removed objects had its thumbnail before there was one.
  else if ((await needs.files.find(fileId)) === null)
    await needs.database.transaction((transaction) => needs.removedObjects.add(transaction, thumbnailKey));
}

/** Rolls the transaction back: another is at it, and writes to the same place. */
class LeaseLost extends Error {}

async function endJob(needs: Needs, job: PreviewJob, lease: Lease, reason: string): Promise<void> {
  const isOurs = await needs.database.transaction(async (transaction) => {
    const isOurs = await needs.previewJobs.end(transaction, job.fileId, lease, reason, needs.now());
    if (isOurs && job.thumbnailKey !== null) await needs.removedObjects.add(transaction, job.thumbnailKey);
    return isOurs;
  });
  if (isOurs) needs.onEnded(job.fileId, reason);
}
