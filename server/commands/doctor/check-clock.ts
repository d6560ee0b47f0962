/** The clock: tokens, links and expiries depend on it. */
import { type Check, ill, well } from './check.ts';

/** What was read of the clocks; `driftMs` is how far the wall clock moved against the monotonic one meanwhile. */
export type ClockReading = { nowMs: number; installedAtMs: number; newestEntryAtMs: number | null; driftMs: number };

const NAME = 'clock';
/** What two clocks of one network may differ. */
const TOLERANCE_MS = 5000;
const MAX_DRIFT_MS = 250;
const REMEDY = 'Set the clock, and let NTP keep it: tokens and links are good or bad by it.';

export function judgeClock({ nowMs, installedAtMs, newestEntryAtMs, driftMs }: ClockReading): Check {
  const now = new Date(nowMs).toISOString();
  if (nowMs < installedAtMs - TOLERANCE_MS)
    return ill(NAME, `${now} is before this version was installed (${new Date(installedAtMs).toISOString()})`, REMEDY);
  if (newestEntryAtMs !== null && nowMs < newestEntryAtMs - TOLERANCE_MS)
    return ill(
      NAME,
      `${now} is before the newest entry of the ledger (${new Date(newestEntryAtMs).toISOString()})`,
      REMEDY,
    );
  if (Math.abs(driftMs) > MAX_DRIFT_MS)
    return ill(NAME, `it jumped by ${Math.round(driftMs)} ms while it was looked at`, REMEDY);
  return well(NAME, now);
}
