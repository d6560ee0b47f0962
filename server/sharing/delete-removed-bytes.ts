/** Deletes the bytes whose row is gone, and tries again later where the store does not let it. */
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import { backOffMs } from '../rules/back-off.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { createPatience } from './patience.ts';

type Needs = { removedObjects: RemovedObjectTable; storage: Pick<FileStorage, 'remove'>; now(): number };

const MAX_OBJECTS_A_RUN = 500;
const MAX_BACKOFF_MS = 60 * 60 * 1000;

/**
 * @returns how many objects were deleted. Never throws for one object's fault: that one waits for its next attempt. Ends
 * early where the store is away.
 */
export type DeleteRemovedBytes = () => Promise<number>;

export function createDeleteRemovedBytes({ removedObjects, storage, now }: Needs): DeleteRemovedBytes {
  return async () => {
    let deleted = 0;
    const patience = createPatience(now);
    for (const { storageKey, attempts } of await removedObjects.listDue(now(), MAX_OBJECTS_A_RUN)) {
      if (patience.isOver()) break;
      try {
        await patience.wait(() => storage.remove(storageKey));
        await removedObjects.done(storageKey);
        deleted += 1;
      } catch (error) {
        await removedObjects.failed(storageKey, String(error), now() + backOffMs(attempts, MAX_BACKOFF_MS));
      }
    }
    return deleted;
  };
}
