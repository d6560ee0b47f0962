/**
 * Puts the bytes of one body into the bucket: full parts into a multipart upload, and what fills none into small objects
 * (pieces) beside it, which go into the next part. First the bytes are stored, then the database counts them.
 */
import { HEAD_BYTES } from '../rules/detect-type.ts';
import { Failure } from '../rules/failure.ts';
import type { Bucket } from './s3-bucket.ts';
import type { S3Multiparts } from './s3-multipart.ts';
import { bytesOf, dropObjects, type IncomingNames, newPieceName, sourcesOf, streamOf, WHOLE } from './s3-pieces.ts';
import type { S3Reader } from './s3-read.ts';
import { type Piece, type S3Upload, type S3Uploads, unchanged } from './s3-uploads.ts';

export type S3WriterNeeds = {
  bucket: Bucket;
  multiparts: S3Multiparts;
  uploads: Pick<S3Uploads, 'change'>;
  reader: S3Reader;
  names: IncomingNames;
  /** What may wait in memory now; less is asked for when many uploads run. */
  heldBytes(): number;
};

export type S3Writer = {
  /** Where the next byte goes. */
  position(): number;
  write(chunks: readonly Buffer[], bytes: number): Promise<void>;
  /** All that was written is stored and counts when this returns. @returns the offset */
  settle(): Promise<number>;
  /** Nothing that was written counts. */
  takeBack(): Promise<void>;
};

/** Of one part, where parts are large since the file is. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
/** Above it some are put together. */
const MAX_PIECES = 32;

/** @param countsAtEnd nothing counts before `settle`, also after a crash */
export function createS3Writer(needs: S3WriterNeeds, upload: S3Upload, countsAtEnd: boolean): S3Writer {
  const { bucket, multiparts, uploads, reader, names } = needs;
  const before = upload;
  /** As it is in the bucket; in the database too, but for `staged`. */
  let now = upload;
  let staged = nothingStaged();
  /** Pieces that nothing needs any more, once the body has its end. */
  const spent: string[] = [];
  /** A change was asked for, and nobody knows whether it was made. */
  let isUnsure = false;
  const added: string[] = [];
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let head = upload.head;
  let position = upload.offset;
  /** Of the part that is being filled; with what is on its way to the bucket just now. */
  let tailBytes = bytesOf(upload.pieces);
  let storing: Promise<void> | null = null;
  let fault: { error: unknown } | null = null;
  // A file of one part is put there in one request, without the three of a multipart upload.
  const hasParts = upload.sizeBytes === null || upload.sizeBytes > upload.partSizeBytes;

  const count = async () => {
    const change = {
      ...unchanged(now),
      addParts: staged.parts,
      addPieces: staged.pieces,
      dropPieces: staged.dropped,
    };
    isUnsure = true;
    const isMade = await uploads.change(now.id, now.version, change);
    isUnsure = false;
    if (!isMade) throw overtaken();
    now = { ...now, version: now.version + 1 };
    spent.push(...staged.spent);
    staged = nothingStaged();
  };
  const drop = (pieces: readonly Piece[]) => {
    for (const { name } of pieces) {
      staged.spent.push(name);
      const isNew = staged.pieces.some((piece) => piece.name === name);
      if (isNew) staged.pieces = staged.pieces.filter((piece) => piece.name !== name);
      else staged.dropped.push(name);
    }
  };
  const add = (piece: Piece) => {
    staged.pieces.push(piece);
    added.push(piece.name);
  };

  const storePart = async (bytes: Buffer[], sizeBytes: number) => {
    const { id, pieces } = now;
    const multipart = now.multipart ?? (await multiparts.begin(names.object(id, WHOLE)));
    const number = now.parts + 1;
    const sources = sourcesOf(names, id, pieces);
    const etag =
      sources.length === 0
        ? await multiparts.put(multipart, number, joinedOf(bytes))
        : await bucket.putPartStream(
            multipart,
            number,
            () => streamOf(reader, sources, bytes),
            bytesOf(sources) + sizeBytes,
          );
    staged.parts.push({ number, etag });
    drop(pieces);
    now = { ...now, multipart, parts: number, pieces: [], offset: now.offset + sizeBytes };
  };
  const storePiece = async (bytes: Buffer[], sizeBytes: number) => {
    const piece = { start: now.offset, sizeBytes, name: newPieceName() };
    await bucket.put(names.object(now.id, piece.name), joinedOf(bytes));
    add(piece);
    now = { ...now, pieces: [...now.pieces, piece], offset: now.offset + sizeBytes };
  };

  /** One on its way, one that fills: more would only wait in memory. */
  const start = async (store: typeof storePart, bytes: number) => {
    await stored();
    const taken = take(waiting, bytes);
    waiting = taken.rest;
    waitingBytes -= bytes;
    if (head.length < HEAD_BYTES) head = Buffer.concat([head, ...taken.chunks]).subarray(0, HEAD_BYTES);
    const headNow = head;
    storing = (async () => {
      await store(taken.chunks, bytes);
      now = { ...now, head: headNow };
      if (!countsAtEnd) await count();
    })().catch((error: unknown) => {
      fault = { error };
    });
  };
  const stored = async () => {
    await storing;
    storing = null;
    if (fault !== null) throw fault.error;
  };

  const flush = async () => {
    await stored();
    if (waitingBytes === 0) return;
    const isLastPart = position === now.sizeBytes && now.parts > 0;
    await start(isLastPart ? storePart : storePiece, waitingBytes);
    await stored();
  };
  const putTogether = async () => {
    const from = now.pieces.length > MAX_PIECES ? firstToMerge(now.pieces) : now.pieces.length;
    const pieces = now.pieces.slice(from);
    const [first] = pieces;
    if (first === undefined) return;
    const piece = { start: first.start, sizeBytes: bytesOf(pieces), name: newPieceName() };
    const sources = sourcesOf(names, now.id, pieces);
    await bucket.putStream(names.object(now.id, piece.name), () => streamOf(reader, sources), piece.sizeBytes);
    add(piece);
    drop(pieces);
    now = { ...now, pieces: [...now.pieces.slice(0, from), piece] };
    await count();
  };
  const dropPieces = (pieces: readonly string[]) =>
    dropObjects(
      bucket,
      pieces.map((name) => names.object(now.id, name)),
    );

  return {
    position: () => position,
    async write(chunks, bytes) {
      waiting.push(...chunks);
      waitingBytes += bytes;
      position += bytes;
      for (;;) {
        const missingBytes = hasParts ? now.partSizeBytes - tailBytes : Number.POSITIVE_INFINITY;
        const held = Math.min(MAX_HELD_BYTES, now.partSizeBytes, needs.heldBytes());
        // It was put together for its finish: nobody sends bytes of it any more.
        if (missingBytes <= 0) throw overtaken();
        if (waitingBytes >= missingBytes) {
          tailBytes = 0;
          await start(storePart, missingBytes);
        } else if (waitingBytes >= held) {
          tailBytes += waitingBytes;
          await start(storePiece, waitingBytes);
        } else return;
      }
    },
    async settle() {
      await flush();
      if (countsAtEnd) await count();
      // Not needed to go on; the next body tries it again.
      await putTogether().catch(() => {});
      await dropPieces(spent);
      return now.offset;
    },
    async takeBack() {
      await storing;
      if (isUnsure) return;
      if (now.version > before.version) {
        const isThere = new Set(now.pieces.map(({ name }) => name));
        const change = {
          ...unchanged(before),
          multipart: now.multipart,
          addPieces: before.pieces.filter(({ name }) => !isThere.has(name)),
          dropPieces: added,
        };
        if (!(await uploads.change(now.id, now.version, change))) throw overtaken();
      }
      await dropPieces(added);
    },
  };
}

