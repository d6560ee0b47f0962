/** Makes the files that tests share: harmless ones of any size, and those that must be refused. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { crc32, deflateSync } from 'node:zlib';

const CHUNK_BYTES = 256 * 1024;
const PNG_SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** A PNG that every decoder takes, `width` × `height`, and of exactly `bytes` bytes where given (an ancillary chunk fills it up). */
export function pngFile({ bytes, width = 1, height = 1, seed = 1 }: PngOptions = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const row = Buffer.concat([Buffer.from([0]), Buffer.alloc(width * 3, (seed * 37) % 256)]);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  const start = Buffer.concat([PNG_SIGNATURE, pngChunk('IHDR', header)]);
  const end = Buffer.concat([pngChunk('IDAT', pixels), pngChunk('IEND', Buffer.alloc(0))]);
  if (bytes === undefined) return Buffer.concat([start, end]);
  const fillerBytes = bytes - start.length - end.length - 12;
  if (fillerBytes < 0) throw new Error(`A PNG of ${width} × ${height} does not fit into ${bytes} bytes.`);
  return Buffer.concat([start, pngChunk('teSt', pseudoRandom(fillerBytes, seed)), end]);
}

export type PngOptions = { bytes?: number; width?: number; height?: number; seed?: number };

/** An mp4 by its first bytes, of exactly `bytes` bytes; the rest is repeatable noise. Small ones only: see `mp4Stream`. */
export function mp4File(bytes: number, seed = 1): Buffer {
  return Buffer.concat([...mp4Chunks(bytes, seed)]);
}

/** The same file as `mp4File` makes, chunk by chunk: any size, never whole in memory. */
export function mp4Stream(bytes: number, seed = 1): Readable {
  return Readable.from(mp4Chunks(bytes, seed), { objectMode: false });
}

export function pdfFile(bytes = 600): Buffer {
  const start = Buffer.from(
    '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
      '3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj\n',
  );
  const end = Buffer.from('\ntrailer<</Root 1 0 R>>\n%%EOF\n');
  return Buffer.concat([start, Buffer.alloc(Math.max(0, bytes - start.length - end.length), '%'), end]);
}

export function textFile(bytes = 64, line = 'Just a line of text, nothing else.\n'): Buffer {
  return Buffer.alloc(bytes, line);
}

/** A Windows program: MZ and PE headers where they belong. */
export function exeFile(bytes = 2048): Buffer {
  const file = Buffer.alloc(Math.max(bytes, 512));
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(0x80, 0x3c);
  file.write('PE\0\0', 0x80, 'latin1');
  file.writeUInt16LE(0x8664, 0x84);
  return file;
}

/** A Linux program's first bytes. */
export function elfFile(bytes = 2048): Buffer {
  const file = Buffer.alloc(bytes);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0], 0);
  file.writeUInt16LE(2, 16);
  file.writeUInt16LE(0x3e, 18);
  return file;
}

export function scriptFile(): Buffer {
  return Buffer.from('#!/bin/sh\nrm -rf "$HOME"\n');
}

export function htmlFile(bytes = 2048): Buffer {
  const start = '<!DOCTYPE html>\n<html><head><title>hello</title></head><body><script>alert(1)</script>';
  return Buffer.concat([Buffer.from(start), Buffer.alloc(Math.max(0, bytes - start.length), 'text ')]);
}

export function svgFile(): Buffer {
  return Buffer.from(
    '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"><script>alert(1)</script></svg>\n',
  );
}

/** Lower-case hex. */
export async function sha256Of(content: Buffer | Readable): Promise<string> {
  const hash = createHash('sha256');
  if (Buffer.isBuffer(content)) return hash.update(content).digest('hex');
  for await (const chunk of content) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

function* mp4Chunks(bytes: number, seed: number): Generator<Buffer> {
  const start = Buffer.from('\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41\0\0\0\x08free', 'latin1');
  yield start.subarray(0, bytes);
  const noise = pseudoRandom(CHUNK_BYTES, seed);
  for (let at = start.length, chunk = 0; at < bytes; at += CHUNK_BYTES, chunk += 1) {
    // Numbered, so that two chunks that change places change the hash.
    const piece = Buffer.from(noise);
    piece.writeUInt32BE(chunk, 0);
    yield piece.subarray(0, Math.min(CHUNK_BYTES, bytes - at));
  }
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(data.length, 0);
  chunk.set(body, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return chunk;
}

/** The same bytes for the same seed (xorshift32). */
function pseudoRandom(bytes: number, seed: number): Buffer {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = seed * 2_654_435_761 || 1;
  for (let at = 0; at < words.length; at += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[at] = state;
  }
  return Buffer.from(words.buffer, 0, bytes);
}
