/** WebP without its metadata: chunks are left out, and what announces them is set right. */
import { createPieces, type KeptBytes, type Window } from './kept-bytes.ts';
import { exifOf, orientationIn } from './orientation.ts';

const METADATA = new Set(['EXIF', 'XMP ', 'C2PA']);
/** Of the flags in VP8X. */
const HAS_EXIF = 0x08;
const HAS_XMP = 0x04;
const MAX_EXIF_BYTES = 1024 * 1024;

/** What stands behind the end goes too. */
export async function stripWebp(file: Window): Promise<KeptBytes> {
  const head = await file.at(0, 12);
  if (head.toString('latin1', 0, 4) !== 'RIFF' || head.toString('latin1', 8, 12) !== 'WEBP') return null;
  const end = Math.min(file.sizeBytes, head.readUInt32LE(4) + 8);
  const exif = await orientationChunk(file, end);
  const body = createPieces();
  for await (const chunk of chunksOf(file, end)) {
    if (METADATA.has(chunk.type)) continue;
    const header =
      chunk.type === 'VP8X' ? withoutFlags(await file.at(chunk.position, chunk.bytes), exif !== null) : null;
    if (header === null) body.keep(chunk.position, chunk.bytes);
    else body.insert(header);
  }
  if (exif !== null) body.insert(exif);
  const { sizeBytes, pieces } = body.whole();
  const riff = Buffer.from(head);
  riff.writeUInt32LE(sizeBytes + 4, 4);
  const kept = createPieces();
  if (riff.equals(head)) kept.keep(0, 12);
  else kept.insert(riff);
  kept.take(pieces);
  return kept.whole();
}

/** Null where they are right as they are: an unchanged chunk stays a part of the whole. */
function withoutFlags(header: Buffer, hasExif: boolean): Buffer | null {
  const changed = Buffer.from(header);
  changed.writeUInt8((header.readUInt8(8) & ~(HAS_EXIF | HAS_XMP)) | (hasExif ? HAS_EXIF : 0), 8);
  return changed.equals(header) ? null : changed;
}

async function* chunksOf(file: Window, end: number) {
  for (let position = 12; position + 8 <= end; ) {
    const head = await file.at(position, 8);
    const length = head.readUInt32LE(4);
    const bytes = Math.min(8 + length + (length % 2), end - position);
    yield { position, bytes, type: head.toString('latin1', 0, 4) };
    position += bytes;
  }
}

/** Only a file with VP8X may have one. */
async function orientationChunk(file: Window, end: number): Promise<Buffer | null> {
  for await (const { position, bytes, type } of chunksOf(file, end)) {
    if (type !== 'EXIF' || bytes > MAX_EXIF_BYTES) continue;
    const data = (await file.at(position, bytes)).subarray(8);
    // Some write the name of JPEG's segment before it.
    const tiff = data.toString('latin1', 0, 6) === 'Exif\0\0' ? data.subarray(6) : data;
    const orientation = orientationIn(tiff);
    if (orientation === null) return null;
    const chunk = Buffer.concat([Buffer.from('EXIF\0\0\0\0', 'latin1'), exifOf(orientation)]);
    chunk.writeUInt32LE(chunk.length - 8, 4);
    return chunk;
  }
  return null;
}
