/** Names of files inside an archive: safe wherever it is unpacked, and each once. */

/** What a path, Windows, or an old unpacker would take for something else. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
const UNSAFE = /[\u0000-\u001f\u007f<>:"/\\|?*]/g;
/** Devices of Windows, with any extension. */
const RESERVED = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;
/** Bytes: file systems take 255, and a number may be put in. */
const MAX_NAME_BYTES = 200;
const MAX_EXTENSION_BYTES = 20;

/** A new archive's. `taken`: names that are its own. @returns what gives each file its name there */
export function createArchiveNames(taken: readonly string[] = []): (name: string) => string {
  // Some file systems do not tell upper from lower case, nor one way of writing an accent from another.
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

function safe(name: string): string {
  const plain = name
    .normalize('NFC')
    .replaceAll(UNSAFE, '_')
    .replace(/[. ]{1,300}$/, '')
    .replace(/^[. ]{1,300}/, '');
  if (plain === '') return 'file';
  return RESERVED.test(plain) ? `_${plain}` : plain;
}

function split(name: string): [stem: string, extension: string] {
  const dot = name.lastIndexOf('.');
  const hasExtension = dot > 0 && Buffer.byteLength(name.slice(dot)) <= MAX_EXTENSION_BYTES;
  const extension = hasExtension ? name.slice(dot) : '';
  return [cut(name.slice(0, name.length - extension.length), MAX_NAME_BYTES - Buffer.byteLength(extension)), extension];
}

/** Never through a character. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes;
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString();
}

function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase();
}
