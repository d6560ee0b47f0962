/** What this browser can record, of what may be sent. */
import { isAllowed } from './allowed-types.ts';

/** MP4 first: it plays everywhere, and says how long it is. */
const RECORDER_TYPES = {
  audio: ['audio/mp4;codecs=mp4a.40.2', 'audio/webm;codecs=opus', 'audio/mp4', 'audio/ogg;codecs=opus'],
  video: [
    'video/mp4;codecs=avc1.42E01E,mp4a.40.2',
    'video/webm;codecs=vp9,opus',
    'video/webm;codecs=vp8,opus',
    'video/webm',
    'video/mp4',
  ],
};

/** As `MediaRecorder` takes it; null where nothing fits. */
export function recorderType(kind: 'audio' | 'video', patterns: readonly string[]): string | null {
  if (typeof MediaRecorder === 'undefined') return null;
  const fits = (type: string) =>
    MediaRecorder.isTypeSupported(type) && isAllowed(type.split(';', 1)[0] as string, patterns);
  return RECORDER_TYPES[kind].find(fits) ?? null;
}

/** A canvas gives these everywhere. */
export function photoType(patterns: readonly string[]): string | null {
  return ['image/jpeg', 'image/png'].find((type) => isAllowed(type, patterns)) ?? null;
}
