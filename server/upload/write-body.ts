/** The write path of a tus request: check the first bytes, put them on disk, tell the others, note how far it came. */

import type { UploadTable } from '../database/upload-table.ts';
import { Failure } from '../rules/failure.ts';
import type { CheckFirstBytes } from '../sharing/check-first-bytes.ts';
import { isRefusal, type RejectUpload } from '../sharing/reject-upload.ts';
import type { ReportProgress } from '../sharing/upload-progress.ts';
import type { BodyEnd, FileStorage } from '../storage/file-storage.ts';
import type { WriteBody } from './tus-library.ts';

type Needs = {
  storage: Pick<FileStorage, 'append'>;
  uploads: Pick<UploadTable, 'noteBytes'>;
  checkFirstBytes: CheckFirstBytes;
  rejectUpload: RejectUpload;
  report: ReportProgress;
  expirySeconds: number;
  /** Aborts when the server shuts down: bodies end, their bytes stay. */
  draining: AbortSignal;
  now(): number;
};

/** No byte for this long ends a request; a slow phone that sends a little now and then may take days. */
const IDLE_TIMEOUT_MS = 60_000;
/** A body that lasts long moves its upload's expiry while it runs. */
const MAX_NOTE_EVERY_MS = 60_000;

export function createWriteBody(needs: Needs): WriteBody {
  const noteEveryMs = Math.min(MAX_NOTE_EVERY_MS, (needs.expirySeconds * 1000) / 3);
  return async ({ incoming, upload }, offset, maxBytes, signal) => {
    const check = needs.checkFirstBytes(upload);
    const note = async (bytes: number) => {
      const noted = await needs.uploads.noteBytes(upload.id, bytes, needs.now() + needs.expirySeconds * 1000);
      if (!noted) throw new Failure('gone', 'This upload has ended. Start it again.');
    };
    let notedAt = needs.now();
    const stopping = eitherOf(signal, needs.draining);
    try {
      const result = await needs.storage.append(upload.id, offset, incoming, {
        maxBytes,
        idleTimeoutMs: IDLE_TIMEOUT_MS,
        signal: stopping.signal,
        inspect: async (chunks, position) => {
          await check(chunks, position);
          needs.report(upload, position + bytesOf(chunks), 'uploading');
          if (needs.now() - notedAt < noteEveryMs) return;
          notedAt = needs.now();
          await note(position);
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
      stopping.forget();
    }
  };
}

/** Not AbortSignal.any: with a signal that lives as long as the server, that one keeps some 180 bytes for each request. */
function eitherOf(...signals: AbortSignal[]): { signal: AbortSignal; forget(): void } {
  const either = new AbortController();
  const abort = () => either.abort();
  for (const signal of signals) {
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
  }
  return {
    signal: either.signal,
    forget: () => {
      for (const signal of signals) signal.removeEventListener('abort', abort);
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
