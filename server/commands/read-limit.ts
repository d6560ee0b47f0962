/** `--limit`: a whole number, with a bound, since what is listed is held in memory. */
import { readInteger } from '../config-values.ts';
import { type Flags, UsageError } from './command.ts';

const MAX_LIMIT = 100_000;

export function readLimit({ limit }: Flags): number {
  try {
    return readInteger(1, MAX_LIMIT)(String(limit));
  } catch (fault) {
    throw new UsageError(`--limit ${(fault as Error).message}.`);
  }
}
