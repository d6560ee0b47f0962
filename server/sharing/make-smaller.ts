/** Makes a picture smaller before it is stored, where that saves enough; whatever keeps it from that, the picture stays as it is. */
import type { KeptBytes } from '../pictures/kept-bytes.ts';
import { MAX_PICTURE_BYTES, MIN_COMPRESSED_BYTES } from '../pictures/limits.ts';
import { NoDecoder, ProcessFault } from '../pictures/preview-faults.ts';
import type { PreviewMaker, Smaller } from '../pictures/preview-maker.ts';
import type { FileStorage } from '../storage/file-storage.ts';

type Needs = {
  storage: Pick<FileStorage, 'open'>;
  pictures: Pick<PreviewMaker, 'compress'>;
  /** The decoder is not here, or this picture ends it. */
  onFault(uploadId: string, error: unknown): void;
  draining: AbortSignal;
};

/** @returns null where it stays as it is. @throws what the store does, and while the server drains: it is owed then */
export type MakeSmaller = (uploadId: string, key: string, wanted: Smaller) => Promise<KeptBytes>;

/** Those that are sent as photos and screenshots, and that come out in the format in which they came. */
const TYPES: readonly string[] = ['image/jpeg', 'image/png', 'image/webp'];

export function canBeMadeSmaller(mimeType: string): boolean {
  return TYPES.includes(mimeType);
}

export function createMakeSmaller({ storage, pictures, onFault, draining }: Needs): MakeSmaller {
  return async (uploadId, key, wanted) => {
    draining.throwIfAborted();
    const object = await storage.open(key);
    if (object === null) throw new Error(`the bytes of ${key} are missing`);
    if (object.sizeBytes < MIN_COMPRESSED_BYTES || object.sizeBytes > MAX_PICTURE_BYTES) {
      await object.close();
      return null;
    }
    try {
      const smaller = await pictures.compress(async () => object, wanted, draining);
      return typeof smaller === 'string' ? null : { pieces: [{ insert: smaller }], sizeBytes: smaller.length };
    } catch (error) {
      if (draining.aborted || !(error instanceof NoDecoder || error instanceof ProcessFault)) throw error;
      onFault(uploadId, error);
      return null;
    }
  };
}
