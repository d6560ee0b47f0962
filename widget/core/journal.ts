/** Remembers upload URLs by file key: a shortcut past the server's list, and never a reason to fail. */

export type Journal = {
  urlOf(fileKey: string): string | null;
  remember(fileKey: string, uploadUrl: string): void;
  forget(fileKey: string): void;
};

type Entry = { url: string; savedAt: number };

const MAX_ENTRIES = 100;
const MAX_AGE_MS = 24 * 60 * 60_000;

/**
 * Keeps entries in memory and, where the browser lets us, in localStorage. Storage may be missing (`null` in some
 * WebViews), forbidden (sandboxed frames throw on the property itself) or full: each is survived in silence.
 */
export function createJournal(needs: { storageKey: string }): Journal {
  const entries = new Map(Object.entries(load(needs.storageKey)));

  function save(): void {
    while (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value as string);
    try {
      if (entries.size === 0) localStorage.removeItem(needs.storageKey);
      else localStorage.setItem(needs.storageKey, JSON.stringify(Object.fromEntries(entries)));
    } catch {
      // Memory and the server's list remain.
    }
  }

  return {
    urlOf: (fileKey) => entries.get(fileKey)?.url ?? null,
    remember(fileKey, uploadUrl) {
      if (entries.get(fileKey)?.url === uploadUrl) return;
      entries.delete(fileKey);
      entries.set(fileKey, { url: uploadUrl, savedAt: Date.now() });
      save();
    },
    forget(fileKey) {
      if (entries.delete(fileKey)) save();
    },
  };
}

function load(storageKey: string): Record<string, Entry> {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Record<string, Partial<Entry>>;
    const fresh = Object.entries(stored).filter(
      (pair): pair is [string, Entry] =>
        typeof pair[1]?.url === 'string' && Date.now() - Number(pair[1].savedAt) < MAX_AGE_MS,
    );
    return Object.fromEntries(fresh.slice(-MAX_ENTRIES));
  } catch {
    return {};
  }
}
