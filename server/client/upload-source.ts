/** Where an upload's bytes come from: memory, a Blob, a file's path, or a stream that can be read once. */

/** `path`: of a file, where there is a file system. A Node stream is an async iterable. */
export type UploadSource =
  | Uint8Array
  | ArrayBuffer
  | Blob
  | { path: string }
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

export type OpenSource = {
  /** Bytes; undefined: nobody knows before the end. */
  size: number | undefined;
  name: string | undefined;
  type: string | undefined;
  /** At most that many; fewer only at the end. @throws {RangeError} before what a stream was asked for last */
  read(offset: number, maxBytes: number): Promise<Uint8Array<ArrayBuffer>>;
  close(): Promise<void>;
};

/** `size`: what a stream will hold, if it is known. */
export async function openSource(source: UploadSource, size?: number): Promise<OpenSource> {
  if (source instanceof Blob) return fromBlob(source);
  if (source instanceof Uint8Array || source instanceof ArrayBuffer)
    return fromBlob(new Blob([source as Uint8Array<ArrayBuffer>]));
  if ('path' in source) return fromPath(source.path);
  return fromStream(iterate(source), size);
}

function fromBlob(blob: Blob): OpenSource {
  return {
    size: blob.size,
    name: 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined,
    type: blob.type || undefined,
    read: async (offset, maxBytes) => new Uint8Array(await blob.slice(offset, offset + maxBytes).arrayBuffer()),
    close: async () => {},
  };
}

async function fromPath(path: string): Promise<OpenSource> {
  const { open } = await import('node:fs/promises');
  const file = await open(path);
  const { size } = await file.stat();
  return {
    size,
    name: path.split(/[/\\]/).at(-1),
    type: undefined,
    async read(offset, maxBytes) {
      const bytes = new Uint8Array(Math.min(maxBytes, Math.max(0, size - offset)));
      for (let filled = 0; filled < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, offset + filled);
        if (bytesRead === 0) throw new RangeError(`${path} became shorter while it was read.`);
        filled += bytesRead;
      }
      return bytes;
    },
    close: () => file.close(),
  };
}

/** Keeps the piece that was read last: the server may have taken only a part of it. */
function fromStream(pieces: AsyncIterator<Uint8Array>, size: number | undefined): OpenSource {
  let kept: Uint8Array[] = [];
  let keptFrom = 0;
  let keptBytes = 0;
  let ended = false;

  const drop = (offset: number) => {
    while (kept[0] !== undefined && keptFrom < offset) {
      const [first] = kept;
      const gone = Math.min(first.length, offset - keptFrom);
      if (gone === first.length) kept = kept.slice(1);
      else kept[0] = first.subarray(gone);
      keptFrom += gone;
      keptBytes -= gone;
    }
  };
  return {
    size,
    name: undefined,
    type: undefined,
    async read(offset, maxBytes) {
      if (offset < keptFrom)
        throw new RangeError('The server has less than was sent, and a stream cannot be read twice.');
      drop(offset);
      while (!ended && keptFrom + keptBytes < offset + maxBytes) {
        const { done, value } = await pieces.next();
        if (done === true) {
          ended = true;
          break;
        }
        kept.push(value);
        keptBytes += value.length;
        // An upload that was begun before goes on behind what the server has.
        drop(offset);
      }
      if (size !== undefined && (ended ? keptFrom + keptBytes !== size : keptFrom + keptBytes > size))
        throw new RangeError(`The stream holds not ${size} bytes, as was said, but ${keptFrom + keptBytes}.`);
      return join(kept, Math.min(maxBytes, keptBytes));
    },
    close: async () => {
      await pieces.return?.();
    },
  };
}

function join(pieces: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let filled = 0;
  for (const piece of pieces) {
    whole.set(piece.subarray(0, length - filled), filled);
    filled += Math.min(piece.length, length - filled);
    if (filled === length) break;
  }
  return whole;
}

/** Not every platform iterates over the web's streams. */
async function* iterate(
  source: ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!('getReader' in source)) {
    yield* source;
    return;
  }
  const reader = source.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
