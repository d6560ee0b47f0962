/** Which bytes of a picture are to stay, by its type: what says where, when and by what it was taken is left out. */
import { type ByteSource, createWindow, isUnchanged, type Piece, TooManyPieces, type Window } from './kept-bytes.ts';
import { stripHeif } from './strip-heif.ts';
import { stripJpeg } from './strip-jpeg.ts';
import { stripPng } from './strip-png.ts';
import { stripWebp } from './strip-webp.ts';

const STRIPPERS: Record<string, (file: Window) => ReturnType<typeof stripJpeg>> = {
  'image/jpeg': stripJpeg,
  'image/png': stripPng,
  'image/webp': stripWebp,
  'image/heic': stripHeif,
  'image/heif': stripHeif,
  'image/avif': stripHeif,
};
/** One PUT takes five; no camera writes so much. */
const MAX_STRIPPED_BYTES = 1024 * 1024 * 1024;

export function hasStrippableMetadata(mimeType: string): boolean {
  return Object.hasOwn(STRIPPERS, mimeType);
}

/** Null where nothing is to be taken out, or the file is none that can be understood. Reads the file, and changes nothing. */
export async function findKeptBytes(
  source: ByteSource,
  mimeType: string,
): Promise<{ pieces: readonly Piece[]; sizeBytes: number } | null> {
  const strip = STRIPPERS[mimeType];
  if (strip === undefined || source.sizeBytes > MAX_STRIPPED_BYTES) return null;
  try {
    const kept = await strip(createWindow(source));
    return kept === null || isUnchanged(kept, source.sizeBytes) ? null : kept;
  } catch (error) {
    // It ends in the middle of something, or is made of more pieces than a picture is.
    if (error instanceof TooManyPieces || error instanceof RangeError) return null;
    throw error;
  }
}
