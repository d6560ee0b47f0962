/** The write path of a tus request: check the first bytes, put them on disk, tell the others, note how far it came. */
import { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type { UploadPartTable } from '../database/upload-part-table.ts';
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';
import { HEAD_BYTES } from '../rules/detect-type.ts';
import { Failure } from '../rules/failure.ts';
import { isPartial } from '../rules/upload-concat.ts';
import type { CheckFirstBytes } from '../sharing/check-first-bytes.ts';
import type { ChoosePlace } from '../sharing/choose-place.ts';
import { isRefusal, type RejectUpload } from '../sharing/reject-upload.ts';
import type { ReserveBytes } from '../sharing/reserve-bytes.ts';
import type { ReportProgress } from '../sharing/upload-progress.ts';
import type { AppendOptions, BodyEnd, FileStorage } from '../storage/file-storage.ts';
import type { Stop } from './stop.ts';
import { type ChunkChecksum, createChunkChecksum } from './tus-checksum.ts';

/** Takes a request's body to the storage, until `stop` asks it to end. @returns the offset that is on disk. */
export type WriteBody = (body: IncomingBody, offset: number, maxBytes: number, stop: Stop) => Promise<number>;
/** Bytes on their way into an upload. */
export type IncomingBody = { incoming: Readable; upload: UploadRecord };
type Needs = {
  storage: Pick<FileStorage, 'append'>;
  uploads: Pick<UploadTable, 'noteBytes'>;
  parts: Pick<UploadPartTable, 'keepTogether'>;
  checkFirstBytes: CheckFirstBytes;
  choosePlace: ChoosePlace;
  rejectUpload: RejectUpload;
  reserveBytes: Pick<ReserveBytes, 'upTo'>;
  report: ReportProgress;
  expirySeconds: number;
  /** Aborts when the server shuts down: bodies end, their bytes stay. */
  draining: AbortSignal;
  now(): number;
};

/** No byte for this long ends a request; a slow phone that sends a little now and then may take days. */
export const IDLE_TIMEOUT_MS = 60_000;
/** A body that lasts long moves its upload's expiry while it runs. */
const MAX_NOTE_EVERY_MS = 60_000;

export function createWriteBody(needs: Needs): WriteBody {
  const noteEveryMs = Math.min(MAX_NOTE_EVERY_MS, (needs.expirySeconds * 1000) / 3);
  // Here, not at the signal: that one lives as long as the server, and would keep a listener for each open body.
  const open = new Set<Stop>();
  needs.draining.addEventListener('abort', () => {
    for (const stop of open) stop.abort();
  });
  return async ({ incoming, upload }, offset, maxBytes, stop) => {
    // A file out of a multipart body has no headers of its own.
    const checksum = incoming instanceof IncomingMessage ? await createChunkChecksum(incoming) : null;
    const judge = checksum === null ? asItComes(needs, upload) : onceVerified(needs, upload, offset, checksum);
    const note = async (bytes: number) => {
      const expiresAt = needs.now() + needs.expirySeconds * 1000;
      const noted = await needs.uploads.noteBytes(upload.id, bytes, expiresAt);
      if (isPartial(upload)) await needs.parts.keepTogether(upload, expiresAt);
      if (!noted) throw new Failure('gone', 'This upload has ended. Start it again.');
    };
    let notedAt = needs.now();
    open.add(stop);
    if (needs.draining.aborted) stop.abort();
    try {
      const result = await needs.storage.append(upload.id, offset, incoming, {
        maxBytes,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
        signal: stop,
        place: () => needs.choosePlace(upload),
        ...judge,
        inspect: async (chunks, position) => {
          await judge.inspect(chunks, position);
          await needs.reserveBytes.upTo(upload, position + bytesOf(chunks));
          if (needs.now() - notedAt < noteEveryMs) return;
          notedAt = needs.now();
          await note(checksum === null ? position : offset);
        },
      });
      upload.bytesReceived = result.offset;
      await note(result.offset);
      // With the last byte on disk nothing can be interrupted any more: the finish runs, whoever listens.
      if (result.end !== 'complete' && result.offset !== upload.sizeBytes)
        throw interrupted(result.end, needs.draining);
      return result.offset;
    } catch (error) {
      if (isRefusal(error) && !(error instanceof BodyTooLong)) await needs.rejectUpload(upload, error);
      throw error;
    } finally {
      open.delete(stop);
    }
  };
}

type Judge = { inspect: NonNullable<AppendOptions['inspect']>; verify?: NonNullable<AppendOptions['verify']> };

/** Without a checksum every byte counts, and a forbidden file is refused from its first ones. */
function asItComes(needs: Needs, upload: UploadRecord): Judge {
  const check = needs.checkFirstBytes(upload);
  return {
    inspect: async (chunks, position) => {
      await check(chunks, position);
      needs.report(upload, position + bytesOf(chunks), 'uploading');
    },
  };
}

/**
 * With one, nothing is concluded from bytes that may be wrong: "the uploaded chunk MUST be discarded, and the upload and
 * its offset MUST NOT be updated". A flipped bit in a picture's first bytes is a reason to send them again, not to refuse
 * the picture for good.
 */
function onceVerified(needs: Needs, upload: UploadRecord, offset: number, checksum: ChunkChecksum): Judge {
  const check = needs.checkFirstBytes(upload);
  let head = Buffer.alloc(0);
  let receivedBytes = 0;
  return {
    inspect: (chunks) => {
      checksum.update(chunks);
      receivedBytes += bytesOf(chunks);
      if (head.length < HEAD_BYTES) head = Buffer.concat([head, ...chunks]).subarray(0, HEAD_BYTES);
    },
    verify: async () => {
      checksum.verify();
      await check([head], offset);
      needs.report(upload, offset + receivedBytes, 'uploading');
    },
  };
}

function bytesOf(chunks: readonly Buffer[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}

/** More bytes than announced: this body is discarded, the upload itself is not at fault. */
class BodyTooLong extends Failure {
  constructor() {
    super('file-too-large', 'The request brings more bytes than the upload announced. None of them was kept.');
  }
}

function interrupted(end: BodyEnd, draining: AbortSignal): Failure {
  if (end === 'too-long') return new BodyTooLong();
  if (draining.aborted)
    return new Failure('shutting-down', 'The server is restarting. The upload goes on in a moment.', {
      retryAfterSeconds: 1,
    });
  if (end === 'idle')
    return new Failure('try-again', 'No bytes came for a minute. Go on from the offset that HEAD names.');
  return new Failure('try-again', 'Another request took this upload over.', { retryAfterSeconds: 1 });
}
