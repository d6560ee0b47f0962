/** An answer that may be a few seconds old: however many ask, the work is done once in that time. */

/** Those who ask while it is read share the one answer; a fault is kept for nobody. */
export function keepBriefly<T>(maxAgeMs: number, monotonicMs: () => number, read: () => Promise<T>): () => Promise<T> {
  let kept: { at: number; answer: Promise<T> } | null = null;
  return () => {
    if (kept !== null && monotonicMs() - kept.at < maxAgeMs) return kept.answer;
    const current = { at: monotonicMs(), answer: read() };
    kept = current;
    current.answer.catch(() => {
      if (kept === current) kept = null;
    });
    return current.answer;
  };
}
