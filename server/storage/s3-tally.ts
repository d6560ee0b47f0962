/** What one body has put into the bucket so far, and the steps by which the database comes to count it. */
import { Failure } from '../rules/failure.ts';
import { type Multipart, type Piece, type S3Upload, unchanged } from '../rules/s3-upload.ts';
import type { S3Uploads } from './s3-uploads.ts';

export type S3Tally = {
  /** As the bytes are in the bucket, counted or not. */
  readonly now: S3Upload;
  /** The next part is stored, and holds the pieces and so many bytes after them. */
  addPart(multipart: Multipart, etag: string, bytesAfter: number): void;
  addPiece(piece: Piece): void;
  /** One piece holds what these did. */
  replacePieces(pieces: readonly Piece[], by: Piece): void;
  noteHead(head: Buffer): void;
  /** On the row when this returns; only while nothing is staged. */
  noteFinalKey(key: string): Promise<void>;
  /** All of the above counts from here on, and is there after a crash. @throws {Failure} `try-again` when somebody else wrote */
  count(): Promise<void>;
  /** Nothing of the body counts any more. @returns the names of what it stored beside the parts, that nothing needs now */
  takeBack(): Promise<string[]>;
  /** Names of this body's own pieces that nothing needs any more, each named once: it is in a larger one, and that counts. */
  spentAlready(): string[];
  /** Names of all pieces that nothing needs any more, once no `takeBack` will come. */
  spent(): readonly string[];
};

export function createS3Tally(uploads: Pick<S3Uploads, 'change'>, upload: S3Upload): S3Tally {
  let now = upload;
  let staged = nothingStaged();
  let added: string[] = [];
  let spent: string[] = [];
  /** A change was asked for, and nobody knows whether it was made: what it names must stay. */
  let isUnsure = false;

  const change = async (to: Parameters<S3Uploads['change']>[2]) => {
    isUnsure = true;
    const isMade = await uploads.change(now.id, now.version, to);
    isUnsure = false;
    if (!isMade) throw overtaken();
    now = { ...now, version: now.version + 1 };
  };
  const drop = (pieces: readonly Piece[]) => {
    for (const { name } of pieces) {
      staged.spent.push(name);
      const isNew = staged.addPieces.some((piece) => piece.name === name);
      if (isNew) staged.addPieces = staged.addPieces.filter((piece) => piece.name !== name);
      else staged.dropPieces.push(name);
    }
  };
  const add = (piece: Piece) => {
    staged.addPieces.push(piece);
    added.push(piece.name);
  };
  return {
    get now() {
      return now;
    },
    addPart(multipart, etag, bytesAfter) {
      const number = now.parts + 1;
      staged.addParts.push({ number, etag });
      drop(now.pieces);
      now = { ...now, multipart, parts: number, pieces: [], offset: now.offset + bytesAfter };
    },
    addPiece(piece) {
      add(piece);
      now = { ...now, pieces: [...now.pieces, piece], offset: now.offset + piece.sizeBytes };
    },
    replacePieces(pieces, by) {
      add(by);
      drop(pieces);
      now = { ...now, pieces: [...now.pieces.filter((piece) => !pieces.includes(piece)), by] };
    },
    noteHead(head) {
      now = { ...now, head };
    },
    async noteFinalKey(key) {
      now = { ...now, finalKey: key };
      await this.count();
    },
    async count() {
      const { addParts, addPieces, dropPieces } = staged;
      await change({ ...unchanged(now), addParts, addPieces, dropPieces });
      spent.push(...staged.spent);
      staged = nothingStaged();
    },
    async takeBack() {
      if (isUnsure) return [];
      if (now.version > upload.version) {
        const isThere = new Set(now.pieces.map(({ name }) => name));
        const addPieces = upload.pieces.filter(({ name }) => !isThere.has(name));
        const { multipart, finalKey } = now;
        await change({ ...unchanged(upload), multipart, finalKey, addPieces, dropPieces: added });
      }
      return added;
    },
    spentAlready() {
      const own = new Set(spent.filter((name) => added.includes(name)));
      added = added.filter((name) => !own.has(name));
      spent = spent.filter((name) => !own.has(name));
      return [...own];
    },
    spent: () => spent,
  };
}

/** Who wrote to it is not who has the lock: that one's bytes count. */
export function overtaken(): Failure {
  return new Failure('try-again', 'Another request is writing to this upload.', { retryAfterSeconds: 1 });
}

function nothingStaged() {
  return {
    addParts: [] as { number: number; etag: string }[],
    addPieces: [] as Piece[],
    dropPieces: [] as string[],
    spent: [] as string[],
  };
}
