/** Whether a PNG or WebP moves: a canvas would keep its first picture only. */

const HEAD_BYTES = 64 * 1024;
const ANIMATION_FLAG = 0x02;

/** Reads at most the first 64 KiB. */
export async function isAnimated(file: File): Promise<boolean> {
  const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (textAt(bytes, 0, 4) === 'RIFF') return textAt(bytes, 12, 4) === 'VP8X' && ((bytes[20] ?? 0) & ANIMATION_FLAG) > 0;
  return textAt(bytes, 1, 3) === 'PNG' && hasAnimationControl(bytes);
}

/** APNG: `acTL` has to come before the first `IDAT`. */
function hasAnimationControl(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer);
  for (let at = 8; at + 8 <= bytes.length; ) {
    const type = textAt(bytes, at + 4, 4);
    if (type === 'acTL') return true;
    if (type === 'IDAT') return false;
    at += 12 + view.getUint32(at);
  }
  return false;
}

function textAt(bytes: Uint8Array, start: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
