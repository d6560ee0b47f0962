/** PNG without its metadata: whole chunks are left out. */
import { crc32 } from 'node:zlib';
import { createPieces, type KeptBytes, type Window } from './kept-bytes.ts';
import { exifOf, orientationIn } from './orientation.ts';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** Exif, texts (XMP and what converters write is in them), the time, and who vouches for the picture. */
const METADATA = new Set(['eXIf', 'zxIf', 'tEXt', 'zTXt', 'iTXt', 'tIME', 'caBX', 'dSIG']);
/** Longer Exif data is not looked into. */
const MAX_EXIF_BYTES = 1024 * 1024;

/** What stands behind the end goes too. A file that ends in the middle is kept up to there. */
export async function stripPng(file: Window): Promise<KeptBytes> {
  if (!(await file.at(0, SIGNATURE.length)).equals(SIGNATURE)) return null;
  const kept = createPieces();
  kept.keep(0, SIGNATURE.length);
  for (let position = SIGNATURE.length; position < file.sizeBytes; ) {
    const head = await file.at(position, 8);
    if (head.length < 8) return null;
    const type = head.toString('latin1', 4, 8);
    if (!/^[A-Za-z]{4}$/.test(type)) return null;
    const bytes = Math.min(head.readUInt32BE(0) + 12, file.sizeBytes - position);
    if (!METADATA.has(type)) kept.keep(position, bytes);
    else if (type === 'eXIf' && bytes <= MAX_EXIF_BYTES) {
      const orientation = orientationIn((await file.at(position, bytes)).subarray(8, -4));
      if (orientation !== null) kept.insert(chunkOf('eXIf', exifOf(orientation)));
    }
    position += bytes;
    if (type === 'IEND') break;
  }
  return kept.whole();
}

function chunkOf(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  chunk.set(body, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}
