/** How long one run waits for a store or a virus scanner that is away: what it would ask next would wait as long. */
import { Failure } from '../rules/failure.ts';
import { NoScanner } from './check-scanner.ts';

/** A store that takes a request and says nothing costs more than this at once; a disk that refuses one file costs nothing. */
const MAX_WAITED_MS = 20_000;

/** A scanner that is away refuses at once, but each try costs the database a few writes; and every finish needs it. */
const MAX_SCANNER_FAULTS = 4;

export type Patience = {
  /** Notes how long the work waited in vain, and throws what it threw. */
  wait<T>(work: () => Promise<T>): Promise<T>;
  isOver(): boolean;
};

export function createPatience(now: () => number): Patience {
  let waitedMs = 0;
  let scannerFaults = 0;
  return {
    async wait(work) {
      const startedAt = now();
      try {
        return await work();
      } catch (error) {
        if (isScannerAway(error)) scannerFaults += 1;
        if (isStorageAway(error) || isScannerAway(error)) waitedMs += now() - startedAt;
        throw error;
      }
    },
    isOver: () => waitedMs >= MAX_WAITED_MS || scannerFaults >= MAX_SCANNER_FAULTS,
  };
}

/** That there is none is the fault of one company's policy: no other waits for it. */
function isScannerAway(error: unknown): boolean {
  if (error instanceof NoScanner) return false;
  return error instanceof Failure && error.code === 'scanner-unavailable';
}

/** Also where it is only the reason of what was thrown. */
export function isStorageAway(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof Failure && at.code === 'storage-unavailable') return true;
  return false;
}
