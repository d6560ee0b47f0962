/** Finds the known file types by name, alias, extension and family, and says which are allowed by default and shown inline. */
import { type FileType, TYPES, type TypeFamily } from './type-table.ts';

/** What a deployment that sets nothing accepts: pictures, PDF, office documents, text and CSV, audio, video, zip. */
export const DEFAULT_ALLOWED_TYPES: readonly string[] = [
  'image/*',
  'audio/*',
  'video/*',
  'text/*',
  'application/pdf',
  'application/rtf',
  'application/msword',
  'application/vnd.ms-excel',
  'application/vnd.ms-powerpoint',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation',
  'application/vnd.oasis.opendocument.text',
  'application/vnd.oasis.opendocument.spreadsheet',
  'application/vnd.oasis.opendocument.presentation',
  'application/zip',
];

/**
 * The types that a browser may show in place instead of saving: raster pictures, audio and video, none of which can run
 * a script. PDF is not among them: viewers run scripts in it. Exact canonical types, no patterns.
 */
export const INLINE_TYPES: readonly string[] = [
  ...['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif', 'image/bmp', 'image/heic', 'image/heif'],
  ...['audio/mpeg', 'audio/mp4', 'audio/aac', 'audio/wav', 'audio/ogg', 'audio/webm', 'audio/flac', 'audio/3gpp'],
  ...['video/mp4', 'video/webm', 'video/ogg', 'video/quicktime', 'video/x-m4v', 'video/3gpp'],
];

const byName = new Map(
  TYPES.flatMap((entry) => [entry.mimeType, ...entry.aliases].map((name) => [name, entry] as const)),
);
const byExtension = Map.groupBy(
  TYPES.flatMap((entry) => entry.extensions.map((extension) => ({ extension, entry }))),
  (pair) => pair.extension,
);
const bySloppyType = Map.groupBy(
  TYPES.flatMap((entry) => entry.sloppyTypes.map((name) => ({ name, entry }))),
  (pair) => pair.name,
);
const byFamily = Map.groupBy(TYPES, (entry) => entry.family);

/** The type of this name or alias, whatever its case and parameters (`audio/ogg; codecs=opus`); undefined when it is not known. */
export function typeNamed(mimeType: string): FileType | undefined {
  // Most come as they are called.
  return byName.get(mimeType) ?? byName.get(bareType(mimeType));
}

/** The types that files with this extension (lower case, no dot) can be, the likeliest first; none when it is not known. */
export function typesOfExtension(extension: string): readonly FileType[] {
  return byExtension.get(extension)?.map((pair) => pair.entry) ?? [];
}

/** The types that a client can mean by this declared type, the literal one first; none when it is not known. */
export function typesDeclaredAs(declared: string): readonly FileType[] {
  const name = bareType(declared);
  const literal = byName.get(name);
  const sloppy = bySloppyType.get(name)?.map((pair) => pair.entry) ?? [];
  return literal === undefined ? sloppy : [literal, ...sloppy];
}

/** All types that bytes of this family can be, the family's default first. Never `binary`, whose bytes name one type. */
export function typesOfFamily(family: Exclude<TypeFamily, 'binary'>): readonly FileType[] {
  return byFamily.get(family) ?? [];
}

/** A media type in lower case, without parameters. */
export function bareType(mimeType: string): string {
  const end = mimeType.indexOf(';');
  return (end < 0 ? mimeType : mimeType.slice(0, end)).trim().toLowerCase();
}
