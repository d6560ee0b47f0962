/** Why a camera or microphone cannot be had, as a sentence that says what to do. */
import type { LabelKey } from '../words/dictionary.ts';

const SENTENCES = {
  camera: { blocked: 'cameraBlocked', missing: 'cameraMissing', busy: 'cameraBusy' },
  microphone: { blocked: 'microphoneBlocked', missing: 'microphoneMissing', busy: 'microphoneBusy' },
} as const;

/** `error` is what `getUserMedia` rejected with (Media Capture and Streams, section 9.3.1), or a recorder that would not start. */
export function captureProblem(device: 'camera' | 'microphone', error: unknown): LabelKey {
  const name = (error as Error | null)?.name;
  const sentences = SENTENCES[device];
  if (name === 'NotAllowedError' || name === 'SecurityError') return sentences.blocked;
  if (name === 'NotReadableError' || name === 'AbortError') return sentences.busy;
  return sentences.missing;
}
