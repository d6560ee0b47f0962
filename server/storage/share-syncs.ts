/** Lets those who have a folder synced at the same time share one sync. */
import type { SyncFolder } from './disk-syncs.ts';

type UnderWay = { running: Promise<void>; next: Promise<void> | null };

/**
 * One sync of a folder runs at a time. Who comes meanwhile waits for the next one, together with all others who do, and never
 * for the one that runs: it may have looked at the folder before their file was in it. So of sixteen at once two are made.
 * One that fails fails for them too: Linux tells of a write that was lost once, and the next sync would call the folder clean.
 */
export function shareSyncs(sync: SyncFolder): SyncFolder {
  const folders = new Map<string, UnderWay>();
  const begin = (folder: string): Promise<void> => {
    const current: UnderWay = { running: sync(folder), next: null };
    current.running.then(
      () => current.next === null && folders.delete(folder),
      () => folders.delete(folder),
    );
    folders.set(folder, current);
    return current.running;
  };
  return (folder) => {
    const current = folders.get(folder);
    if (current === undefined) return begin(folder);
    current.next ??= current.running.then(() => begin(folder));
    return current.next;
  };
}
