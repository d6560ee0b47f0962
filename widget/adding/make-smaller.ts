/** Scales a picture down before it is fingerprinted and sent; whatever speaks against that sends the original. */
import { isAllowed } from '../ui/allowed-types.ts';
import { isAnimated } from './animated-picture.ts';

/** Larger than either is worth making smaller. */
const LARGE_BYTES = 1024 * 1024;
const MAX_SIDE_PX = 2048;
const QUALITY = 0.82;
/** A gain of less than a tenth is not worth the loss of detail. */
const WORTH_PART = 0.9;

const TYPES = /^image\/(jpeg|png|webp|hei[cf])$/;
const EXTENSIONS: Record<string, string> = { 'image/jpeg': 'jpg', 'image/webp': 'webp' };

/** The last of those that wait: a picture takes tens of megabytes while it is decoded. */
let last: Promise<unknown> = Promise.resolve();

/** The smaller picture under the same name with its new extension, or the file itself. Never rejects; one at a time. */
export function makeSmaller(file: File, allowedTypes: readonly string[]): Promise<File> {
  const turn = last.then(() => smaller(file, allowedTypes).catch(() => file));
  last = turn;
  return turn;
}

async function smaller(file: File, allowedTypes: readonly string[]): Promise<File> {
  if (!TYPES.test(file.type) || (await isAnimated(file))) return file;
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  try {
    const scale = Math.min(1, MAX_SIDE_PX / Math.max(bitmap.width, bitmap.height));
    if (scale === 1 && file.size <= LARGE_BYTES) return file;
    const canvas = drawn(bitmap, scale);
    const hasHoles = file.type !== 'image/jpeg' && isSeeThrough(canvas);
    for (const type of typesFor(file.type, hasHoles)) {
      if (!isAllowed(type, allowedTypes)) continue;
      const blob = await encoded(canvas, type);
      // A browser that cannot encode it gives a PNG instead.
      if (blob?.type !== type) continue;
      return blob.size <= file.size * WORTH_PART ? renamed(file, blob) : file;
    }
    return file;
  } finally {
    bitmap.close();
  }
}

/** A photo stays what every program opens; JPEG knows no transparency. */
function typesFor(type: string, hasHoles: boolean): string[] {
  if (hasHoles) return ['image/webp'];
  return type === 'image/jpeg' || /hei[cf]$/.test(type) ? ['image/jpeg', 'image/webp'] : ['image/webp', 'image/jpeg'];
}

function drawn(bitmap: ImageBitmap, scale: number): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = contextOf(canvas);
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function isSeeThrough(canvas: HTMLCanvasElement): boolean {
  const { data } = contextOf(canvas).getImageData(0, 0, canvas.width, canvas.height);
  for (let at = 3; at < data.length; at += 4) if (data[at] !== 255) return true;
  return false;
}

function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('No canvas here.');
  return context;
}

function encoded(canvas: HTMLCanvasElement, type: string): Promise<Blob | null> {
  return new Promise((resolve) => canvas.toBlob(resolve, type, QUALITY));
}

function renamed(file: File, blob: Blob): File {
  const name = `${file.name.replace(/\.[a-z0-9]{1,5}$/i, '')}.${EXTENSIONS[blob.type]}`;
  // JPEGs have many extensions, and all of them stay right.
  const keeps = blob.type === file.type && /\.[a-z0-9]{1,5}$/i.test(file.name);
  return new File([blob], keeps ? file.name : name, { type: blob.type, lastModified: file.lastModified });
}