/** Who wrote to it is not who has the lock: that one's bytes count. */
export function overtaken(): Failure {
  return new Failure('try-again', 'Another request is writing to this upload.', { retryAfterSeconds: 1 });
}

/**
 * All from the first one on that is not larger than all behind it: each byte moves into an object of at least twice the
 * size, so it moves seldom however small the bodies are. Where there is none the pieces halve, and cannot be many.
 */
function firstToMerge(pieces: readonly Piece[]): number {
  let behind = bytesOf(pieces);
  for (const [index, { sizeBytes }] of pieces.entries()) {
    behind -= sizeBytes;
    if (sizeBytes <= behind) return index;
  }
  return pieces.length;
}

function nothingStaged() {
  return {
    parts: [] as { number: number; etag: string }[],
    pieces: [] as Piece[],
    dropped: [] as string[],
    spent: [] as string[],
  };
}

/** Lets go of the pieces at once: for a moment only both are in memory. */
function joinedOf(chunks: Buffer[]): Buffer {
  const joined = Buffer.concat(chunks);
  chunks.length = 0;
  return joined;
}

function take(chunks: readonly Buffer[], bytes: number): { chunks: Buffer[]; rest: Buffer[] } {
  const taken: Buffer[] = [];
  let missing = bytes;
  for (const [index, chunk] of chunks.entries()) {
    if (missing === 0) return { chunks: taken, rest: chunks.slice(index) };
    taken.push(chunk.subarray(0, missing));
    if (chunk.length > missing) return { chunks: taken, rest: [chunk.subarray(missing), ...chunks.slice(index + 1)] };
    missing -= chunk.length;
  }
  return { chunks: taken, rest: [] };
}
