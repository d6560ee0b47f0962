/** Makes pictures of every kind that is decoded: photos with a place in them, bombs, films, and broken ones. */
import { deflateRawSync } from 'node:zlib';
import exifr from 'exifr';
import sharp, { type Sharp } from 'sharp';
import { pngChunk } from './fixtures.ts';

export type PhotoFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'tiff' | 'gif';
export type PhotoOptions = {
  format?: PhotoFormat;
  width?: number;
  height?: number;
  /** As in Exif: 1 to 8. */
  orientation?: number;
  /** As cameras have it: many bytes, most of which nobody sees. */
  grain?: boolean;
  /** Place, camera, time and an XMP text with a secret word in it. */
  metadata?: boolean;
};

/** Stands in the metadata of every such photo, and nowhere else. */
export const SECRET_WORD = 'Rosenthaler Platz';
/** Left above, right above, left below, right below. */
const CORNERS = ['#ff0000', '#00ff00', '#0000ff', '#ffff00'] as const;

const ENCODING: Partial<Record<PhotoFormat, object>> = { jpeg: { quality: 95 }, avif: { effort: 0 } };

/** Four corners of four colours, so that one sees how it is turned. */
export function photo(options: PhotoOptions = {}): Promise<Buffer> {
  const { format = 'jpeg', width = 120, height = 80, orientation, grain = false, metadata = false } = options;
  let picture = grain ? grainyCorners(width, height) : plainCorners(width, height);
  if (metadata) {
    picture = picture
      .withIccProfile('p3')
      .withExif({
        IFD0: { Make: 'Chatdrop', Model: SECRET_WORD, DateTime: '2026:11:27 22:00:00' },
        IFD3: {
          GPSLatitudeRef: 'N',
          GPSLatitude: '52/1 31/1 47/1',
          GPSLongitudeRef: 'E',
          GPSLongitude: '13/1 24/1 5/1',
        },
      })
      .withXmp(xmpOf(SECRET_WORD));
  }
  if (orientation !== undefined) picture = picture.withMetadata({ orientation });
  return picture.toFormat(format, ENCODING[format] ?? {}).toBuffer();
}

function plainCorners(width: number, height: number): Sharp {
  const corner = (background: string, left: number, top: number) => ({
    input: {
      create: { width: Math.ceil(width / 2), height: Math.ceil(height / 2), channels: 3 as const, background },
    },
    left,
    top,
  });
  const [x, y] = [Math.floor(width / 2), Math.floor(height / 2)];
  return sharp({ create: { width, height, channels: 3, background: '#fff' } }).composite([
    corner(CORNERS[0], 0, 0),
    corner(CORNERS[1], x, 0),
    corner(CORNERS[2], 0, y),
    corner(CORNERS[3], x, y),
  ]);
}

function grainyCorners(width: number, height: number): Sharp {
  const raw = Buffer.alloc(width * height * 3);
  const colours = CORNERS.map((colour) => Buffer.from(colour.slice(1), 'hex'));
  for (let at = 0; at < raw.length; at += 1) {
    const pixel = Math.floor(at / 3);
    const corner = (pixel % width < width / 2 ? 0 : 1) + (pixel < (width * height) / 2 ? 0 : 2);
    // Noise, and each time the same.
    const mixed = Math.imul(at ^ (at >>> 9), 2_654_435_761);
    const grain = Math.imul(mixed ^ (mixed >>> 15), 2_246_822_519) >>> 26;
    raw[at] = Math.abs((colours[corner]?.[at % 3] ?? 0) - grain);
  }
  return sharp(raw, { raw: { width, height, channels: 3 } });
}

function xmpOf(word: string): string {
  return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="${word}"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;
}

/** Where it was taken, by readers that are not ours: libvips finds the Exif data in containers that exifr does not know. */
export async function placeIn(file: Buffer): Promise<{ latitude: number; longitude: number } | null> {
  const { exif } = await sharp(file)
    .metadata()
    .catch(() => ({ exif: undefined }));
  for (const bytes of [file, exif, exif?.subarray(6)]) {
    const place = bytes === undefined ? undefined : await exifr.gps(bytes).catch(() => undefined);
    if (place !== undefined) return place;
  }
  return null;
}

