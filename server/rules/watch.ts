/** How work of the server is looked at from outside: what was done, by which part of the house, how long it took and how it ended. */

export type WatchedPart = 'upload' | 'storage' | 'scanner' | 'database' | 'preview';

/**
 * Runs the work and sees how it ends; what it answers and what it throws is passed on as it is. `operation` is one of a few
 * words, never something that a user named.
 */
export type Watch = <T>(part: WatchedPart, operation: string, work: () => Promise<T>) => Promise<T>;

export const UNWATCHED: Watch = (_part, _operation, work) => work();

/** Both look at the same work, the first from outside of the second. */
export function watchBoth(outer: Watch, inner: Watch): Watch {
  if (outer === UNWATCHED) return inner;
  if (inner === UNWATCHED) return outer;
  return (part, operation, work) => outer(part, operation, () => inner(part, operation, work));
}
