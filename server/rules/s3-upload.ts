/** What is known of an unfinished upload in a bucket: the database keeps it, and decides which bytes count. */

/** An object in the bucket that holds bytes which are in no part. */
export type Piece = { start: number; sizeBytes: number; name: string };
export type Multipart = { key: string; id: string };

export type S3Upload = {
  id: string;
  /** Null while the length is deferred. */
  sizeBytes: number | null;
  /** Of all parts but the last. */
  partSizeBytes: number;
  /** The bytes that count: first those of the parts, then those of the pieces. */
  offset: number;
  /** Stored parts, numbered from 1. */
  parts: number;
  /** Each change makes the next one; who changes names the one that it saw. */
  version: number;
  /** The first bytes: those of a part cannot be read before all are put together. */
  head: Buffer;
  multipart: Multipart | null;
  /** Where the file will be, if that is known: nothing is begun there before. Who has a row is no shared file yet. */
  finalKey: string | null;
  /** In the order of their bytes. */
  pieces: Piece[];
};

export type S3Change = {
  offset: number;
  /** Parts above are forgotten. */
  parts: number;
  addParts: readonly { number: number; etag: string }[];
  addPieces: readonly Piece[];
  /** By their names. */
  dropPieces: readonly string[];
  head: Buffer;
  multipart: Multipart | null;
  finalKey: string | null;
};

/** A change that changes nothing, to say the rest on top of. */
export function unchanged({ offset, parts, head, multipart, finalKey }: S3Upload): S3Change {
  return { offset, parts, head, multipart, finalKey, addParts: [], addPieces: [], dropPieces: [] };
}
