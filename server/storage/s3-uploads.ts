/** What the S3 storage knows of an unfinished upload: the database keeps it, and decides which bytes count. */

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

export type S3Uploads = {
  insert(upload: Omit<S3Upload, 'version' | 'multipart' | 'finalKey' | 'parts'>): Promise<void>;
  offsetOf(id: string): Promise<number | null>;
  headOf(id: string): Promise<Buffer | null>;
  find(id: string): Promise<S3Upload | null>;
  /** In order of the parts' numbers. */
  etagsOf(id: string): Promise<string[]>;
  /** All of the change, or nothing. @returns false when another change was quicker, or the upload is gone */
  change(id: string, version: number, change: S3Change): Promise<boolean>;
  remove(id: string): Promise<void>;
  /** Who else needs what is at a key: a file that is shared or being made, or another upload whose place it is. */
  othersAt(key: string, id: string): Promise<{ isFile: boolean; isPlace: boolean }>;
  ids(): AsyncIterable<string>;
};

/** A change that changes nothing, to say the rest on top of. */
export function unchanged({ offset, parts, head, multipart, finalKey }: S3Upload): S3Change {
  return { offset, parts, head, multipart, finalKey, addParts: [], addPieces: [], dropPieces: [] };
}
