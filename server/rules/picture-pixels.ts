/** How many pixels a picture has, by its header; nothing is decoded. */
import { imageSize } from 'image-size';
import type { WholeFile } from './whole-file.ts';

/** Most pictures say it at once; a photo may have megabytes of depth or colour in front of it. */
const STEPS_BYTES = [64 * 1024, 16 * 1024 * 1024];

/** Null when it does not say so in its first 16 MiB, or in a way that is known. Throws what `read` throws. */
export async function pixelsOf({ sizeBytes, read }: WholeFile): Promise<number | null> {
  for (const step of STEPS_BYTES) {
    const pixels = countPixels(await read(0, Math.min(step, sizeBytes)));
    if (pixels !== null || sizeBytes <= step) return pixels;
  }
  return null;
}

function countPixels(head: Uint8Array): number | null {
  try {
    const { width, height, images = [] } = imageSize(head);
    return Math.max(width * height, ...images.map((each) => each.width * each.height));
  } catch {
    // Cut, damaged, or of a kind that is not known: it says nothing.
    return null;
  }
}
