/** Whether a WebM or Matroska file holds a picture or only sound, by the list of tracks at its start. */

/** Element ids, with their length marker (RFC 8794 section 5, RFC 9559 section 5.1). */
const EBML = 0x1a45dfa3;
const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK_ENTRY = 0xae;
const TRACK_TYPE = 0x83;
const VIDEO = 1;
const AUDIO = 2;

type Element = { id: number; start: number; end: number };

/**
 * Recorders write the tracks before the first cluster, so that a player can begin at once. `undefined`: the list is not
 * whole within these bytes, or names neither.
 */
export function matroskaTracks(bytes: Uint8Array): 'video' | 'audio' | undefined {
  const [header, segment] = elementsIn(bytes, 0, bytes.length);
  if (header?.id !== EBML || segment?.id !== SEGMENT) return undefined;
  const tracks = elementsIn(bytes, segment.start, Math.min(segment.end, bytes.length)).find(({ id }) => id === TRACKS);
  if (tracks === undefined || tracks.end > bytes.length) return undefined;
  const types = elementsIn(bytes, tracks.start, tracks.end)
    .filter(({ id }) => id === TRACK_ENTRY)
    .flatMap((entry) => elementsIn(bytes, entry.start, Math.min(entry.end, tracks.end)))
    .filter(({ id, start, end }) => id === TRACK_TYPE && end === start + 1)
    .map(({ start }) => bytes[start]);
  if (types.includes(VIDEO)) return 'video';
  return types.includes(AUDIO) ? 'audio' : undefined;
}

/** The elements side by side in this range; the last may reach beyond it. Each takes two bytes at least. */
function elementsIn(bytes: Uint8Array, from: number, to: number): Element[] {
  const found: Element[] = [];
  for (let at = from; at < to; ) {
    const id = readNumber(bytes, at, 4, true);
    const size = id && readNumber(bytes, at + id.length, 8, false);
    if (!id || !size) break;
    const start = at + id.length + size.length;
    const end = start + size.value;
    found.push({ id: id.value, start, end });
    at = end;
  }
  return found;
}

/** A number whose first byte says by its leading zeros how long it is; an unknown size (all ones) has no end. */
function readNumber(bytes: Uint8Array, at: number, maxLength: number, withMarker: boolean) {
  const first = bytes[at] ?? 0;
  const length = Math.clz32(first) - 23;
  if (length > maxLength || at + length > bytes.length) return undefined;
  let value = withMarker ? first : first & (0xff >> length);
  let isUnknown = !withMarker && value === 0xff >> length;
  for (const byte of bytes.subarray(at + 1, at + length)) {
    value = value * 256 + byte;
    isUnknown &&= byte === 0xff;
  }
  return { length, value: isUnknown ? Number.POSITIVE_INFINITY : value };
}
