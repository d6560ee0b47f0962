/** Runs single upload attempts through Uppy and @uppy/tus, and stops one without deleting it on the server. */
import { Uppy } from '@uppy/core';
import Tus from '@uppy/tus';
import type { UploadOptions } from 'tus-js-client';
import type { AttemptGuard } from './attempt-guard.ts';

type Meta = Record<string, string>;
type Body = { xhr: XMLHttpRequest };

/** One try at one upload: it ends with exactly one of `onSuccess` and `onFailure`, or is detached before. */
export type Attempt = {
  /** New for every try, so that nothing late from an older one can be mistaken for it. */
  id: string;
  file: File;
  metadata: Meta;
  /** Where to go on; null creates a new upload. */
  uploadUrl: string | null;
  guard: AttemptGuard;
  onUploadUrl(url: string): void;
  /** Bytes handed to the network, not yet acknowledged. */
  onProgress(sentBytes: number): void;
  /** Bytes the server has acknowledged. */
  onAccepted(acceptedBytes: number): void;
  onSuccess(): void;
  onFailure(): void;
};

export type TusRunner = {
  start(attempt: Attempt): void;
  /** Stops the attempt. The server keeps what it has; no DELETE is sent. */
  detach(attemptId: string): void;
  destroy(): void;
};

const CHUNK_BYTES = 5 * 1024 * 1024;
/**
 * Goes out with the creation, which costs no request: a forbidden type is judged by it before the rest is sent. In a
 * longer body the browser shows the refusal only seconds later, when the connection has been closed.
 */
const FIRST_BYTES = 64 * 1024;

/**
 * Uppy holds a file only while its attempt runs. Retries, pauses and the number of parallel uploads are decided outside
 * (`uploader.ts`): its own retry list is shared by all files, and its queue restarts uploads behind our back.
 */
export function createTusRunner(needs: { endpoint: string; metadataFields: string[] }): TusRunner {
  const uppy = new Uppy<Meta, Body>({
    // Uppy would derive the id from name, size and date, and refuse the same file twice.
    onBeforeFileAdded: (file) => ({ ...file, id: String(file.meta.attempt_id) }),
    logger: { debug() {}, warn() {}, error() {} },
  });
  uppy.use(Tus<Meta, Body>, {
    endpoint: needs.endpoint,
    chunkSize: CHUNK_BYTES,
    retryDelays: [],
    rateLimitedQueue: unlimitedQueue(),
    allowedMetaFields: needs.metadataFields,
    storeFingerprintForResuming: false,
    // The stock one reads localStorage even so; one throw from there hangs the upload.
    urlStorage: {
      findAllUploads: async () => [],
      findUploadsByFingerprint: async () => [],
      removeUpload: async () => {},
      addUpload: async () => '',
    },
  });
  const plugin = uppy.getPlugin('Tus') as Tus<Meta, Body>;

  function forget(attemptId: string): void {
    if (uppy.getFile(attemptId)) uppy.removeFile(attemptId);
    delete plugin.uploaders[attemptId];
    delete plugin.uploaderEvents[attemptId];
  }

  function detach(attemptId: string): void {
    // First the listeners: removing a file from Uppy tells them to DELETE the upload.
    plugin.uploaderEvents[attemptId]?.remove();
    void plugin.uploaders[attemptId]?.abort(false);
    forget(attemptId);
  }

  return {
    start(attempt) {
      const { id, file, guard } = attempt;
      uppy.addFile({ name: file.name, type: file.type, data: file, meta: { ...attempt.metadata, attempt_id: id } });
      const isRunning = () => uppy.getFile(id) !== undefined;
      // Never the whole file: if the answer to the creation got lost, a finished upload could not be found again.
      const beginsWithBytes = attempt.uploadUrl === null && file.size > FIRST_BYTES;
      const options: UploadOptions = {
        uploadUrl: attempt.uploadUrl,
        uploadDataDuringCreation: beginsWithBytes,
        chunkSize: beginsWithBytes ? FIRST_BYTES : CHUNK_BYTES,
        onBeforeRequest: guard.onBeforeRequest,
        onAfterResponse: guard.onAfterResponse,
        onUploadUrlAvailable() {
          const url = plugin.uploaders[id]?.url;
          if (url) attempt.onUploadUrl(url);
        },
        onProgress: (sentBytes) => isRunning() && attempt.onProgress(sentBytes),
        onChunkComplete(_chunkBytes, acceptedBytes) {
          const uploader = plugin.uploaders[id];
          if (uploader) uploader.options.chunkSize = CHUNK_BYTES;
          if (isRunning()) attempt.onAccepted(acceptedBytes);
        },
        // Its argument is of no use: @uppy/tus has aborted the request by now, which empties the answer.
        onSuccess() {
          if (!isRunning()) return;
          forget(id);
          attempt.onSuccess();
        },
        onError() {
          if (!isRunning()) return;
          forget(id);
          attempt.onFailure();
        },
      };
      // Options given with a file win over the plugin's: this is how each attempt has its own guard.
      uppy.setFileState(id, { tus: options } as object);
      uppy.upload().catch(() => {});
    },
    detach,
    destroy() {
      for (const attemptId of Object.keys(plugin.uploaders)) detach(attemptId);
      uppy.destroy();
    },
  };
}

/** Uppy's queue with nothing to wait for: the uploader never starts more than it wants to run. */
function unlimitedQueue() {
  return {
    isPaused: false,
    pause() {},
    resume() {},
    rateLimit() {},
    run: (start: () => unknown) => {
      start();
      return { abort() {}, done() {} };
    },
  } as never;
}
