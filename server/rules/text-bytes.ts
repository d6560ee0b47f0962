/** Whether bytes are text, and what a text begins with, in the encodings that browsers take for text. */

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

/** How many characters of a text's start are looked at for a signature; the whole of any head. */
const MAX_START_CHARACTERS = 4096;
const WHITE_SPACE = '\t\n\f\r ';

/**
 * Whether the bytes are text: none of the binary data bytes of the WHATWG MIME Sniffing standard (section 3) and no byte
 * order mark but UTF-8's, or UTF-16 with its byte order mark and no control characters either. Any 8-bit encoding passes,
 * so a UTF-8 sequence that the end of the head cuts does too.
 */
export function isText(bytes: Uint8Array): boolean {
  const mark = byteOrderMark(bytes);
  if (mark === 'utf-16le' || mark === 'utf-16be') return isUtf16Text(bytes, mark);
  return bytes.every((byte) => !isBinaryByte(byte));
}

/**
 * The beginning as a string in lower case, without byte order mark and leading white space, for signatures in ASCII.
 * Also of bytes that are no text: browsers look for `<html` in those too. UTF-16 is known by its mark, or by the zero
 * beside the first ASCII character (XML 1.0, appendix F).
 */
export function textStart(bytes: Uint8Array): string {
  return writtenStart(bytes).toLowerCase();
}

/** The same in the case that it is written in: of bytes that are no text, lower case is as dear to make as all else here. */
export function writtenStart(bytes: Uint8Array): string {
  const text = decode(bytes, byteOrderMark(bytes) ?? unmarkedEncoding(bytes));
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length && WHITE_SPACE.includes(text.charAt(at))) at += 1;
  return text.slice(at, at + MAX_START_CHARACTERS);
}

function isUtf16Text(bytes: Uint8Array, encoding: 'utf-16le' | 'utf-16be'): boolean {
  const high = encoding === 'utf-16be' ? 0 : 1;
  for (let at = 2; at + 1 < bytes.length; at += 2) {
    const highByte = bytes[at + high];
    if (highByte === 0 && isBinaryByte(bytes[at + 1 - high] ?? 0)) return false;
  }
  // Binary data that happens to start like a byte order mark has lone surrogates soon. The head may cut a pair in two.
  return decode(bytes, encoding).slice(0, -1).isWellFormed();
}

function isBinaryByte(byte: number): boolean {
  return byte <= 0x08 || byte === 0x0b || (byte >= 0x0e && byte <= 0x1a) || (byte >= 0x1c && byte <= 0x1f);
}

function byteOrderMark(bytes: Uint8Array): Encoding | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return 'utf-8';
  return undefined;
}

function unmarkedEncoding(bytes: Uint8Array): Encoding {
  const [first = 0, second = 0] = bytes;
  if (first === 0 && second !== 0) return 'utf-16be';
  if (first !== 0 && second === 0) return 'utf-16le';
  return 'utf-8';
}

/** UTF-8 is read as Latin-1: signatures are ASCII, and no sequence can be invalid. */
function decode(bytes: Uint8Array, encoding: Encoding): string {
  const start = bytes.subarray(0, 2 * MAX_START_CHARACTERS);
  const view = Buffer.from(start.buffer, start.byteOffset, start.byteLength);
  if (encoding === 'utf-16le') return view.toString('utf16le');
  if (encoding === 'utf-8') return view.toString('latin1', byteOrderMark(view) === 'utf-8' ? 3 : 0);
  return Buffer.from(view.subarray(0, view.length & ~1))
    .swap16()
    .toString('utf16le');
}
