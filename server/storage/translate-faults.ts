/** One place at which a store's own errors become those that the edges know. */
import type { FileStorage } from './file-storage.ts';

/** @param translated the error to throw instead */
export function translateFaults(storage: FileStorage, translated: (error: unknown) => unknown): FileStorage {
  const guarded = { ...storage } as Record<string, unknown>;
  for (const [name, call] of Object.entries(storage)) {
    if (name === 'incomingIds' || name === 'storedKeys') continue;
    guarded[name] = async (...args: unknown[]) => {
      try {
        return await (call as (...args: unknown[]) => Promise<unknown>)(...args);
      } catch (error) {
        throw translated(error);
      }
    };
  }
  return guarded as FileStorage;
}
