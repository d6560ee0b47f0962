/** A file without some of its bytes, described before any of it is copied: ranges of the original, and bytes between them. */

/** What can be read at any place: a stored object. */
export type ByteSource = {
  sizeBytes: number;
  /** Shorter at the end. */
  read(position: number, lengthBytes: number): Promise<Uint8Array>;
};

export type Piece = { from: number; bytes: number } | { insert: Uint8Array } | { zeros: number };

/** What a reader of a format gives back; null where it does not understand the file, which is left as it is then. */
export type KeptBytes = { pieces: readonly Piece[]; sizeBytes: number } | null;

/** Who writes a file with more is after something else than a picture. */
const MAX_PIECES = 20_000;
/** Read at once; in a bucket each is a request. */
const STEP_BYTES = 2 * 1024 * 1024;

export class TooManyPieces extends Error {}

/** Collects pieces; ranges that follow one another become one. */
export function createPieces() {
  const pieces: Piece[] = [];
  let sizeBytes = 0;
  const add = (piece: Piece, bytes: number) => {
    if (bytes === 0) return;
    if (pieces.length >= MAX_PIECES) throw new TooManyPieces();
    pieces.push(piece);
    sizeBytes += bytes;
  };
  const keep = (from: number, bytes: number) => {
    const last = pieces.at(-1);
    if (last !== undefined && 'from' in last && last.from + last.bytes === from) {
      last.bytes += bytes;
      sizeBytes += bytes;
    } else add({ from, bytes }, bytes);
  };
  return {
    keep,
    /** All of another collection. */
    take(others: readonly Piece[]) {
      for (const piece of others) {
        if ('from' in piece) keep(piece.from, piece.bytes);
        else add(piece, 'insert' in piece ? piece.insert.length : piece.zeros);
      }
    },
    insert: (bytes: Uint8Array) => add({ insert: bytes }, bytes.length),
    zeros: (bytes: number) => add({ zeros: bytes }, bytes),
    whole: () => ({ pieces, sizeBytes }),
  };
}

/** Whether that is the file itself. */
export function isUnchanged({ pieces, sizeBytes }: NonNullable<KeptBytes>, originalBytes: number): boolean {
  const [only] = pieces;
  return sizeBytes === originalBytes && pieces.length === 1 && only !== undefined && 'from' in only && only.from === 0;
}

/** The bytes themselves, in order. */
export async function* bytesOf(source: ByteSource, pieces: readonly Piece[]): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if ('insert' in piece) yield bufferOver(piece.insert);
    else if ('zeros' in piece) {
      for (let left = piece.zeros; left > 0; left -= STEP_BYTES) yield Buffer.alloc(Math.min(left, STEP_BYTES));
    } else {
      for (let done = 0; done < piece.bytes; ) {
        const wanted = Math.min(STEP_BYTES, piece.bytes - done);
        const bytes = await source.read(piece.from + done, wanted);
        if (bytes.length !== wanted) throw new Error('the file became shorter while it was read');
        yield bufferOver(bytes);
        done += wanted;
      }
    }
  }
}

/** Reads small things one after the other without asking the store for each. */
export function createWindow(source: ByteSource) {
  let start = 0;
  let held: Uint8Array = new Uint8Array();
  return {
    sizeBytes: source.sizeBytes,
    /** Fewer than asked for at the end of the file. At most `STEP_BYTES` at once. */
    async at(position: number, bytes: number): Promise<Buffer> {
      if (position < start || position + bytes > start + held.length) {
        const isSmall = position < FIRST_BYTES && position + bytes <= FIRST_BYTES;
        start = isSmall ? 0 : position;
        held = await source.read(start, isSmall ? FIRST_BYTES : STEP_BYTES);
      }
      return bufferOver(held.subarray(position - start, position - start + bytes));
    },
  };
}

function bufferOver({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

/** Most metadata is in it, and it is at hand with an object that was just opened. */
const FIRST_BYTES = 64 * 1024;

export type Window = ReturnType<typeof createWindow>;
