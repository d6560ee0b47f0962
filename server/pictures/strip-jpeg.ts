/** JPEG without its metadata: segments are left out, what is compressed is not touched. */
import { createPieces, type KeptBytes, type Window } from './kept-bytes.ts';
import { exifOf, orientationIn } from './orientation.ts';

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP0 = 0xe0;
const APP1 = 0xe1;
const APP15 = 0xef;
const COMMENT = 0xfe;
/** Looked through at once. */
const SCANNED_BYTES = 256 * 1024;
const EXIF = Buffer.from('Exif\0\0', 'latin1');

/** What a picture is shown by: density, colours, and how its colours are to be taken. All else of the kind is metadata. */
const KEPT: readonly [marker: number, name: Buffer][] = [
  [APP0, Buffer.from('JFIF\0', 'latin1')],
  [0xe2, Buffer.from('ICC_PROFILE\0', 'latin1')],
  [0xee, Buffer.from('Adobe', 'latin1')],
];

/**
 * What comes after the picture goes too: further pictures, films and notes of a camera, each with metadata of its own. A file
 * that ends in the middle is kept up to there.
 */
export async function stripJpeg(file: Window): Promise<KeptBytes> {
  const start = await file.at(0, 2);
  if (start[0] !== 0xff || start[1] !== SOI) return null;
  const kept = createPieces();
  kept.keep(0, 2);
  let upright = await orientationSegment(file);
  let isPicture = false;
  for await (const segment of segmentsOf(file)) {
    // After JFIF, which has to be the first.
    if (upright !== null && segment.marker !== APP0) {
      kept.insert(upright);
      upright = null;
    }
    isPicture ||= segment.marker === SOS;
    if (isKept(segment)) kept.keep(segment.position, segment.bytes);
    if (segment.marker === EOI) break;
  }
  return isPicture ? kept.whole() : null;
}

/** `bytes`: with the marker, and with what is compressed behind it. `head`: the first bytes of its contents. */
type Segment = { marker: number; position: number; bytes: number; head: Buffer };

/** As decoders find them: what stands between two of them and is none is passed over. */
async function* segmentsOf(file: Window): AsyncGenerator<Segment> {
  for (let position = await nextMarker(file, 2); position + 1 < file.sizeBytes; ) {
    const head = await file.at(position, 40);
    const marker = head[1] as number;
    const isAlone = marker === EOI || marker === SOI || marker === 1;
    const length = isAlone || head.length < 4 ? 0 : head.readUInt16BE(2);
    let end = Math.min(file.sizeBytes, position + 2 + length);
    if (marker === SOS) end = await nextMarker(file, end);
    yield { marker, position, bytes: end - position, head: head.subarray(4) };
    position = await nextMarker(file, end);
  }
}

function isKept({ marker, head }: Segment): boolean {
  const isMetadata = (marker >= APP0 && marker <= APP15) || marker === COMMENT;
  return !isMetadata || KEPT.some(([kind, name]) => kind === marker && head.subarray(0, name.length).equals(name));
}

/** Where the next segment begins, or the end of the file. */
async function nextMarker(file: Window, from: number): Promise<number> {
  for (let position = from; position < file.sizeBytes; ) {
    const bytes = await file.at(position, Math.min(SCANNED_BYTES, file.sizeBytes - position));
    for (let at = bytes.indexOf(0xff); at !== -1; at = bytes.indexOf(0xff, at + 1)) {
      const next = bytes[at + 1];
      if (next === undefined) break;
      // A byte of the picture, a place to start again at, or one that only fills.
      if (next === 0 || next === 0xff || (next >= 0xd0 && next <= 0xd7)) continue;
      return position + at;
    }
    // The last byte is looked at again with the one behind it.
    const isLast = position + bytes.length >= file.sizeBytes;
    position += isLast ? bytes.length : bytes.length - 1;
  }
  return file.sizeBytes;
}

/** What keeps the picture upright, of the first Exif data before the first scan. */
async function orientationSegment(file: Window): Promise<Buffer | null> {
  for await (const { marker, position, bytes, head } of segmentsOf(file)) {
    if (marker === SOS || marker === EOI) return null;
    if (marker !== APP1 || !head.subarray(0, EXIF.length).equals(EXIF)) continue;
    const orientation = orientationIn((await file.at(position, bytes)).subarray(4 + EXIF.length));
    return orientation === null ? null : segmentOf(exifOf(orientation));
  }
  return null;
}

function segmentOf(tiff: Buffer): Buffer {
  const head = Buffer.from([0xff, APP1, 0, 0]);
  head.writeUInt16BE(2 + EXIF.length + tiff.length, 2);
  return Buffer.concat([head, EXIF, tiff]);
}
