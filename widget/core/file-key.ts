/** A file's fingerprint, which finds its upload again after a reload, a rename or on another device. */
import { sha256 } from './sha256.ts';

const SAMPLE_BYTES = 64 * 1024;
/** Up to here every byte counts: two files with one key are the same file. */
export const WHOLE_BYTES = 8 * 1024 * 1024;

/**
 * SHA-256 of the size and the bytes; above `WHOLE_BYTES` of the first, middle and last 64 KiB, so that a film on a phone
 * costs no more. Independent of name and date, which a phone changes each time a file is picked. So a large file that
 * was edited in place between its samples has the same key: where this page can know, `chooseAgain` begins such a one
 * anew; after a reload nobody can, and its new end would be joined to its old beginning. Rejects when the file cannot
 * be read.
 */
export async function fileKey(file: Blob): Promise<string> {
  const samples = sampleRanges(file.size).map(([start, end]) => file.slice(start, end));
  const size = new DataView(new ArrayBuffer(8));
  size.setBigUint64(0, BigInt(file.size));
  const bytes = new Uint8Array(await new Blob([size.buffer, ...samples]).arrayBuffer());
  return `sha256-${toHex(await digest(bytes))}`;
}

function sampleRanges(size: number): [number, number][] {
  if (size <= WHOLE_BYTES) return [[0, size]];
  const middle = Math.floor((size - SAMPLE_BYTES) / 2);
  return [
    [0, SAMPLE_BYTES],
    [middle, middle + SAMPLE_BYTES],
    [size - SAMPLE_BYTES, size],
  ];
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  // Missing on insecure origins; the fallback gives the same key, so that a resume works across both.
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  return subtle ? new Uint8Array(await subtle.digest('SHA-256', bytes)) : sha256(bytes);
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
