/** How long a recording may be, so that it can be sent afterwards. */

/** Speech in Opus or AAC: 3.6 MB for ten minutes. */
export const AUDIO_BITS_PER_SECOND = 48_000;
/** 720 lines: 19 MB a minute. */
export const VIDEO_BITS_PER_SECOND = 2_500_000;

const LONGEST_MS = { audio: 10 * 60_000, video: 5 * 60_000 };
const SHORTEST_MS = 3000;
/** Encoders take more than they were asked to now and then. */
const USED_PART = 0.85;

/** Milliseconds; `maxBytes` is the server's limit for a file. */
export function maxRecordingMs(kind: 'audio' | 'video', maxBytes: number): number {
  const bitsPerSecond = kind === 'audio' ? AUDIO_BITS_PER_SECOND : VIDEO_BITS_PER_SECOND;
  const fittingMs = ((maxBytes * 8) / bitsPerSecond) * 1000 * USED_PART;
  return Math.max(SHORTEST_MS, Math.min(LONGEST_MS[kind], fittingMs));
}
