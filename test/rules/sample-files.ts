/** Small real files, made in code: the first bytes that programs write, filled up where a head must be full. */

const text = new TextEncoder();

/** Bytes of numbers, of text (UTF-8), and of other bytes, one after another. */
export function bytes(...parts: (number | string | Uint8Array)[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'number') return Uint8Array.of(part);
      return typeof part === 'string' ? text.encode(part) : part;
    }),
  );
}

export function hex(digits: string): Uint8Array {
  return Buffer.from(digits.replaceAll(' ', ''), 'hex');
}

export function utf16(content: string, order: 'le' | 'be', mark = true): Uint8Array {
  const units = Buffer.from(mark ? `\uFEFF${content}` : content, 'utf16le');
  return order === 'le' ? units : units.swap16();
}

export function latin1(content: string): Uint8Array {
  return Buffer.from(content, 'latin1');
}

/** `head`, then noise up to 4096 bytes, as of a longer file. The noise is always the same. */
export function longer(head: Uint8Array): Uint8Array {
  const full = noise(4096, 7);
  full.set(head);
  return full;
}

/** The same bytes for the same seed: xorshift32. */
export function noise(lengthBytes: number, seed: number): Uint8Array {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return Uint8Array.from({ length: lengthBytes }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}

const ftyp = (brand: string) => bytes(hex('0000001c'), 'ftyp', brand, hex('00000200'), 'isomiso2', hex('00000000'));

export const png = bytes(
  hex('89504e470d0a1a0a 0000000d 49484452 00000001 00000001 08060000001f15c489'),
  hex('0000000d 49444154 789c626001000000ffff03000006000557bfabd4 0000000049454e44ae426082'),
);
export const jpeg = bytes(
  hex('ffd8ffe000104a46494600010100000100010000'),
  hex('ffdb004300'),
  noise(64, 1),
  hex('ffd9'),
);
export const gif = hex('47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b');
export const webp = bytes('RIFF', hex('24000000'), 'WEBPVP8 ', noise(28, 2));
export const bmp = bytes('BM', hex('46000000 00000000 36000000 28000000 02000000 02000000 01001800'), noise(40, 3));
export const tiff = bytes(hex('49492a00 00100000'), noise(200, 4)); // its directory lies behind the head
export const heic = bytes(ftyp('heic'), hex('00000000'));
export const avif = bytes(ftyp('avif'), hex('00000000'));
export const mp4 = longer(ftyp('isom'));
export const m4a = longer(ftyp('M4A '));
export const mov = longer(ftyp('qt  '));
export const mp3WithTag = longer(bytes('ID3', hex('0300 00 00020000'), 'TIT2')); // a tag of 32 KiB, with a cover picture
export const mp3 = longer(hex('fffb9064 00000000 00000000'));
export const wav = bytes(
  'RIFF',
  hex('24000000'),
  'WAVEfmt ',
  hex('10000000 0100 0100 44ac0000 88580100 0200 1000'),
  'data',
);
export const ogg = bytes(
  'OggS',
  hex('0002 0000000000000000 11223344 00000000 00000000 01 1e'),
  hex('01'),
  'vorbis',
  noise(23, 5),
);
export const flac = longer(bytes('fLaC', hex('00000022')));
export const webm = bytes(
  hex('1a45dfa3 9f4286810142f7810142f2810442f381084282 84'),
  'webm',
  hex('42878104 42858102'),
  noise(20, 6),
);
/** As a browser records it: a segment of unknown length, then what it holds, sound (`02`) or a picture (`01`) for each track. */
export const recording = (docType: 'webm' | 'matroska', ...tracks: string[]) => {
  const entries = tracks.map((type) => `ae86 d78101 8381${type}`).join('');
  return bytes(
    hex(docType === 'webm' ? '1a45dfa3 87 4282 84' : '1a45dfa3 8b 4282 88'),
    docType,
    hex(
      `18538067 01ffffffffffffff 1549a966 85 2ad7b181ff 1654ae6b ${(0x80 + tracks.length * 8).toString(16)} ${entries}`,
    ),
    hex('1f43b675 01ffffffffffffff e78100'),
    noise(40, 6),
  );
};
export const amr = bytes('#!AMR\n', hex('3c91171652'), noise(30, 8));
export const pdf = bytes('%PDF-1.7\n%', hex('e2e3cfd3'), '\n1 0 obj\n<</Type/Catalog>>\nendobj\n');
export const rtf = bytes('{\\rtf1\\ansi Hello}');
export const gzip = bytes(hex('1f8b0800000000000003'), noise(20, 9));
export const sevenZip = bytes(hex('377abcaf271c0004'), noise(24, 10));
export const ole = bytes(hex('d0cf11e0a1b11ae1'), new Uint8Array(16), hex('3e000300feff0900'), new Uint8Array(4064));

export const windowsProgram = bytes(
  'MZ',
  hex('90000300000004000000ffff0000b800'),
  new Uint8Array(40),
  'This program cannot be run in DOS mode.',
);
export const elf = hex('7f454c4602010100000000000000000002003e0001000000');
export const machO = hex('cffaedfe07000001030000000200000010000000');
export const fatMachO = hex('cafebabe00000002010000070000000300004000');
export const javaClass = hex('cafebabe00000041001d0a0002');
export const wasm = hex('0061736d01000000');
export const dex = bytes('dex\n035', hex('00'), noise(30, 11));
