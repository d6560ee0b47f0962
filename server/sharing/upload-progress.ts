/** Tells the others in a session that a file is on its way: at most once a second, and how it ended. */
import type { ProgressState, UploadProgress } from '../contract/events.ts';
import type { UploadRecord } from '../database/upload-table.ts';
import { participantKey, SESSION_TO_COME } from '../rules/participant.ts';
import { publicUploadId } from '../rules/upload-id.ts';

type Needs = {
  /** Sends a passing event to everyone in the session but the named participant. */
  publish(event: UploadProgress, exceptParticipant: string): void;
  /** Whether anybody may be there to hear it; if not, nothing is made. */
  isHeard(company: string, session: string): boolean;
  now(): number;
};

const MIN_INTERVAL_MS = 1000;
/** What is here whole by then was never on its way, for those who look on: they hear that it is done, and have the file. */
const FIRST_AFTER_MS = 50;
/** Uploads remembered for their pace; the oldest is forgotten first. */
const MAX_REMEMBERED = 10_000;

/** `upload`, `offset`: as last reported. `later`: that is still to be told. */
type Pace = { sentAt: number; upload: UploadRecord; offset: number; later: NodeJS.Timeout | null };

export type ReportProgress = (upload: UploadRecord, offset: number, state: ProgressState) => void;

/** Nothing is said of a file whose first bytes are not checked: its name might be all that it is. */
export function createReportProgress({ publish, isHeard, now }: Needs): ReportProgress {
  const paces = new Map<string, Pace>();
  const forget = (id: string) => {
    clearTimeout(paces.get(id)?.later ?? undefined);
    paces.delete(id);
  };
  const send = (upload: UploadRecord, offset: number, state: ProgressState) => {
    if (isHeard(upload.company, upload.session))
      publish(eventOf(upload, offset, state), participantKey({ ...upload, role: upload.uploader }));
  };
  const remember = (pace: Pace) => {
    paces.delete(pace.upload.id);
    paces.set(pace.upload.id, pace);
    if (paces.size > MAX_REMEMBERED) forget(paces.keys().next().value as string);
  };
  const sendNow = (pace: Pace) => {
    pace.later = null;
    pace.sentAt = now();
    // The one that moves is the last to be forgotten.
    remember(pace);
    send(pace.upload, pace.offset, 'uploading');
  };
  const begin = (upload: UploadRecord, offset: number): Pace => {
    const pace = { sentAt: now() + FIRST_AFTER_MS - MIN_INTERVAL_MS, upload, offset, later: null };
    remember(pace);
    return pace;
  };
  return (upload, offset, state) => {
    if (upload.mimeType === null || upload.session === SESSION_TO_COME) return;
    if (state !== 'uploading') {
      forget(upload.id);
      send(upload, offset, state);
      return;
    }
    const pace = paces.get(upload.id) ?? begin(upload, offset);
    Object.assign(pace, { upload, offset });
    // What comes within the second is not lost: others would see a card that stands still where the upload paused.
    pace.later ??= setTimeout(sendNow, Math.max(0, pace.sentAt + MIN_INTERVAL_MS - now()), pace).unref();
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
