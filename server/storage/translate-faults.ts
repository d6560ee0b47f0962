/** One place at which a store's own errors become those that the edges know. */
import type { FileStorage } from './file-storage.ts';

/** @param translated the error to throw instead */
export function translateFaults(storage: FileStorage, translated: (error: unknown) => unknown): FileStorage {
  const guarded = { ...storage } as Record<string, unknown>;
  const fail = (error: unknown): never => {
    throw translated(error);
  };
  for (const [name, call] of Object.entries(storage)) {
    if (name === 'incomingIds' || name === 'storedKeys') continue;
    // Not an async function, which would wait beside the one that it calls: there is one for each open body.
    guarded[name] = (...args: unknown[]) => {
      try {
        return (call as (...args: unknown[]) => Promise<unknown>)(...args).catch(fail);
      } catch (error) {
        return Promise.reject(translated(error));
      }
    };
  }
  return guarded as FileStorage;
}
