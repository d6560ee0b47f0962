/** What the first bytes of a file say that it is. */
import { fileTypeFromBuffer } from 'file-type';
import { bareType, typeNamed, typesOfFamily } from './file-types.ts';
import { matroskaTracks } from './matroska-tracks.ts';
import { isText, textStart } from './text-bytes.ts';
import type { FileType } from './type-table.ts';

/** How many bytes from the start of a file decide its type. */
export const HEAD_BYTES = 4096;

export type Detected = {
  /** Canonical media type: the exact one, or the default of the family; `application/octet-stream` when the bytes are nothing known. */
  mimeType: string;
  /** The types of our table that these bytes can be, `mimeType` first when it is one; more than one when they name only a family. */
  candidates: readonly FileType[];
  /** The bytes decide within their family too, whatever the client calls it: a recording without a picture is no video. */
  isExact?: boolean;
};

const OLE_SIGNATURE = Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1);
const UNKNOWN: Detected = { mimeType: 'application/octet-stream', candidates: [] };

/** Signatures that name a family, or whose exact reading by file-type would need more than the head or unpack what it holds. */
const SIGNATURES: readonly (readonly [bytes: Uint8Array, mimeType: string])[] = [
  [Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a), 'image/png'],
  [Uint8Array.of(0x50, 0x4b, 0x03, 0x04), 'application/zip'],
  [Uint8Array.of(0x50, 0x4b, 0x05, 0x06), 'application/zip'], // without entries
  [OLE_SIGNATURE, 'application/x-ole-storage'],
  [Uint8Array.of(0x1f, 0x8b, 0x08), 'application/gzip'],
];

/** What file-type cannot follow when the part that it wants lies behind the head, and a WAV file of more than 4 GiB (EBU 3306). */
const FALLBACK_SIGNATURES: typeof SIGNATURES = [
  [Uint8Array.of(0x49, 0x49, 0x2a, 0x00), 'image/tiff'],
  [Uint8Array.of(0x4d, 0x4d, 0x00, 0x2a), 'image/tiff'],
  [Uint8Array.of(0x30, 0x26, 0xb2, 0x75, 0x8e, 0x66, 0xcf, 0x11), 'video/x-ms-asf'],
  [Uint8Array.of(0x4f, 0x67, 0x67, 0x53), 'application/ogg'],
  [Uint8Array.of(0x52, 0x46, 0x36, 0x34, 0xff, 0xff, 0xff, 0xff), 'audio/wav'],
];

/** The few types of the text family, and types written as text, that a text's first words name. */
const TEXT_SIGNATURES: readonly (readonly [start: string, mimeType: string])[] = [
  ['%pdf-', 'application/pdf'],
  ['{\\rtf', 'application/rtf'],
  ['%!ps', 'application/postscript'],
  ['<?xml', 'application/xml'],
  ['begin:vcard', 'text/vcard'],
  ['begin:vcalendar', 'text/calendar'],
  ['webvtt', 'text/vtt'],
];

/** Two bytes are too weak a sign: what file-type takes for these from two bytes can be anything. */
const TOO_WEAK = new Set([
  'application/x-apple-diskimage',
  'application/x-compress',
  'application/x-cpio',
  'audio/vnd.dolby.dd-raw',
]);

/**
 * What the bytes are, from the first `HEAD_BYTES` of a file (or all bytes of a shorter one, `complete`). Never throws,
 * unpacks nothing and looks at no more than the head; what it does not know is `application/octet-stream`.
 */
