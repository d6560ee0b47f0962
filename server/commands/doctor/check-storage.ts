/** The storage: a probe goes the way of a file (created, written, synced, made final, read) and is deleted again. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { newStorageKey, newUploadId } from '../../rules/upload-id.ts';
import type { FileStorage } from '../../storage/file-storage.ts';
import { type Check, ill, messageOf, well } from './check.ts';

type Needs = { mediaRoot: string; openStorage(): Promise<FileStorage | null> };

const NAME = 'storage';
const PROBE_BYTES = 64 * 1024;
const IDLE_TIMEOUT_MS = 10_000;

export async function checkStorage({ mediaRoot, openStorage }: Needs): Promise<Check> {
  try {
    const storage = await openStorage();
    if (storage === null) return well(NAME, `${mediaRoot} is not there yet; the first start makes it`);
    const fault = await probe(storage);
    if (fault === null) return well(NAME, `a probe of ${PROBE_BYTES} bytes was written, synced, read and deleted`);
    return ill(NAME, fault, 'Check the disk: what was written is not what is read.');
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? ` (${messageOf(error.cause)})` : '';
    return ill(
      NAME,
      messageOf(error) + cause,
      `Make room on ${mediaRoot}, or give the server the right to write there.`,
    );
  }
}

/** @returns what is wrong with what came back */
async function probe(storage: FileStorage): Promise<string | null> {
  const id = newUploadId();
  const key = newStorageKey('chatdrop-doctor', 'probe', '');
  const bytes = randomBytes(PROBE_BYTES);
  const limits = { maxBytes: PROBE_BYTES, idleTimeoutMs: IDLE_TIMEOUT_MS, signal: new AbortController().signal };
  try {
    await storage.create(id);
    await storage.append(id, 0, Readable.from([bytes]), limits);
    await storage.makeFinal(id, key);
    const object = await storage.open(key);
    if (object === null) return 'the probe is not there';
    const read = await object.read(0, PROBE_BYTES).finally(() => object.close());
    if (!bytes.equals(read)) return 'the probe came back changed';
  } finally {
    await storage.discard(id);
    await storage.remove(key);
  }
  return (await storage.open(key)) === null ? null : 'the probe could not be deleted';
}
