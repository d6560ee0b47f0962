/** Up to where the agent has seen each chat, kept in this browser; windows of the same browser share it. */

export type ReadMarks = {
  /** The ledger's place up to which a chat has been seen. */
  seenSeq(sessionId: string): number;
  /** The place at which this browser saw the company first: what is older is no news. Counts the first time only. */
  begin(seq: number): void;
  mark(sessionId: string, seq: number): void;
  destroy(): void;
};

type Kept = { from: number; seen: Record<string, number> };

/** The chats marked least recently are forgotten first: they count as seen up to `from`. */
const MAX_KEPT = 2000;

/** Storage that is full, blocked or spoilt is no fault: the marks live as long as the page then. */
export function createReadMarks(needs: { storageKey: string; onElsewhere: (sessionId: string) => void }): ReadMarks {
  const { storageKey, onElsewhere } = needs;
  let kept = read();
  let hasBegun = kept !== null;
  kept ??= { from: 0, seen: {} };
  let marks = kept;

  function read(): Kept | null {
    try {
      const value = JSON.parse(localStorage.getItem(storageKey) ?? 'null') as Kept | null;
      return value !== null && Number.isInteger(value.from) && typeof value.seen === 'object' ? value : null;
    } catch {
      return null;
    }
  }

  function write(): void {
    // Another window may have written since.
    for (const [id, seq] of Object.entries(read()?.seen ?? {})) {
      if (seq > (marks.seen[id] ?? 0)) marks.seen[id] = seq;
    }
    const entries = Object.entries(marks.seen);
    if (entries.length > MAX_KEPT) marks.seen = Object.fromEntries(entries.slice(-MAX_KEPT));
    try {
      localStorage.setItem(storageKey, JSON.stringify(marks));
    } catch {
      // Private windows and full disks.
    }
  }

  const onStorage = (event: StorageEvent) => {
    if (event.key !== storageKey) return;
    const before = marks;
    marks = read() ?? marks;
    for (const [id, seq] of Object.entries(marks.seen)) if (seq > (before.seen[id] ?? 0)) onElsewhere(id);
  };
  window.addEventListener('storage', onStorage);

  return {
    seenSeq: (sessionId) => marks.seen[sessionId] ?? marks.from,
    begin(seq) {
      if (hasBegun) return;
      hasBegun = true;
      marks = { from: seq, seen: {} };
      write();
    },
    mark(sessionId, seq) {
      if (seq <= (marks.seen[sessionId] ?? marks.from)) return;
      // Deleted first, so that it stands at the end: the order is that of the last visit.
      delete marks.seen[sessionId];
      marks.seen[sessionId] = seq;
      write();
    },
    destroy: () => window.removeEventListener('storage', onStorage),
  };
}