export async function detectType(head: Uint8Array, complete: boolean): Promise<Detected> {
  const bytes = head.subarray(0, HEAD_BYTES);
  const signature = SIGNATURES.find(([start]) => startsWith(bytes, start));
  if (signature !== undefined) return detected(signature[1]);
  // Before file-type, which takes “BMW” for a BMP and “GIFTS” for a GIF.
  if (isText(bytes)) return detectText(bytes);
  if (startsWith(bytes, Uint8Array.of(0x49, 0x44, 0x33))) return detectBehindId3(bytes, complete);
  const mimeType = await askFileType(bytes);
  const fallback = FALLBACK_SIGNATURES.find(([start]) => startsWith(bytes, start))?.[1];
  if (mimeType !== undefined) return exactly(bytes, detected(mimeType));
  if (fallback !== undefined) return detected(fallback);
  return isPdf(bytes) ? detected('application/pdf') : UNKNOWN;
}

function detectText(bytes: Uint8Array): Detected {
  const start = textStart(bytes);
  return detected(TEXT_SIGNATURES.find(([words]) => start.startsWith(words))?.[1] ?? 'text/plain');
}

/**
 * An ID3 tag stands before MP3, and at times before AAC and FLAC (ID3v2.4 structure, section 3.1). It can hold a cover
 * picture and then reaches beyond the head: then the extension picks.
 */
async function detectBehindId3(bytes: Uint8Array, complete: boolean): Promise<Detected> {
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(6, 10);
  const dataAt = 10 + ((a & 0x7f) << 21) + ((b & 0x7f) << 14) + ((c & 0x7f) << 7) + (d & 0x7f);
  const behind = await askFileType(bytes.subarray(dataAt));
  if (behind === 'audio/aac' || behind === 'audio/flac') return detected(behind);
  if (complete || behind !== undefined) return detected('audio/mpeg');
  const names = ['audio/mpeg', 'audio/aac', 'audio/flac'];
  return { mimeType: 'audio/mpeg', candidates: names.flatMap((name) => typeNamed(name) ?? []) };
}

/** Browsers record voice notes as WebM, and many a page sends them without a type, or as `video/webm`. */
function exactly(bytes: Uint8Array, family: Detected): Detected {
  const { candidates } = family;
  if (candidates[0]?.family !== 'webm' && candidates[0]?.family !== 'matroska') return family;
  const tracks = matroskaTracks(bytes);
  const exact = candidates.find((type) => type.mimeType.startsWith(`${tracks}/`));
  if (exact === undefined) return family;
  const others = candidates.filter((type) => type !== exact);
  return { mimeType: exact.mimeType, candidates: [exact, ...others], isExact: true };
}

/** file-type throws nothing on bytes today; a release that does must not turn an upload into a 500. */
async function askFileType(bytes: Uint8Array): Promise<string | undefined> {
  try {
    const mimeType = bareType((await fileTypeFromBuffer(bytes))?.mime ?? '');
    return mimeType === '' || TOO_WEAK.has(mimeType) ? undefined : mimeType;
  } catch {
    return undefined;
  }
}

/** Readers accept a PDF behind white space, although its first bytes should be `%PDF-`. */
function isPdf(bytes: Uint8Array): boolean {
  return textStart(bytes.subarray(0, 1024)).startsWith('%pdf-');
}

function detected(mimeType: string): Detected {
  const type = typeNamed(mimeType);
  if (type === undefined) return { mimeType, candidates: [] };
  if (type.family === 'binary') return { mimeType: type.mimeType, candidates: [type] };
  const others = typesOfFamily(type.family).filter((other) => other !== type);
  // Under a password a new office document lies in a file of the old kind; the whole of it shows whether it does.
  const wrapped = type.family === 'ole-office' ? typesOfFamily('zip').filter(isOpenXml) : [];
  return { mimeType: type.mimeType, candidates: [type, ...others, ...wrapped] };
}

/** What old office documents and installers are made of ([MS-CFB]). */
export function isOleFile(head: Uint8Array): boolean {
  return startsWith(head, OLE_SIGNATURE);
}

function isOpenXml({ mimeType }: FileType): boolean {
  return mimeType.startsWith('application/vnd.openxmlformats-officedocument.');
}

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return start.every((byte, at) => bytes[at] === byte);
}
