/** The same picture in fewer bytes: no larger than is wanted, upright, in the same format and with the same colours. */
import type { Metadata, Sharp } from 'sharp';
import { COMPRESSED_SHARE } from './limits.ts';

type Wanted = { maxSidePx: number; keepsMetadata: boolean };

/** The picture itself is why it is not made: trying again cannot help. */
export class NotMade extends Error {}

/** What nobody sees on a screen is left out above these. */
const JPEG_QUALITY = 82;
const WEBP_QUALITY = 80;

/** @throws {NotMade} where it is none of those that are made smaller, or would not be smaller by a tenth */
export async function compressed(
  open: () => Sharp,
  header: Metadata,
  bytes: Buffer,
  { maxSidePx, keepsMetadata }: Wanted,
): Promise<Buffer> {
  const reason = reasonToKeep(header, bytes);
  if (reason !== null) throw new NotMade(reason);
  const picture = open().autoOrient().resize(maxSidePx, maxSidePx, { fit: 'inside', withoutEnlargement: true });
  // Its colours stay what they are: the profile comes along, and no pixel is taken over into another one.
  const result = await encoded(
    keepsMetadata ? picture.keepMetadata() : picture.keepIccProfile(),
    header,
    bytes,
  ).toBuffer();
  if (result.length > bytes.length * COMPRESSED_SHARE) throw new NotMade('it would not be smaller by a tenth');
  return result;
}

function reasonToKeep({ format, pages = 1, depth, space }: Metadata, bytes: Buffer): string | null {
  if (!['jpeg', 'png', 'webp'].includes(format ?? '')) return 'only JPEG, PNG and WebP are made smaller';
  if (pages > 1 || (format === 'png' && bytes.includes('acTL'))) return 'it moves';
  // More than eight bits, or inks instead of light: it would lose what it has for a reason.
  return depth === 'uchar' && (space === 'srgb' || space === 'b-w') ? null : 'its colours would be lost';
}

function encoded(picture: Sharp, { format }: Metadata, bytes: Buffer): Sharp {
  if (format === 'png') return picture.png({ compressionLevel: 9, adaptiveFiltering: true });
  if (format === 'webp') {
    // The first chunk of a plain lossless one.
    const isLossless = bytes.subarray(0, 4096).includes('VP8L');
    return picture.webp(isLossless ? { lossless: true } : { quality: WEBP_QUALITY });
  }
  return picture.jpeg({ quality: JPEG_QUALITY, mozjpeg: true });
}
