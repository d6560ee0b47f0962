/** How many pixels a picture has, by its header; nothing is decoded. */
import { imageSize } from 'image-size';
import { createReadByPages } from './read-by-pages.ts';
import type { ReadBytes, WholeFile } from './whole-file.ts';

/** All kinds but JPEG say it at once. */
const HEAD_BYTES = 64 * 1024;
/** Of a JPEG, before the one that says it: a photo may have megabytes of depth or colour in front. */
const MAX_SEGMENTS = 500;
/** ITU-T T.81, table B.1: tables and a reserved one among the numbers of frames. */
const NO_FRAMES = [0xc4, 0xc8, 0xcc];

/** Null when it does not say so there, or in a way that is known. Throws what `read` throws. */
export async function pixelsOf({ sizeBytes, read }: WholeFile): Promise<number | null> {
  const head = await read(0, Math.min(HEAD_BYTES, sizeBytes));
  if (head[0] === 0xff && head[1] === 0xd8) return pixelsOfJpeg(createReadByPages(read));
  try {
    const { width, height, images = [] } = imageSize(head);
    return Math.max(width * height, ...images.map((each) => each.width * each.height));
  } catch {
    // Cut, damaged, or of a kind that is not known: it says nothing.
    return null;
  }
}

/** From one marker to the next (T.81, B.1.1), however much lies between them. */
async function pixelsOfJpeg(read: ReadBytes): Promise<number | null> {
  for (let at = 2, segments = 0; segments < MAX_SEGMENTS; segments += 1) {
    const [mark, marker = 0, high = 0, low = 0, , height1 = 0, height0 = 0, width1 = 0, width0] = await read(at, 9);
    if (mark !== 0xff || width0 === undefined) return null;
    if (marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.includes(marker))
      return (height1 * 256 + height0) * (width1 * 256 + width0);
    // A marker may be preceded by any number of 0xff.
    at += marker === 0xff ? 1 : 2 + high * 256 + low;
  }
  return null;
}
