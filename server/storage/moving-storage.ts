/** Two stores as one, while the files move from one to the other: what is new goes to `current`, all else is where it is. */
import { newStorageKey, newUploadId } from '../rules/upload-id.ts';
import { copyObject } from './copy-object.ts';
import type { FileStorage } from './file-storage.ts';

/**
 * Nothing has to be known of what was moved already: both are asked, `current` first, so it does not matter when an object
 * goes from one to the other. An upload stays in the store where it began, and its file is moved later like any other.
 */
export function createMovingStorage(current: FileStorage, previous: FileStorage): FileStorage {
  const holderOf = async (uploadId: string): Promise<FileStorage> =>
    (await current.offsetOf(uploadId)) === null && (await previous.offsetOf(uploadId)) !== null ? previous : current;

  return {
    create: (uploadId, sizeBytes) => current.create(uploadId, sizeBytes),
    append: async (uploadId, offset, body, options) =>
      (await holderOf(uploadId)).append(uploadId, offset, body, options),
    offsetOf: async (uploadId) => (await current.offsetOf(uploadId)) ?? previous.offsetOf(uploadId),
    readIncoming: async (uploadId, lengthBytes) => (await holderOf(uploadId)).readIncoming(uploadId, lengthBytes),

    async join(uploadId, partIds, signal) {
      const holders = new Set(await Promise.all(partIds.map(holderOf)));
      if (!holders.has(previous)) return current.join(uploadId, partIds, signal);
      // The place of the whole is in `current`, and what is joined lies in one store.
      for (const part of new Set(partIds)) {
        if ((await holderOf(part)) === previous) await carryPart(previous, current, part, signal);
      }
      return current.join(uploadId, partIds, signal);
    },

    async makeFinal(uploadId, key, signal) {
      const holder = await holderOf(uploadId);
      // Done before, perhaps: then it is done where the bytes are.
      if (holder === current && (await current.offsetOf(uploadId)) === null) {
        const moved = await previous.open(key);
        await moved?.close();
        if (moved !== null) return previous.makeFinal(uploadId, key, signal);
      }
      return holder.makeFinal(uploadId, key, signal);
    },

    /** What is replaced is replaced where it is: `current` is asked first when it is read. */
    async put(uploadId, key, makeBody, sizeBytes) {
      const here = await current.open(key);
      await here?.close();
      const there = here === null ? await previous.open(key) : null;
      await there?.close();
      return (there === null ? current : previous).put(uploadId, key, makeBody, sizeBytes);
    },

    putWhole: (key, bytes, sizeBytes) => current.putWhole(key, bytes, sizeBytes),

    async discard(uploadId) {
      await current.discard(uploadId);
      await previous.discard(uploadId);
    },
    async *incomingIds() {
      yield* current.incomingIds();
      yield* previous.incomingIds();
    },
    /** What was copied and is still in both stores comes twice. */
    async *storedKeys() {
      yield* current.storedKeys();
      yield* previous.storedKeys();
    },
    open: async (key, by) => (await current.open(key, by)) ?? previous.open(key, by),
    async remove(key) {
      await current.remove(key);
      await previous.remove(key);
    },
    async linkTo(key, answer) {
      const object = await current.open(key);
      await object?.close();
      return (object === null ? previous : current).linkTo(key, answer);
    },
    freeBytes: () => current.freeBytes(),
    async check() {
      await current.check();
      await previous.check();
    },
  };
}

/**
 * A partial upload of before the move, whose whole is put together after it. The port lets nobody read unfinished bytes
 * from anywhere but their beginning, so they are made an object for a moment. Killed in the middle, that object is an
 * orphan for `chatdrop files verify`, and the part is carried again.
 */
async function carryPart(from: FileStorage, to: FileStorage, partId: string, signal: AbortSignal): Promise<void> {
  const whole = newUploadId();
  const copy = newUploadId();
  const key = newStorageKey('moving', 'parts', '');
  await from.join(whole, [partId], signal);
  await from.makeFinal(whole, key);
  const object = await from.open(key);
  if (object === null) throw new Error(`the part ${partId} went while it was carried`);
  await to.create(copy);
  await copyObject(object, to, copy, signal);
  // A join is there with all bytes or not at all; half a part under its own name would be taken for an unfinished one.
  await to.join(partId, [copy], signal);
  await to.discard(copy);
  await from.remove(key);
  await from.discard(partId);
}
