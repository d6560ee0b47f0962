/** Names of files inside an archive: safe wherever it is unpacked, and each once. */
import { cleanFileName } from './file-name.ts';

/** What Windows does not take in a name, or takes for something else. */
const UNSAFE = /[<>:"|?*]/g;
/** Devices of Windows, with any extension, and with spaces before it. */
const RESERVED = /^(?:con|prn|aux|nul|(?:com|lpt)[\d¹²³]|conin\$|conout\$) *(?:\.|$)/i;
/** Bytes: file systems take 255, and a number may be put in. */
const MAX_NAME_BYTES = 200;
const MAX_EXTENSION_BYTES = 20;

/** A new archive's. `taken`: names that are its own. @returns what gives each file its name there */
export function createArchiveNames(taken: readonly string[] = []): (name: string) => string {
  const seen = new Set(taken.map(folded));
  /** The last number of each name, so that a thousand of one name do not try them all again. */
  const numbers = new Map<string, number>();
  return (name) => {
    const [stem, extension] = split(safe(name));
    const key = folded(stem + extension);
    let unique = stem + extension;
    while (seen.has(folded(unique))) {
      const number = (numbers.get(key) ?? 1) + 1;
      numbers.set(key, number);
      unique = `${stem} (${number})${extension}`;
    }
    seen.add(folded(unique));
    return unique;
  };
}

/** Cleaned as when it came: a row may have another way behind it, and whoever unpacks cannot know. */
function safe(name: string): string {
  const plain = cleanFileName(name).replaceAll(UNSAFE, '_');
  return RESERVED.test(plain) ? `_${plain}` : plain;
}

function split(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf('.');
  const hasExtension = dot > 0 && Buffer.byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES;
  const extension = hasExtension ? name.slice(dot) : '';
  const whole = name.slice(0, name.length - extension.length);
  const stem = cut(whole, MAX_NAME_BYTES - Buffer.byteLength(extension));
  // Of `.battery…` a cut could leave `.bat`: a name that would have been refused.
  const isEndCut = extension === '' && stem !== whole;
  return [isEndCut ? stem.replaceAll('.', '_') : stem, extension];
}

/** Never through a character; Windows takes dots and spaces at the end away, and two names could become one. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes
    .subarray(0, end)
    .toString()
    .replace(/[. ]{1,200}$/, '');
}

/**
 * Some file systems do not tell upper from lower case, nor one way of writing an accent from another. Upper case, since that makes
 * one of more: of `σ` and `ς`, of `ß` and `SS`.
 */
function folded(name: string): string {
  return name.normalize('NFKC').toUpperCase().normalize('NFKC');
}
