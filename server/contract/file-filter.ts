/** Which files of a list are meant: kinds of files, and names as they are compared. The server filters by it, and the widget what comes live. */
import type { Uploader } from './chat-file.ts';

/** A family (`image/*`) or one type, for each kind; `other` is whatever is none of these. */
export const KIND_TYPES = {
  image: ['image/*'],
  video: ['video/*'],
  audio: ['audio/*'],
  document: [
    'text/*',
    'application/pdf',
    'application/rtf',
    'application/json',
    'application/epub+zip',
    'application/msword',
    'application/vnd.ms-excel',
    'application/vnd.ms-powerpoint',
    'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
    'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    'application/vnd.openxmlformats-officedocument.presentationml.presentation',
    'application/vnd.oasis.opendocument.text',
    'application/vnd.oasis.opendocument.spreadsheet',
    'application/vnd.oasis.opendocument.presentation',
  ],
} as const;

export const FILE_KINDS = ['image', 'video', 'audio', 'document', 'other'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

export const FILE_ORDERS = ['oldest', 'newest'] as const;
export type FileOrder = (typeof FILE_ORDERS)[number];

/** What `GET /api/chat/files/` filters by, but for `mime_type`. */
export type FileFilter = {
  kind?: FileKind | undefined;
  uploader?: Uploader | undefined;
  /** In the name, whatever its case. */
  q?: string | undefined;
};

/** The kind that a media type belongs to. */
export function kindOf(mimeType: string): FileKind {
  const family = `${mimeType.split('/')[0]}/*`;
  for (const [kind, types] of Object.entries(KIND_TYPES)) {
    const names: readonly string[] = types;
    if (names.includes(mimeType) || names.includes(family)) return kind as FileKind;
  }
  return 'other';
}

/** A name as names are compared: case does not count, nor how an accent or a Greek sigma is written. */
export function foldedName(name: string): string {
  return name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ');
}

/** Whether a file is in the list that a filter asks for. */
export function matchesFilter(
  file: { mime_type: string; uploader: Uploader; name: string },
  { kind, uploader, q }: FileFilter,
): boolean {
  return (
    (kind === undefined || kindOf(file.mime_type) === kind) &&
    (uploader === undefined || file.uploader === uploader) &&
    (q === undefined || foldedName(file.name).includes(foldedName(q)))
  );
}