/** The colours in the four corners, each the nearest of `CORNERS`. */
export async function cornersOf(file: Buffer): Promise<string[]> {
  const { data, info } = await sharp(file)
    .toColourspace('srgb')
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const [left, right] = [Math.floor(info.width / 6), Math.floor((info.width * 5) / 6)];
  const [top, bottom] = [Math.floor(info.height / 6), Math.floor((info.height * 5) / 6)];
  return [
    [left, top],
    [right, top],
    [left, bottom],
    [right, bottom],
  ].map(([x = 0, y = 0]) => {
    const at = (y * info.width + x) * info.channels;
    const hex = [...data.subarray(at, at + 3)].map((value) => (value > 127 ? 'ff' : '00')).join('');
    return `#${hex}`;
  });
}

/** All pixels, as they are stored: nothing is turned. */
export async function pixelsOf(file: Buffer): Promise<Buffer> {
  return sharp(file, { animated: true }).raw().toBuffer();
}

/** Grey, of nothing but zeros, with all its compressed bytes there: a PNG that is small as a file and large as a picture. */
export function largePng(width: number, height: number, bits: 1 | 8): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([bits, 0, 0, 0, 0], 8);
  const bytes = height * (Math.ceil((width * bits) / 8) + 1);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    pngChunk('IHDR', header),
    pngChunk('IDAT', deflatedZeros(bytes)),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** As zlib would, without going through all of them: blocks that are alike follow one another. */
function deflatedZeros(bytes: number): Buffer {
  const blockBytes = 1024 * 1024;
  const block = deflateRawSync(Buffer.alloc(blockBytes), { finishFlush: 2 });
  const rest = deflateRawSync(Buffer.alloc(bytes % blockBytes));
  const checksum = Buffer.alloc(4);
  // Adler-32 of zeros: the first sum stays 1, the second counts them.
  checksum.writeUInt16BE(bytes % 65521, 0);
  checksum.writeUInt16BE(1, 2);
  return Buffer.concat([
    Buffer.from([0x78, 0x9c]),
    ...Array.from({ length: Math.floor(bytes / blockBytes) }, () => block),
    rest,
    checksum,
  ]);
}

/** Of one pixel each. */
export function gifOfFrames(frames: number): Buffer {
  const frame = Buffer.from([
    ...[0x21, 0xf9, 4, 0, 10, 0, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0],
  ]);
  return Buffer.concat([
    Buffer.from('GIF89a'),
    Buffer.from([1, 0, 1, 0, 0x80, 0, 0, 200, 30, 30, 30, 30, 200]),
    ...Array.from({ length: frames }, () => frame),
    Buffer.from([0x3b]),
  ]);
}

export async function webpOfFrames(frames: number): Promise<Buffer> {
  const size = 16;
  const raw = Buffer.alloc(size * size * frames * 3);
  for (let at = 0; at < raw.length; at += 1) raw[at] = (at * 7919) % 251;
  const whole = { width: size, height: size * frames, channels: 3 as const, pageHeight: size };
  return sharp(raw, { raw: whole }).webp({ loop: 0 }).toBuffer();
}

/** One that moves, of 16 × 16: the same frame over and over, in a file that is right for all that. */
export async function manyFrames(format: 'webp' | 'png', frames: number): Promise<Buffer> {
  return format === 'webp' ? repeatFrame(await webpOfFrames(2), frames) : apngOfFrames(frames);
}

function repeatFrame(webp: Buffer, frames: number): Buffer {
  const at = webp.indexOf('ANMF');
  const bytes = 8 + webp.readUInt32LE(at + 4);
  const whole = Buffer.concat([
    webp.subarray(0, at),
    ...Array.from({ length: frames }, () => webp.subarray(at, at + bytes)),
  ]);
  whole.writeUInt32LE(whole.length - 8, 4);
  return whole;
}

