/** Reads how things stand when somebody scrapes: seldom, once for all who ask, and never for long. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Standing, StandingMetrics } from './standing-metrics.ts';

type Needs = {
  read(): Promise<Standing>;
  standing: StandingMetrics;
  /** Milliseconds, of a clock that is not set. */
  monotonicMs(): number;
};

/** However many scrape, and however often: the database is asked once in this time. */
const MAX_AGE_MS = 5_000;
/** A database that hangs must not keep the other metrics back: Prometheus waits ten seconds by default. */
const MAX_WAIT_MS = 2_000;

/** Never throws, and takes `MAX_WAIT_MS` at most. */
export type LookAtStanding = () => Promise<void>;

export function createLookAtStanding({ read, standing, monotonicMs }: Needs): LookAtStanding {
  let lookedAt = Number.NEGATIVE_INFINITY;
  let looking: Promise<void> | null = null;
  const look = async () => {
    try {
      standing.note(await read());
    } catch {
      standing.failed();
      standing.note({});
    } finally {
      lookedAt = monotonicMs();
      looking = null;
    }
  };
  return async () => {
    if (looking === null && monotonicMs() - lookedAt < MAX_AGE_MS) return;
    looking ??= look();
    const enough = new AbortController();
    const tooLong = sleep(MAX_WAIT_MS, true, { signal: enough.signal }).catch(() => false);
    const isLate = await Promise.race([looking.then(() => false), tooLong]).finally(() => enough.abort());
    if (!isLate) return;
    standing.failed();
    standing.note({});
  };
}
