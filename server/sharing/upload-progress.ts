/** Tells the others in a session that a file is on its way: at most once a second, and how it ended. */
import type { ProgressState, UploadProgress } from '../contract/events.ts';
import type { UploadRecord } from '../database/upload-table.ts';
import { participantKey, SESSION_TO_COME } from '../rules/participant.ts';
import { publicUploadId } from '../rules/upload-id.ts';

type Needs = {
  /** Sends a passing event to everyone in the session but the named participant. */
  publish(event: UploadProgress, exceptParticipant: string): void;
  now(): number;
};

const MIN_INTERVAL_MS = 1000;
/** Uploads remembered for their pace; the oldest is forgotten first. */
const MAX_REMEMBERED = 10_000;

type Pace = { sentAt: number; later: NodeJS.Timeout | null };

export type ReportProgress = (upload: UploadRecord, offset: number, state: ProgressState) => void;

/** Nothing is said of a file whose first bytes are not checked: its name might be all that it is. */
export function createReportProgress({ publish, now }: Needs): ReportProgress {
  const paces = new Map<string, Pace>();
  const forget = (id: string) => {
    clearTimeout(paces.get(id)?.later ?? undefined);
    paces.delete(id);
  };
  const send = (upload: UploadRecord, offset: number, state: ProgressState) => {
    publish(eventOf(upload, offset, state), participantKey({ ...upload, role: upload.uploader }));
  };
  const sendNow = (upload: UploadRecord, offset: number) => {
    forget(upload.id);
    paces.set(upload.id, { sentAt: now(), later: null });
    if (paces.size > MAX_REMEMBERED) forget(paces.keys().next().value as string);
    send(upload, offset, 'uploading');
  };
  return (upload, offset, state) => {
    if (upload.mimeType === null || upload.session === SESSION_TO_COME) return;
    if (state !== 'uploading') {
      forget(upload.id);
      send(upload, offset, state);
      return;
    }
    const pace = paces.get(upload.id);
    const waitMs = pace === undefined ? 0 : pace.sentAt + MIN_INTERVAL_MS - now();
    if (pace === undefined || waitMs <= 0) return sendNow(upload, offset);
    // What comes within the second is not lost: others would see a card that stands still where the upload paused.
    clearTimeout(pace.later ?? undefined);
    pace.later = setTimeout(() => sendNow(upload, offset), waitMs).unref();
  };
}

function eventOf(upload: UploadRecord, offset: number, state: ProgressState): UploadProgress {
  return {
    type: 'upload_progress',
    upload_id: publicUploadId(upload.id),
    company_id: upload.company,
    session_id: upload.session,
    uploader: upload.uploader,
    name: upload.name,
    size: upload.sizeBytes,
    offset,
    state,
  };
}
