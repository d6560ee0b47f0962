/** What one upload is: as a user interface sees it, and what the uploader remembers about it besides. */
import { createSpeedMeter, type SpeedMeter } from './speed-meter.ts';
import type { WaitReason } from './verdict.ts';

export type UploadStatus =
  | 'preparing'
  | 'queued'
  | 'uploading'
  | 'waiting'
  | 'paused'
  | 'failed'
  | 'choose-again'
  | 'done';

/** One upload as a user interface sees it; replaced, never changed. */
export type Upload = {
  id: string;
  name: string;
  /** Bytes. */
  size: number;
  type: string;
  /** For a preview. */
  file: File;
  /** Milliseconds since 1970. */
  addedAt: number;
  status: UploadStatus;
  sentBytes: number;
  bytesPerSecond: number | null;
  /** When bytes last moved, or the person last set it going. Milliseconds since 1970. */
  movedAt: number;
  /** While `waiting`: it goes on by itself, at the latest at `untilAt`. */
  wait: { reason: WaitReason; untilAt: number; detail: string | null } | null;
  /** While `failed`. */
  failure: { code: string | null; detail: string | null; canRetry: boolean } | null;
  /** While `done`: the shared file. */
  fileId: number | null;
};

/** Everything about one upload that the user interface does not need. */
export type UploadEntry = {
  view: Upload;
  /** Null until the file has been read. */
  key: string | null;
  url: string | null;
  attempts: number;
  /** Null while no attempt runs. */
  attemptId: string | null;
  /** When a creation was last sent, of `performance.now()`: its answer may get lost. 0: never. */
  createdAt: number;
  /** How often the server had forgotten the upload, so that it began anew. */
  startOvers: number;
  /** Failed attempts in a row, for the same reason, without a byte accepted. */
  failures: { reason: WaitReason | null; count: number };
  /** Of `performance.now()`: a phone whose clock is set right must not give up. */
  lastAcceptedAt: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  speed: SpeedMeter;
};

/** A file that was just chosen. */
export function newUploadEntry(id: string, file: File): UploadEntry {
  const now = Date.now();
  return {
    view: {
      id,
      name: file.name,
      size: file.size,
      type: file.type,
      file,
      addedAt: now,
      status: 'preparing',
      sentBytes: 0,
      bytesPerSecond: null,
      movedAt: now,
      wait: null,
      failure: null,
      fileId: null,
    },
    key: null,
    url: null,
    attempts: 0,
    attemptId: null,
    createdAt: 0,
    startOvers: 0,
    failures: { reason: null, count: 0 },
    lastAcceptedAt: performance.now(),
    timer: undefined,
    speed: createSpeedMeter(),
  };
}
