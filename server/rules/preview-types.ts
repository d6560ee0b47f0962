/** Types of which a preview is tried, and what it takes to make one. What the bytes are worth shows when it is made. */

/** `picture`: decoded by our own process. The others take a program of the machine, which makes a picture of them first. */
export type PreviewKind = 'picture' | 'heic' | 'pdf' | 'video';

const TYPES_BY_KIND: Record<PreviewKind, readonly string[]> = {
  picture: ['image/jpeg', 'image/png', 'image/gif', 'image/webp', 'image/avif', 'image/tiff'],
  heic: ['image/heic', 'image/heif'],
  pdf: ['application/pdf'],
  video: [
    ...['video/mp4', 'video/quicktime', 'video/x-m4v', 'video/3gpp', 'video/3gpp2'],
    ...['video/webm', 'video/x-matroska', 'video/ogg', 'video/x-msvideo'],
  ],
};

const kindByType = new Map(
  Object.entries(TYPES_BY_KIND).flatMap(([kind, types]) => types.map((type) => [type, kind as PreviewKind])),
);

/** Null: there is none of this type. */
export function previewKindOf(mimeType: string): PreviewKind | null {
  return kindByType.get(mimeType) ?? null;
}

export function previewTypesOf(kinds: readonly PreviewKind[]): string[] {
  return kinds.flatMap((kind) => [...TYPES_BY_KIND[kind]]);
}
