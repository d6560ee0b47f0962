/** A value that tells its listeners when it changes: all that a user interface needs from the core. */

export type Observable<T> = {
  get(): T;
  /** Calls the listener after every change; the answer stops it. */
  subscribe(listener: () => void): () => void;
};

export type MutableObservable<T> = Observable<T> & {
  /** Replaces the value; the same value again tells nobody. */
  set(next: T): void;
};

/** Holds one immutable value and its listeners. */
export function createObservable<T>(initial: T): MutableObservable<T> {
  let value = initial;
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(next, value)) return;
      value = next;
      // A copy, so that a listener may leave while it is being called.
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
