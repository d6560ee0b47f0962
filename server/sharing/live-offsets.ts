/** How far uploads are that this node receives right now: their rows learn it only when a request ends. */
import type { UploadRecord } from '../database/upload-table.ts';
import type { ReportProgress } from './upload-progress.ts';

/** The one that was heard of longest ago is forgotten first. */
const MAX_REMEMBERED = 10_000;

export type LiveOffsets = {
  note: ReportProgress;
  /** Bytes; what the row says where nothing newer is known. */
  of(upload: UploadRecord): number;
};

export function createLiveOffsets(): LiveOffsets {
  const offsets = new Map<string, number>();
  return {
    note(upload, offset, state) {
      offsets.delete(upload.id);
      if (state === 'uploading') offsets.set(upload.id, offset);
      if (offsets.size > MAX_REMEMBERED) offsets.delete(offsets.keys().next().value as string);
    },
    of: ({ id, bytesReceived }) => Math.max(bytesReceived, offsets.get(id) ?? 0),
  };
}
