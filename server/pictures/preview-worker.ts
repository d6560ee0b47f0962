/**
 * The process that decodes pictures: an entry of its own. It gets bytes, gives a thumbnail, and knows nothing else: no
 * setting, no path, no socket. It also gives the same picture in fewer bytes. What a picture does to it ends this process and nothing more.
 *
 *     in:   two lengths (4 bytes each), what is wanted as JSON, the picture
 *     out:  length (4 bytes), an answer as JSON, and the bytes of the picture that it announces
 */
import { writeFileSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { rgbaToThumbHash } from 'thumbhash';
import { compressed, NotMade } from './compress-picture.ts';
import {
  MAX_ANSWER_BYTES,
  MAX_PICTURE_BYTES,
  MAX_PICTURE_PIXELS,
  MAX_RESIDENT_BYTES,
  MAX_THUMBNAIL_BYTES,
  PLACEHOLDER_PX,
  THUMBNAIL_PX,
} from './limits.ts';
import type { WorkerAnswer, WorkerRequest } from './preview-answer.ts';

type MakeSharp = typeof import('sharp').default;

/** By what sharp calls them; no other decoder can be reached, least of all those of SVG, PDF and ImageMagick. */
const DECODERS: Record<string, string> = {
  jpeg: 'VipsForeignLoadJpeg',
  png: 'VipsForeignLoadPng',
  webp: 'VipsForeignLoadWebp',
  gif: 'VipsForeignLoadNsgif',
  heif: 'VipsForeignLoadHeif',
  tiff: 'VipsForeignLoadTiff',
};
const OPTIONS: SharpOptions = {
  failOn: 'error',
  limitInputPixels: MAX_PICTURE_PIXELS,
  sequentialRead: true,
  unlimited: false,
  pages: 1,
};
const QUALITY = 78;
const LOOK_AT_MEMORY_MS = 20;
/** Uploads come first. */
const NICE = 10;
const MAX_REASON_CHARACTERS = 300;

// Not awaited here: what is bundled for the single executable cannot wait at its top.
void loadSharp().then((sharp) => {
  if (sharp === null) return;
  prepare(sharp);
  answer({ is: 'ready' });
  readPictures((wanted, bytes) => answerFor(sharp, wanted, bytes));
});

async function loadSharp(): Promise<MakeSharp | null> {
  try {
    return (await import('sharp')).default;
  } catch (error) {
    answer({ is: 'unavailable', reason: reasonOf(error) });
    return null;
  }
}

function prepare(sharp: MakeSharp): void {
  tryTo(() => setPriority(NICE));
  // Where memory runs out, it is this process that goes.
  if (process.platform === 'linux') tryTo(() => writeFileSync('/proc/self/oom_score_adj', '1000'));
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ['VipsForeignLoad'] });
  sharp.unblock({ operation: Object.values(DECODERS) });
  setInterval(() => {
    if (process.memoryUsage.rss() <= MAX_RESIDENT_BYTES) return;
    // At once: the decoder runs beside this thread, and asks for more.
    answer({ is: 'refused', reason: 'it takes too much memory to decode' });
    process.kill(process.pid, 'SIGKILL');
  }, LOOK_AT_MEMORY_MS);
}

/** It is not allowed everywhere. */
function tryTo(work: () => void): void {
  try {
    work();
  } catch {
    // Without it then.
  }
}

async function answerFor(sharp: MakeSharp, wanted: WorkerRequest, bytes: Buffer): Promise<void> {
  try {
    const header = await checkedHeader(sharp, bytes);
    if (wanted.do === 'compress') {
      const picture = await compressed(() => sharp(bytes, OPTIONS), header, bytes, wanted);
      answer({ is: 'compressed', pictureBytes: picture.length }, picture);
    } else {
      const { thumbnail, ...facts } = await preview(sharp, bytes, header, wanted.isUpright);
      answer({ is: 'made', ...facts, thumbnailBytes: thumbnail.length }, thumbnail);
    }
  } catch (error) {
    const reason = error instanceof NotMade ? error.message : `it cannot be decoded: ${reasonOf(error)}`;
    answer({ is: 'refused', reason });
  }
}

