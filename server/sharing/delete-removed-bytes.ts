/** Deletes the bytes whose row is gone, and tries again later where the store does not let it. */
import type { RemovedObject, RemovedObjectTable } from '../database/removed-object-table.ts';
import { backOffMs } from '../rules/back-off.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { createPatience, type Patience } from './patience.ts';

type Needs = { removedObjects: RemovedObjectTable; storage: Pick<FileStorage, 'remove'>; now(): number };

const MAX_OBJECTS_A_RUN = 500;
/** At once, after the first has shown that the store is there. */
const MAX_AT_ONCE = 8;
const MAX_BACKOFF_MS = 60 * 60 * 1000;

/**
 * @returns how many objects were deleted. Never throws for one object's fault: that one waits for its next attempt. Ends
 * early where the store is away.
 */
export type DeleteRemovedBytes = () => Promise<number>;

export function createDeleteRemovedBytes({ removedObjects, storage, now }: Needs): DeleteRemovedBytes {
  const remove = async ({ storageKey, attempts }: RemovedObject, patience: Patience): Promise<number> => {
    try {
      await patience.wait(() => storage.remove(storageKey));
      await removedObjects.done(storageKey);
      return 1;
    } catch (error) {
      await removedObjects.failed(storageKey, String(error), now() + backOffMs(attempts, MAX_BACKOFF_MS));
      return 0;
    }
  };
  return oneAtATime(async () => {
    let deleted = 0;
    const patience = createPatience(now);
    const due = await removedObjects.listDue(now(), MAX_OBJECTS_A_RUN);
    for (let at = 0, atOnce = 1; at < due.length && !patience.isOver(); at += atOnce, atOnce = MAX_AT_ONCE) {
      const done = await Promise.all(due.slice(at, at + atOnce).map((object) => remove(object, patience)));
      deleted += done.reduce((sum, one) => sum + one, 0);
    }
    return deleted;
  });
}

/** Who asks while a run is under way gets the next one, with all others: a store that is away is not asked by each of them. */
function oneAtATime(run: () => Promise<number>): () => Promise<number> {
  let running: Promise<number> | null = null;
  let next: Promise<number> | null = null;
  const start = () => {
    running = run().finally(() => {
      running = null;
    });
    return running;
  };
  const startNext = () => {
    next = null;
    return start();
  };
  return () => {
    if (running === null) return start();
    next ??= running.then(startNext, startNext);
    return next;
  };
}
