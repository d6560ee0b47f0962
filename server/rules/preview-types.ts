/** Types of which a preview is tried. Whether the decoder is there, and what the bytes are worth, shows when it is made. */

const PREVIEW_TYPES: readonly string[] = [
  ...['image/jpeg', 'image/png', 'image/gif', 'image/webp'],
  ...['image/avif', 'image/heic', 'image/heif', 'image/tiff'],
];

export function hasPreview(mimeType: string): boolean {
  return PREVIEW_TYPES.includes(mimeType);
}
