/** Makes previews in a process of their own, one at a time; keeps that process while there is work, and replaces it when it fails. */
import type { Readable } from 'node:stream';
import { MAX_IDLE_MS, MAX_PICTURES_A_PROCESS } from './limits.ts';
import { type PreviewProcess, startPreviewProcess } from './preview-process.ts';

export type Preview = {
  /** WebP, without metadata. */
  thumbnail: Buffer;
  /** Of the picture, as it is shown. */
  width: number;
  height: number;
  /** thumbhash, base64. */
  placeholder: string;
};

/** No decoder is there: all pictures have to wait for one. */
export class NoDecoder extends Error {}

export type PreviewMaker = {
  /**
   * @returns a reason where there will never be a preview of this picture
   * @throws {NoDecoder} · {ProcessFault} where another try may do · what `open` throws
   */
  make(open: () => Promise<{ bytes: Readable; sizeBytes: number }>, signal: AbortSignal): Promise<Preview | string>;
  /** Ends the process. It can be used again. */
  rest(): void;
};

export function createPreviewMaker(): PreviewMaker {
  let current: PreviewProcess | null = null;
  let made = 0;
  let idle: NodeJS.Timeout | undefined;

  const rest = () => {
    clearTimeout(idle);
    current?.kill();
    current = null;
  };
  const running = (): PreviewProcess => {
    clearTimeout(idle);
    if (current !== null && (current.hasEnded || made >= MAX_PICTURES_A_PROCESS)) rest();
    if (current !== null) return current;
    made = 0;
    current = startPreviewProcess();
    return current;
  };
  return {
    async make(open, signal) {
      const process = running();
      try {
        const first = await process.ready();
        if (first.is === 'unavailable') throw new NoDecoder(first.reason);
        made += 1;
        const { bytes, sizeBytes } = await open();
        const { answer, thumbnail } = await process.exchange(bytes, sizeBytes, signal);
        if (answer.is === 'refused') return answer.reason;
        if (answer.is !== 'made') throw new Error(`the decoding process answered ${answer.is}`);
        const { width, height, placeholder } = answer;
        return { thumbnail, width, height, placeholder };
      } catch (error) {
        rest();
        throw error;
      } finally {
        idle = setTimeout(rest, MAX_IDLE_MS);
        idle.unref();
      }
    },
    rest,
  };
}
