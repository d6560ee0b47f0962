/** HEIC, HEIF and AVIF without their metadata: nothing is moved, what is taken out is written over. */
import { createPieces, type KeptBytes, type Window } from './kept-bytes.ts';

/** Of the box that says what is where; with thousands of tiles it has tens of kilobytes. */
const MAX_META_BYTES = 1024 * 1024;
const MAX_BOXES = 1000;
/** Beside the picture: Exif or XMP data of other writers, and the film of a moving photo, with a place in it. */
const METADATA_BOXES = new Set(['uuid', 'mpvd', 'udta']);
/** Items by their kind; of `mime` only XMP is metadata, but nothing of that kind is a picture. */
const METADATA_ITEMS = new Set(['Exif', 'mime', 'uri ']);
/** Exif data that says nothing: no offset, byte order, an empty directory. The picture is turned by a property of its own. */
const NO_EXIF = Buffer.from('\0\0\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0', 'latin1');

type Box = { type: string; start: number; bodyStart: number; end: number };
type ItemPlace = { id: number; method: number; from: number; bytes: number };
type Extent = { from: number; bytes: number; kind: string };

export async function stripHeif(file: Window): Promise<KeptBytes> {
  const extents: Extent[] = [];
  let isKnown = false;
  let firstEnd = 0;
  for await (const box of boxesOf(file)) {
    if (box.start === 0) firstEnd = box.end;
    if (METADATA_BOXES.has(box.type))
      extents.push({ from: box.bodyStart, bytes: box.end - box.bodyStart, kind: box.type });
    if (box.type !== 'meta') continue;
    const bytes = box.end - box.bodyStart;
    if (bytes > MAX_META_BYTES) return null;
    const found = itemExtents(await file.at(box.bodyStart, bytes), box.bodyStart);
    if (found === null) return null;
    extents.push(...found);
    isKnown = true;
  }
  return isKnown ? writtenOver(file.sizeBytes, firstEnd, extents) : null;
}

/**
 * The extents in the order of the file; where two overlap the first counts, and the rest of the second. What says that it is
 * such a file is never written over: it would be stored as what nobody has checked.
 */
function writtenOver(sizeBytes: number, firstEnd: number, extents: Extent[]): KeptBytes {
  const kept = createPieces();
  let position = Math.min(firstEnd, sizeBytes);
  kept.keep(0, position);
  for (const { from, bytes, kind } of extents.toSorted((a, b) => a.from - b.from)) {
    const start = Math.max(position, from);
    const end = Math.min(sizeBytes, from + bytes);
    if (end <= start) continue;
    if (start > position) kept.keep(position, start - position);
    const words = kind === 'Exif' && start === from ? NO_EXIF.subarray(0, end - start) : Buffer.alloc(0);
    kept.insert(words);
    kept.zeros(end - start - words.length);
    position = end;
  }
  if (position < sizeBytes) kept.keep(position, sizeBytes - position);
  return kept.whole();
}

/** Those of the file itself. */
async function* boxesOf(file: Window): AsyncGenerator<Box> {
  let position = 0;
  for (let boxes = 0; boxes < MAX_BOXES && position + 8 <= file.sizeBytes; boxes += 1) {
    const box = boxAt(await file.at(position, 16), 0, file.sizeBytes - position);
    if (box === null) return;
    yield {
      type: box.type,
      start: position,
      bodyStart: position + box.bodyStart,
      end: Math.min(file.sizeBytes, position + box.end),
    };
    position += box.end;
  }
}

/** `available`: bytes from there to the end of what the box lies in. */
function boxAt(bytes: Buffer, at: number, available: number): Box | null {
  if (at + 8 > bytes.length) return null;
  const type = bytes.toString('latin1', at + 4, at + 8);
  let size = bytes.readUInt32BE(at);
  let head = 8;
  if (size === 1) {
    if (at + 16 > bytes.length) return null;
    size = Number(bytes.readBigUInt64BE(at + 8));
    head = 16;
  } else if (size === 0) size = available;
  if (size < head || !Number.isSafeInteger(size)) return null;
  return { type, start: at, bodyStart: at + head, end: at + size };
}

function childrenOf(bytes: Buffer, from: number, to: number): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at < to && boxes.length < MAX_BOXES; ) {
    const box = boxAt(bytes, at, to - at);
    if (box === null || box.end > to) break;
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}

/** @param metaAt where the contents of the box begin in the file. Null where it is not understood */
function itemExtents(meta: Buffer, metaAt: number): Extent[] | null {
  // Version and flags come first.
  const children = childrenOf(meta, 4, meta.length);
  const bodyOf = (type: string) => {
    const box = children.find((child) => child.type === type);
    return box === undefined ? null : meta.subarray(box.bodyStart, box.end);
  };
  const [iinf, iloc] = [bodyOf('iinf'), bodyOf('iloc')];
  if (iinf === null || iloc === null) return null;
  const idat = children.find(({ type }) => type === 'idat');
  try {
    const kinds = itemKinds(iinf);
    return itemPlaces(iloc)
      .filter(({ id }) => kinds.has(id))
      .map(({ id, method, from, bytes }) => {
        const base = method === 1 ? metaAt + (idat?.bodyStart ?? Number.NaN) : 0;
        return { from: base + from, bytes, kind: kinds.get(id) as string };
      })
      .filter(({ from }) => Number.isSafeInteger(from));
  } catch (error) {
    // It ends in the middle.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Item id → kind, of those that are metadata. */
function itemKinds(iinf: Buffer): Map<number, string> {
  const kinds = new Map<number, string>();
  const isLong = iinf.readUInt8(0) > 0;
  for (const { type, bodyStart } of childrenOf(iinf, isLong ? 8 : 6, iinf.length)) {
    const version = iinf.readUInt8(bodyStart);
    if (type !== 'infe' || version < 2) continue;
    const idBytes = version === 2 ? 2 : 4;
    const id = iinf.readUIntBE(bodyStart + 4, idBytes);
    const kind = iinf.toString('latin1', bodyStart + 4 + idBytes + 2, bodyStart + 4 + idBytes + 6);
    if (METADATA_ITEMS.has(kind)) kinds.set(id, kind);
  }
  return kinds;
}

/** ISO/IEC 14496-12, 8.11.3. `method` 0: from the beginning of the file; 1: of the box `idat`. */
function itemPlaces(iloc: Buffer): ItemPlace[] {
  const version = iloc.readUInt8(0);
  const sizes = iloc.readUInt16BE(4);
  const [offsetBytes, lengthBytes, baseBytes] = [sizes >> 12, (sizes >> 8) & 15, (sizes >> 4) & 15];
  const indexBytes = version === 0 ? 0 : sizes & 15;
  let at = 6;
  const next = (bytes: number): number => {
    if (bytes === 0) return 0;
    const value = bytes === 8 ? Number(iloc.readBigUInt64BE(at)) : iloc.readUIntBE(at, bytes);
    at += bytes;
    return value;
  };
  const places: ItemPlace[] = [];
  const items = next(version < 2 ? 2 : 4);
  for (let item = 0; item < items; item += 1) {
    const id = next(version < 2 ? 2 : 4);
    const method = version === 0 ? 0 : next(2) & 15;
    next(2);
    const base = next(baseBytes);
    const extents = next(2);
    for (let extent = 0; extent < extents; extent += 1) {
      next(indexBytes);
      const from = base + next(offsetBytes);
      places.push({ id, method, from, bytes: next(lengthBytes) });
    }
  }
  return places;
}
