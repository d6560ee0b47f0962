/** From the file that was chosen to the file that is sent: changed where the page wishes that, then fingerprinted. */
import { fileKey } from './file-key.ts';
import { createTurns } from './turns.ts';

/** Makes another file of one, a smaller picture for example. Where it fails, or takes too long, the original is sent. */
export type Transform = (file: File) => Promise<File>;

/** `key` is null for a file that cannot be read. */
export type PreparedFile = { file: File; key: string | null };

export type PrepareFile = (file: File, transform: Transform | undefined) => Promise<PreparedFile>;

/** A picture takes tens of megabytes while it is decoded, and a key up to eight. */
const AT_ONCE = 2;
const TRANSFORM_TIMEOUT_MS = 60_000;

/** `mayBeSent`: what is too large anyway needs no key. */
export function createPrepareFile(needs: { mayBeSent: (file: File) => boolean }): PrepareFile {
  const inTurn = createTurns(AT_ONCE);
  return (chosen, transform) =>
    inTurn(async () => {
      const file = transform ? await changed(chosen, transform) : chosen;
      return { file, key: needs.mayBeSent(file) ? await fileKey(file).catch(() => null) : null };
    });
}

async function changed(file: File, transform: Transform): Promise<File> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<File>((resolve) => {
    timer = setTimeout(() => resolve(file), TRANSFORM_TIMEOUT_MS);
  });
  try {
    const result: unknown = await Promise.race([transform(file), tooLong]);
    return result instanceof File ? result : file;
  } catch {
    return file;
  } finally {
    clearTimeout(timer);
  }
}
