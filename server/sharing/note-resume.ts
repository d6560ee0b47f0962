/** A client came back to an upload that it had begun: HEAD is how every tus client does that. Counted, and waited for by nobody. */
import type { UploadRecord, UploadTable } from '../database/upload-table.ts';

type Needs = {
  uploads: Pick<UploadTable, 'noteResume'>;
  /** It could not be counted; that is all that is lost. */
  onFault(error: unknown): void;
};

/** `offset`: where the upload stands now, in bytes. Never throws. */
export type NoteResume = (upload: UploadRecord, offset: number) => void;

/**
 * Only where bytes are kept that need not be sent again. A client that asks again and again counts once, until it has sent
 * something: so it cannot make the database write either.
 */
export function createNoteResume({ uploads, onFault }: Needs): NoteResume {
  return (upload, offset) => {
    if (offset === 0 || offset === upload.resumedOffset) return;
    uploads.noteResume(upload.id, offset).catch(onFault);
  };
}
