/**
 * Puts the bytes of one body into the bucket: full parts into a multipart upload, and what fills none into small objects
 * (pieces) beside it, which go into the next part. First the bytes are stored, then the database counts them.
 */
import { HEAD_BYTES } from '../rules/detect-type.ts';
import type { Multipart, Piece, S3Upload } from '../rules/s3-upload.ts';
import type { PartMemory } from './part-memory.ts';
import { type Bucket, endMultiparts } from './s3-bucket.ts';
import type { S3Multiparts } from './s3-multipart.ts';
import { bytesOf, dropObjects, type IncomingNames, newPieceName, sourcesOf, streamOf, WHOLE } from './s3-pieces.ts';
import type { S3Reader } from './s3-read.ts';
import { createS3Tally, overtaken, type S3Tally } from './s3-tally.ts';
import type { S3Uploads } from './s3-uploads.ts';

export type S3WriterNeeds = {
  bucket: Bucket;
  multiparts: S3Multiparts;
  uploads: Pick<S3Uploads, 'change'>;
  reader: S3Reader;
  names: IncomingNames;
  memory: PartMemory;
  /** What may wait in memory now; it is less when many uploads run. */
  heldBytes(): number;
  /** What waits so long is stored. */
  maxWaitingMs: number;
  /** Where the file will be; null where that is not known yet. */
  place(): Promise<string | null>;
};

/** Of one part, where parts are large since the file is. */
const MAX_HELD_BYTES = 32 * 1024 * 1024;
/** Of one body. A store takes several at once sooner than the same one after the other. */
const MAX_PARTS_UNDER_WAY = 4;
/** With those behind a part that takes long: that they are stored is worth nothing should it fail. */
const MAX_PARTS_UNCOUNTED = 2 * MAX_PARTS_UNDER_WAY;
/** Above it some are put together. */
const MAX_PIECES = 32;

/** Stores bytes that were taken from what waits. */
type Store = (bytes: Buffer[], sizeBytes: number) => Promise<Note>;
/** What was stored is in the tally. */
type Note = () => void;
type Begun = { isStored: boolean; counted: Promise<void> };

/** One body's life. Calls wait for each other; after a fault of the store only `settle` and `takeBack` are left. */
export class S3Writer {
  private readonly needs: S3WriterNeeds;
  private readonly tally: S3Tally;
  private readonly countsAtEnd: boolean;
  private waiting: Buffer[] = [];
  private waitingBytes = 0;
  /** In pieces, or on the way into one: what the next part begins with. */
  private tailBytes: number;
  private nextByte: number;
  private head: Buffer;
  /** Ends when all that was begun is stored and counts, in the order of its bytes. */
  private storing: Promise<void> = Promise.resolve();
  /** Of each part, until its bytes are there or nobody waits for them. */
  private readonly partsUnderWay = new Set<Promise<void>>();
  /** All that was begun and does not count yet, the oldest first. */
  private readonly uncounted: Begun[] = [];
  private beginning: Promise<Multipart> | null = null;
  private partsBegun: number;
  private lastWasPart = true;
  private fault: { error: unknown } | null = null;
  private turn: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  /** @param countsAtEnd nothing counts before `settle`, also after a crash */
  constructor(needs: S3WriterNeeds, upload: S3Upload, countsAtEnd: boolean) {
    this.needs = needs;
    this.tally = createS3Tally(needs.uploads, upload);
    this.countsAtEnd = countsAtEnd;
    this.tailBytes = bytesOf(upload.pieces);
    this.partsBegun = upload.parts;
    this.nextByte = upload.offset;
    this.head = upload.head;
  }

  /** Where the next byte goes. */
  position(): number {
    return this.nextByte;
  }

  write(chunks: readonly Buffer[], bytes: number): Promise<void> {
    return this.inTurn(async () => {
      this.waiting.push(...chunks);
      this.waitingBytes += bytes;
      this.nextByte += bytes;
      await this.storeWhatIsDue();
      if (!this.countsAtEnd && this.waitingBytes > 0)
        this.timer ??= setTimeout(() => this.storeLate(), this.needs.maxWaitingMs);
    });
  }

