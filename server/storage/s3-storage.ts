/**
 * Bytes in a bucket: `incoming/{installation}/{upload id}/…` while they arrive, `{key}` once shared. Which of them count
 * is in the database (`s3-uploads.ts`), so that the bucket is never asked how far an upload is.
 */
import { Readable } from 'node:stream';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { HEAD_BYTES } from '../rules/detect-type.ts';
import type { S3Settings } from '../rules/s3-settings.ts';
import { isStorageKey, isUploadId } from '../rules/upload-id.ts';
import type { FileStorage, LinkedAnswer } from './file-storage.ts';
import { createMemoryShare } from './memory-share.ts';
import { ownId, ownKey } from './own-names.ts';
import { createS3Append } from './s3-append.ts';
import { createBodyGuard } from './s3-body-guard.ts';
import { type Bucket, createBucket, endMultiparts } from './s3-bucket.ts';
import { guardBodies, S3_TIMEOUTS, type S3Timeouts, s3Config } from './s3-client.ts';
import { LARGE_COPY_BYTES } from './s3-copy.ts';
import { limitReads } from './s3-downloads.ts';
import { apart, translated } from './s3-errors.ts';
import { makeFinal } from './s3-finish.ts';
import { joinUploads } from './s3-join.ts';
import { S3Multiparts } from './s3-multipart.ts';
import { createIncomingNames } from './s3-pieces.ts';
import { createS3Reader, type S3Reader } from './s3-read.ts';
import type { S3Uploads } from './s3-uploads.ts';
import { translateFaults } from './translate-faults.ts';

type Needs = {
  settings: S3Settings;
  uploads: S3Uploads;
  /** Keeps what is unfinished apart from another installation's in the same bucket. */
  installation: string;
  /** What an upload of unknown length may become. */
  largestFileBytes(): number;
  /** All for tests. */
  timeouts?: Partial<S3Timeouts>;
  largeCopyBytes?: number;
  maxDownloads?: number;
  memoryBudgetBytes?: number;
};

/** Bytes of bodies that wait in memory, on this node. */
const MEMORY_BUDGET_BYTES = 256 * 1024 * 1024;
/** Requests to the store at once. What is written is partly read there meanwhile, so that neither waits for the other. */
const MAX_SOCKETS = 100;
const MAX_READING_SOCKETS = 100;
/** Beside these, so that slow clients keep nobody from writing. */
const MAX_DOWNLOADS = 500;
const CHECK_TIMEOUT_MS = 3_000;
const NEVER = new AbortController().signal;

/** Asks the store nothing: it may be away at the start. */
export function createS3Storage(given: Needs): FileStorage {
  const { settings, installation, largestFileBytes, largeCopyBytes = LARGE_COPY_BYTES } = given;
  const timeouts = { ...S3_TIMEOUTS, ...given.timeouts };
  const uploads = apart(given.uploads);
  const multiparts = new S3Multiparts(settings.bucket, s3Config(settings, timeouts, MAX_SOCKETS));
  const guardOf = createBodyGuard();
  guardBodies(multiparts.s3, guardOf);
  const reading = new S3Client(s3Config(settings, timeouts, MAX_READING_SOCKETS));
  const bucket = createBucket(settings.bucket, multiparts.s3, reading, guardOf);
  const names = createIncomingNames(installation);
  const reader = createS3Reader(bucket, timeouts.stallTimeoutMs);
  const downloads = createDownloads(given, multiparts, timeouts);
  const share = createMemoryShare(given.memoryBudgetBytes ?? MEMORY_BUDGET_BYTES);
  const needs = { bucket, multiparts, uploads, reader, names, share, largeCopyBytes };
  const append = createS3Append({ ...needs, maxWaitingMs: timeouts.maxWaitingMs });
  const finishOnce = oneAtATime((id, key, signal) => makeFinal(needs, id, key, signal));

  const storage: FileStorage = {
    async create(id, sizeBytes = null) {
      const partSizeBytes = multiparts.partSizeFor(sizeBytes ?? largestFileBytes());
      const nothing = { offset: 0, head: Buffer.alloc(0), pieces: [] };
      await uploads.insert({ id: ownId(id), sizeBytes, partSizeBytes, ...nothing });
    },
    append: async (id, offset, body, options) => append(ownId(id), offset, body, options),
    offsetOf: async (id) => uploads.offsetOf(ownId(id)),
    async readIncoming(id, lengthBytes) {
      const head = await uploads.headOf(ownId(id));
      if (head === null) throw new Error(`there are no bytes of the upload ${id}`);
      if (lengthBytes > HEAD_BYTES && head.length === HEAD_BYTES)
        throw new Error(`more than the first ${HEAD_BYTES} bytes of an unfinished upload are not at hand`);
      return head.subarray(0, lengthBytes);
    },
    join: async (id, partIds, signal) => joinUploads(needs, ownId(id), partIds.map(ownId), signal),
    makeFinal: async (id, key, signal = NEVER) => finishOnce(ownId(id), ownKey(key), signal),
    async put(_id, key, makeBody, sizeBytes) {
      const whole = () => Readable.from(exactly(sizeBytes, makeBody()), { objectMode: false });
      await bucket.putStream(ownKey(key), whole, sizeBytes);
    },
    putWhole: async (key, bytes) => bucket.put(ownKey(key), Buffer.concat(bytes)),
    async discard(id) {
      const upload = await uploads.find(ownId(id));
      if (upload?.multipart) await bucket.abort(upload.multipart);
      if (upload?.finalKey) await clearPlace(bucket, uploads, id, upload.finalKey);
      // Also what a crash left that the row never knew.
      for await (const multipart of bucket.multiparts(names.folder(id))) await bucket.abort(multipart);
      for await (const key of bucket.keys(names.folder(id))) await bucket.remove(key);
      await uploads.remove(id);
    },
    async *incomingIds() {
      const seen = new Set<string>();
      const isNew = (id: string) => isUploadId(id) && !seen.has(id) && seen.add(id) !== undefined;
      for await (const id of uploads.ids()) if (isNew(id)) yield id;
      for await (const id of bucket.folders(names.root)) if (isNew(id)) yield id;
      for await (const { key } of bucket.multiparts(names.root)) {
        const [id = ''] = key.slice(names.root.length).split('/');
        if (isNew(id)) yield id;
      }
    },
    async *storedKeys() {
      for await (const key of bucket.keys('chat/')) if (isStorageKey(key)) yield key;
    },
    open: async (key, by = 'server') => (by === 'client' ? downloads : reader).open(ownKey(key)),
    remove: async (key) => bucket.remove(ownKey(key)),
    freeBytes: async () => Number.POSITIVE_INFINITY,
    check: () => bucket.check(AbortSignal.timeout(CHECK_TIMEOUT_MS)),
    linkTo: createLinkTo(settings),
  };
  return translateFaults(storage, translated);
}

