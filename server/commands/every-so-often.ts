/** Progress for people: often enough to see that it goes on, seldom enough to be read. */

const PROGRESS_EVERY_MS = 5000;

/** @returns what hands on one of many calls, each some seconds after the last */
export function everySoOften<T>(tell: (progress: T) => void): (progress: T) => void {
  let toldAt = performance.now();
  return (progress) => {
    if (performance.now() - toldAt < PROGRESS_EVERY_MS) return;
    toldAt = performance.now();
    tell(progress);
  };
}