  /** All that was written is stored and counts when this returns. @returns the offset */
  settle(): Promise<number> {
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      await this.stored();
      if (this.waitingBytes > 0) {
        const { sizeBytes, parts } = this.tally.now;
        const isLastPart = this.nextByte === sizeBytes && parts > 0;
        const isWhole = this.nextByte === sizeBytes && this.waitingBytes === sizeBytes;
        const store = isLastPart ? this.storePart : isWhole ? this.storeWhole : this.storePiece;
        await this.start(store, this.waitingBytes);
        await this.stored();
      }
      if (this.countsAtEnd) await this.tally.count();
      // Not needed to go on; the next body tries it again.
      await this.putTogether().catch(() => {});
      await this.drop(this.tally.spent());
      return this.tally.now.offset;
    });
  }

  /** Nothing that was written counts. */
  takeBack(): Promise<void> {
    clearTimeout(this.timer);
    return this.inTurn(async () => {
      await this.storing;
      await this.drop(await this.tally.takeBack());
    });
  }

  private async storeWhatIsDue(): Promise<void> {
    const { sizeBytes, partSizeBytes } = this.tally.now;
    // A file of one part is put there in one request, without the three of a multipart upload.
    const hasParts = sizeBytes === null || sizeBytes > partSizeBytes;
    for (;;) {
      const missingBytes = hasParts ? partSizeBytes - this.tailBytes : Number.POSITIVE_INFINITY;
      // It was put together for its finish: nobody sends bytes of it any more.
      if (missingBytes <= 0) throw overtaken();
      if (this.waitingBytes >= missingBytes) {
        this.tailBytes = 0;
        await this.start(this.storePart, missingBytes);
      } else if (this.waitingBytes >= Math.min(MAX_HELD_BYTES, partSizeBytes, this.needs.heldBytes())) {
        await this.startPiece();
      } else return;
    }
  }

  private storeLate(): void {
    this.timer = undefined;
    // A fault is told by the next call.
    void this.inTurn(async () => {
      if (this.waitingBytes === 0) return;
      await this.startPiece();
      await this.stored();
      // A body that trickles for days stores many.
      await this.putTogether();
      await this.drop(this.tally.spentAlready());
    }).catch(() => {});
  }

  private async startPiece(): Promise<void> {
    this.tailBytes += this.waitingBytes;
    await this.start(this.storePiece, this.waitingBytes);
  }

  /** Returns when there is room for more: what is on its way, and what fills, are within this body's share of memory. */
  private async start(store: Store, bytes: number): Promise<void> {
    const follows = store === this.storePart && this.mayFollow();
    await (follows ? this.roomForPart(bytes) : this.stored());
    // What is left has only just come.
    clearTimeout(this.timer);
    this.timer = undefined;
    const { chunks, rest } = take(this.waiting, bytes);
    this.waiting = rest;
    this.waitingBytes -= bytes;
    if (this.head.length < HEAD_BYTES) this.head = headOf([this.head, ...chunks]);
    const stored = store.call(this, chunks, bytes);
    this.lastWasPart = store === this.storePart;
    if (this.lastWasPart) this.noteUnderWay(stored);
    this.storing = this.countInTurn(stored);
  }

  private noteUnderWay(stored: Promise<Note>): void {
    const ended: Promise<void> = stored.then(
      () => {},
      () => {},
    );
    this.partsUnderWay.add(ended);
    void ended.then(() => this.partsUnderWay.delete(ended));
  }

  /** It counts only behind what comes before it; and what is stored behind it by then counts with it, by one change. */
  private countInTurn(stored: Promise<Note>): Promise<void> {
    const { head, storing: before } = this;
    const begun: Begun = { isStored: false, counted: before };
    stored.then(
      () => {
        begun.isStored = true;
      },
      () => {},
    );
    begun.counted = before.then(async () => {
      try {
        const note = await stored;
        if (this.fault !== null) return;
        note();
        this.tally.noteHead(head);
        const isNextStored = this.uncounted[1]?.isStored === true;
        if (!this.countsAtEnd && !isNextStored) await this.tally.count();
      } catch (error) {
        this.fault ??= { error };
      } finally {
        this.uncounted.shift();
      }
    });
    this.uncounted.push(begun);
    return begun.counted;
  }

  /** One that takes pieces into itself goes alone: which they are is known when they are stored. */
  private mayFollow(): boolean {
    const { multipart, pieces } = this.tally.now;
    return (multipart !== null || this.beginning !== null) && pieces.length === 0 && this.lastWasPart;
  }

  private async roomForPart(bytes: number): Promise<void> {
    const room = Math.floor((2 * this.needs.heldBytes()) / bytes) - 1;
    const most = Math.max(1, Math.min(MAX_PARTS_UNDER_WAY, room));
    while (this.partsUnderWay.size >= most) await Promise.race(this.partsUnderWay);
    while (this.uncounted.length >= MAX_PARTS_UNCOUNTED) await this.uncounted[0]?.counted;
    if (this.fault !== null) throw this.fault.error;
  }

  private async stored(): Promise<void> {
    await this.storing;
    if (this.fault !== null) throw this.fault.error;
  }

  private async storePart(bytes: Buffer[], sizeBytes: number): Promise<Note> {
    this.partsBegun += 1;
    const number = this.partsBegun;
    const { bucket, reader, names } = this.needs;
    const { id, pieces, multipart: begun } = this.tally.now;
    this.beginning ??= begun === null ? this.begin(id) : Promise.resolve(begun);
    const multipart = await this.beginning;
    const sources = sourcesOf(names, id, pieces);
    const makeBody = () => streamOf(reader, sources, bytes);
    const etag =
      sources.length === 0
        ? await this.joined(bytes, sizeBytes, (part) => bucket.putPart(multipart, number, part))
        : await bucket.putPartStream(multipart, number, makeBody, bytesOf(sources) + sizeBytes);
    return () => this.tally.addPart(multipart, etag, sizeBytes);
  }

  private async begin(id: string): Promise<Multipart> {
    const { multiparts, names } = this.needs;
    return multiparts.begin((await this.takePlace()) ?? names.object(id, WHOLE));
  }

  /** What is not stored may still be on its way: that memory is left to the collector. */
  private async joined<T>(chunks: Buffer[], sizeBytes: number, send: (bytes: Buffer) => Promise<T>): Promise<T> {
    const { memory } = this.needs;
    const bytes = memory.join(chunks, sizeBytes);
    const answer = await send(bytes);
    memory.giveBack(bytes);
    return answer;
  }

  /** All of the file in one request, where it will be. */
  private async storeWhole(bytes: Buffer[], sizeBytes: number): Promise<Note> {
    return this.storePiece(bytes, sizeBytes, (await this.takePlace()) ?? newPieceName());
  }

  private async storePiece(bytes: Buffer[], sizeBytes: number, name = newPieceName()): Promise<Note> {
    const { bucket, names } = this.needs;
    const { id, offset } = this.tally.now;
    const piece = { start: offset, sizeBytes, name };
    await this.joined(bytes, sizeBytes, (whole) => bucket.put(names.object(id, piece.name), whole));
    return () => this.tally.addPiece(piece);
  }

  /** Nothing is there that is not noted; what an earlier process began there is ended. Null: not known, or not to be relied on. */
  private async takePlace(): Promise<string | null> {
    if (this.countsAtEnd) return null;
    const { finalKey } = this.tally.now;
    if (finalKey !== null) {
      await endMultiparts(this.needs.bucket, finalKey);
      return finalKey;
    }
    const place = await this.needs.place();
    if (place !== null) await this.tally.noteFinalKey(place);
    return place;
  }

  private async putTogether(): Promise<void> {
    const { bucket, reader, names } = this.needs;
    const { id, pieces } = this.tally.now;
    const merged = pieces.length > MAX_PIECES ? pieces.slice(firstToMerge(pieces)) : [];
    const [first] = merged;
    if (first === undefined) return;
    const piece = { start: first.start, sizeBytes: bytesOf(merged), name: newPieceName() };
    const sources = sourcesOf(names, id, merged);
    await bucket.putStream(names.object(id, piece.name), () => streamOf(reader, sources), piece.sizeBytes);
    this.tally.replacePieces(merged, piece);
    await this.tally.count();
  }

  private drop(pieces: readonly string[]): Promise<void> {
    const { bucket, names } = this.needs;
    return dropObjects(
      bucket,
      pieces.map((name) => names.object(this.tally.now.id, name)),
    );
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }
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

/** A copy: it is kept longer than what it is of. */
function headOf(chunks: readonly Buffer[]): Buffer {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return Buffer.concat(chunks, Math.min(HEAD_BYTES, bytes));
}

/** Splits after so many bytes. */
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