/** A store that is sent less than was announced would wait for the rest. */
async function* exactly(sizeBytes: number, body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    yield chunk;
  }
  if (bytes !== sizeBytes) throw new Error(`${bytes} bytes came instead of ${sizeBytes}`);
}

function createDownloads(
  { settings, maxDownloads = MAX_DOWNLOADS }: Needs,
  multiparts: S3Multiparts,
  timeouts: S3Timeouts,
): S3Reader {
  const client = new S3Client(s3Config(settings, timeouts, maxDownloads));
  const bucket = createBucket(settings.bucket, multiparts.s3, client);
  return createS3Reader({ ...bucket, get: limitReads(maxDownloads, bucket.get) }, timeouts.stallTimeoutMs);
}

/**
 * What was begun where the file was to be. A row that is still there means that no file was made of this upload, but one of
 * another may be there: a copy of a file that is shared already is published at its key, perhaps after one that failed.
 */
async function clearPlace(bucket: Bucket, uploads: S3Uploads, id: string, key: string): Promise<void> {
  // Ends no copy that another is making there; that one ends what is left when it is done.
  if (!(await uploads.othersAt(key, id)).isPlace) await endMultiparts(bucket, key);
  // Asked last, since what is there may have become a file meanwhile.
  const { isFile, isPlace } = await uploads.othersAt(key, id);
  if (!isFile && !isPlace) await bucket.remove(key);
}

/** Signed by a client of its own: the address in it is one that browsers reach. */
function createLinkTo(settings: S3Settings): FileStorage['linkTo'] {
  const endpoint = settings.publicEndpoint ?? settings.endpoint;
  const client = new S3Client(s3Config({ ...settings, endpoint }, S3_TIMEOUTS, 1));
  return async (key: string, { contentType, contentDisposition, expiresSeconds }: LinkedAnswer) => {
    const command = new GetObjectCommand({
      Bucket: settings.bucket,
      Key: ownKey(key),
      ResponseContentType: contentType,
      ResponseContentDisposition: contentDisposition,
    });
    return getSignedUrl(client, command, { expiresIn: expiresSeconds });
  };
}

/** Who asks for the same while it is under way waits for it: done twice at once, the second would miss what the first moved. */
function oneAtATime(work: (id: string, key: string, signal: AbortSignal) => Promise<void>): typeof work {
  const running = new Map<string, Promise<void>>();
  return (id, key, signal) => {
    const before = running.get(id) ?? Promise.resolve();
    const after = before.catch(() => {}).then(() => work(id, key, signal));
    running.set(id, after);
    const forget = () => {
      if (running.get(id) === after) running.delete(id);
    };
    after.then(forget, forget);
    return after;
  };
}