/** As browsers show it; who knows nothing of it sees the first frame. */
async function apngOfFrames(frames: number): Promise<Buffer> {
  const size = 16;
  const plain = await sharp({ create: { width: size, height: size, channels: 3, background: '#f00' } })
    .png()
    .toBuffer();
  const at = plain.indexOf('IDAT') - 4;
  const data = plain.subarray(at + 8, at + 8 + plain.readUInt32BE(at));
  const numbers = (...values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length);
    values.forEach((value, index) => {
      bytes.writeUInt32BE(value, 4 * index);
    });
    return bytes;
  };
  const control = (sequence: number) =>
    pngChunk('fcTL', Buffer.concat([numbers(sequence, size, size, 0, 0), Buffer.from([0, 1, 0, 10, 0, 0])]));
  return Buffer.concat([
    plain.subarray(0, at),
    pngChunk('acTL', numbers(frames, 0)),
    control(0),
    pngChunk('IDAT', data),
    ...Array.from({ length: frames - 1 }, (_, frame) => [
      control(2 * frame + 1),
      pngChunk('fdAT', Buffer.concat([numbers(2 * frame + 2), data])),
    ]).flat(),
    pngChunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A container as phones write it, around bytes that are no picture: with an Exif item, an XMP item, and its film behind it. */
export async function heicFile(): Promise<{ file: Buffer; picture: Buffer }> {
  const [exif] = [await exifOfPhoto()];
  const picture = Buffer.alloc(5000, 'pixels ');
  const items = [
    { id: 1, kind: 'hvc1', bytes: picture },
    { id: 2, kind: 'Exif', bytes: Buffer.concat([Buffer.from([0, 0, 0, 6]), Buffer.from('Exif\0\0'), exif]) },
    { id: 3, kind: 'mime', bytes: Buffer.from(xmpOf(SECRET_WORD)) },
  ];
  const ftyp = box('ftyp', Buffer.from('heic\0\0\0\0mif1heic', 'latin1'));
  const meta = (mdatAt: number) => {
    let at = mdatAt + 8;
    const places = items.map(({ id, bytes }) => {
      const entry = Buffer.alloc(14);
      entry.writeUInt16BE(id, 0);
      entry.writeUInt16BE(1, 4);
      entry.writeUInt32BE(at, 6);
      entry.writeUInt32BE(bytes.length, 10);
      at += bytes.length;
      return entry;
    });
    const infos = items.map(({ id, kind }) =>
      box(
        'infe',
        Buffer.concat([Buffer.from([2, 0, 0, 0, 0, id, 0, 0]), Buffer.from(`${kind}\0application/rdf+xml\0`)]),
      ),
    );
    return box(
      'meta',
      Buffer.concat([
        Buffer.alloc(4),
        box('hdlr', Buffer.concat([Buffer.alloc(8), Buffer.from('pict'), Buffer.alloc(13)])),
        box('pitm', Buffer.from([0, 0, 0, 0, 0, 1])),
        box('iinf', Buffer.concat([Buffer.from([0, 0, 0, 0, 0, items.length]), ...infos])),
        box('iloc', Buffer.concat([Buffer.from([0, 0, 0, 0, 0x44, 0, 0, items.length]), ...places])),
      ]),
    );
  };
  const mdatAt = ftyp.length + meta(0).length;
  const mdat = box('mdat', Buffer.concat(items.map(({ bytes }) => bytes)));
  const film = box('mpvd', Buffer.from(`+52.5297+013.4015/ ${SECRET_WORD}`));
  return { file: Buffer.concat([ftyp, meta(mdatAt), mdat, film]), picture };
}

function box(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length + 8, 0);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body]);
}

/** From its byte order on. */
async function exifOfPhoto(): Promise<Buffer> {
  const { exif = Buffer.alloc(0) } = await sharp(await photo({ metadata: true })).metadata();
  return exif.subarray(exif.toString('latin1', 0, 4) === 'Exif' ? 6 : 0);
}

/** The same file with a few of its bits turned over, or without its end; the same for the same seed. */
export function broken(file: Buffer, seed: number): Buffer {
  let state = (seed + 1) * 2_654_435_761;
  const next = (below: number) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e37_79b9) >>> 0;
    return state % below;
  };
  if (seed % 3 === 0) return file.subarray(0, 16 + next(file.length - 16));
  const copy = Buffer.from(file);
  for (let flips = 1 + next(12); flips > 0; flips -= 1) {
    const at = 12 + next(copy.length - 12);
    copy[at] = (copy[at] as number) ^ (1 << next(8));
  }
  return copy;
}
