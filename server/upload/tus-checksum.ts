/** The checksum extension: what a request says its body's checksum is, and whether that is so. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Failure } from '../rules/failure.ts';

/** Name, as in `Tus-Checksum-Algorithm` → the length of its digest in bytes. */
const DIGEST_BYTES = { sha1: 20, sha256: 32, md5: 16, crc32c: 4 } as const;
type Algorithm = keyof typeof DIGEST_BYTES;
type Checksum = { algorithm: Algorithm; digest: Buffer };
type Hasher = { update(chunk: Buffer): unknown; digest(): Buffer };

export const CHECKSUM_ALGORITHMS = Object.keys(DIGEST_BYTES) as readonly Algorithm[];
/** Castagnoli's polynomial, its bits reversed (RFC 3720 section 12.1). */
const CRC32C_POLYNOMIAL = 0x82f63b78;

/** Sees a body as it comes and judges it at its end. */
export type ChunkChecksum = {
  update(chunks: readonly Buffer[]): void;
  /** @throws {Failure} `tus-checksum`, or `invalid-request` for a trailer that is malformed or did not come */
  verify(): void;
};

/**
 * What is wrong with the header is answered before a byte is read: "400 Bad Request if the checksum algorithm is not
 * supported by the server".
 */
export function checkChecksumHeader(request: IncomingMessage): void {
  const text = request.headers['upload-checksum'];
  if (text === undefined) return;
  if (announcesTrailer(request))
    throw new Failure('invalid-request', 'Send Upload-Checksum once: as a header or as a trailer.');
  parseChecksum(text);
}

/** @returns null when the request names no checksum */
export async function createChunkChecksum(request: IncomingMessage): Promise<ChunkChecksum | null> {
  const text = request.headers['upload-checksum'];
  if (text === undefined && !announcesTrailer(request)) return null;
  const announced = text === undefined ? null : parseChecksum(text);
  // "If the hash cannot be calculated at the beginning of the upload, it MAY be included as a trailer": which one it will
  // be is only said there, so all four are made.
  const names = announced === null ? CHECKSUM_ALGORITHMS : [announced.algorithm];
  const hashers = new Map<Algorithm, Hasher>();
  for (const name of names) hashers.set(name, await createHasher(name));
  return {
    update(chunks) {
      for (const hasher of hashers.values()) for (const chunk of chunks) hasher.update(chunk);
    },
    verify() {
      const { algorithm, digest } = announced ?? parseChecksum(request.trailers['upload-checksum']);
      if (hashers.get(algorithm)?.digest().equals(digest)) return;
      const detail = `The bytes are not those that the ${algorithm} checksum names. None of them was kept; send them again.`;
      throw new Failure('tus-checksum', detail);
    },
  };
}

/** A trailer that `Trailer` does not announce is not looked at: its body would have to be held back on suspicion. */
function announcesTrailer({ headers }: IncomingMessage): boolean {
  const names = headers.trailer?.split(',') ?? [];
  return names.some((name) => name.trim().toLowerCase() === 'upload-checksum');
}

/** "The header MUST consist of the name of the used checksum algorithm and the Base64 encoded checksum separated by a space." */
function parseChecksum(text: string | string[] | undefined): Checksum {
  if (text === undefined)
    throw new Failure('invalid-request', 'Upload-Checksum was announced as a trailer and did not come.');
  const [, name, encoded = ''] = /^([^ ]+) ([A-Za-z0-9+/]+={0,2})$/.exec(String(text)) ?? [];
  const algorithm = CHECKSUM_ALGORITHMS.find((known) => known === name);
  if (name !== undefined && algorithm === undefined)
    throw new Failure('invalid-request', `Checksums are made with ${CHECKSUM_ALGORITHMS.join(', ')}.`);
  const digest = Buffer.from(encoded, 'base64');
  const isWhole = algorithm !== undefined && digest.length === DIGEST_BYTES[algorithm];
  if (!isWhole || digest.toString('base64') !== encoded)
    throw new Failure('invalid-request', 'Upload-Checksum must be an algorithm, a space and the checksum in base64.');
  return { algorithm, digest };
}

async function createHasher(algorithm: Algorithm): Promise<Hasher> {
  if (algorithm !== 'crc32c') return createHash(algorithm);
  // Not with the rest: it brings a quarter of a megabyte of other hashes with it.
  const { createCRC32 } = await import('hash-wasm');
  const crc = await createCRC32(CRC32C_POLYNOMIAL);
  return { update: (chunk) => crc.update(chunk), digest: () => Buffer.from(crc.digest('binary')) };
}
