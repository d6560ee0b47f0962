/** Streams an object into an upload of another store. */
import type { FileStorage, StoredObject } from './file-storage.ts';

/** A store that gives no byte for this long is away. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * All bytes or none that count for anything: a copy that is cut is to be discarded. Closes the object.
 * @param onChunk sees every byte on its way, in order
 * @throws when not all bytes came, or the signal stopped it
 */
export async function copyObject(
  object: StoredObject,
  to: Pick<FileStorage, 'append'>,
  uploadId: string,
  signal: AbortSignal,
  onChunk: (chunk: Buffer) => void = () => {},
): Promise<void> {
  if (object.sizeBytes === 0) return object.close();
  const body = object.stream(0, object.sizeBytes - 1);
  let fault: Error | undefined;
  body.on('error', (error: Error) => {
    fault ??= error;
  });
  try {
    const { offset, end } = await to.append(uploadId, 0, body, {
      maxBytes: object.sizeBytes,
      idleTimeoutMs: IDLE_TIMEOUT_MS,
      signal,
      inspect: (chunks) => chunks.forEach(onChunk),
    });
    // What is wrong with the source says more than that it ended early.
    if (fault !== undefined) throw fault;
    if (offset !== object.sizeBytes) throw new Error(`the copy ended at byte ${offset} of ${object.sizeBytes}: ${end}`);
  } finally {
    body.destroy();
  }
}