/** What its header says is looked at before anything is decoded. @throws {NotMade} */
async function checkedHeader(sharp: MakeSharp, bytes: Buffer): Promise<Metadata> {
  const header = await sharp(bytes, { ...OPTIONS, limitInputPixels: false }).metadata();
  const { format, width, height } = header;
  if (format === undefined || !Object.hasOwn(DECODERS, format)) throw new NotMade(`no preview is made of ${format}`);
  const pixels = width * height;
  if (pixels > MAX_PICTURE_PIXELS)
    throw new NotMade(
      `it has ${Math.round(pixels / 1e6)} megapixels, and at most ${MAX_PICTURE_PIXELS / 1e6} are decoded`,
    );
  return header;
}

async function preview(sharp: MakeSharp, bytes: Buffer, { width, height, autoOrient }: Metadata, isUpright: boolean) {
  const picture = sharp(bytes, OPTIONS);
  const shown = isUpright ? { width, height } : autoOrient;
  // Nothing that stands beside the pixels comes along: sharp takes metadata only where it is asked to.
  const thumbnail = await (isUpright ? picture : picture.autoOrient())
    .resize(THUMBNAIL_PX, THUMBNAIL_PX, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .webp({ quality: QUALITY })
    .toBuffer();
  if (thumbnail.length > MAX_THUMBNAIL_BYTES) throw new NotMade('its thumbnail would be too large');
  return { thumbnail, width: shown.width, height: shown.height, placeholder: await placeholderOf(sharp(thumbnail)) };
}

/** A thumbhash: some 25 bytes that hold shape and colours. */
async function placeholderOf(thumbnail: Sharp): Promise<string> {
  const { data, info } = await thumbnail
    .resize(PLACEHOLDER_PX, PLACEHOLDER_PX, { fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return Buffer.from(rgbaToThumbHash(info.width, info.height, data)).toString('base64');
}

/** One after the other: the next is sent when the last was answered. The end of the pipe is the end of the process. */
function readPictures(take: (wanted: WorkerRequest, bytes: Buffer) => Promise<void>): void {
  let chunks: Buffer[] = [];
  let bytes = 0;
  process.stdin.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes < 8) return;
    if (chunks[0] !== undefined && chunks[0].length < 8) chunks = [Buffer.concat(chunks)];
    const wordsEnd = 8 + (chunks[0]?.readUInt32BE(0) ?? 0);
    const length = chunks[0]?.readUInt32BE(4) ?? 0;
    if (length > MAX_PICTURE_BYTES || wordsEnd > MAX_ANSWER_BYTES) process.exit(2);
    if (bytes < wordsEnd + length) return;
    const whole = Buffer.concat(chunks);
    chunks = [];
    bytes = 0;
    void take(JSON.parse(whole.toString('utf8', 8, wordsEnd)) as WorkerRequest, whole.subarray(wordsEnd));
  });
  for (const end of ['end', 'close', 'error']) process.stdin.on(end, () => process.exit());
}

/** Waits until it is written, so that nothing is lost where the process ends after it. */
function answer(words: WorkerAnswer, picture: Buffer = Buffer.alloc(0)): void {
  const json = Buffer.from(JSON.stringify(words));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  const whole = Buffer.concat([length, json, picture]);
  for (let written = 0; written < whole.length; ) written += writeSome(whole, written);
}

function writeSome(bytes: Buffer, from: number): number {
  try {
    return writeSync(process.stdout.fd, bytes, from);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') process.exit(1);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    return 0;
  }
}

function reasonOf(error: unknown): string {
  const [line = ''] = String((error as Error).message ?? error)
    .trim()
    .split('\n');
  return line.slice(0, MAX_REASON_CHARACTERS);
}
