/**
 * Called first by each measured server of Node: it counts its own event loop and garbage collections. SIGUSR2 begins, the next one ends
 * and leaves the figures in the file that BENCH_WATCH names.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from 'node:perf_hooks';
import type { SelfFigures } from './watched.ts';

/** Of the timer whose lateness is measured: the histogram has both together. */
const RESOLUTION_MS = 10;
export function watchSelf(): void {
  const file = process.env.BENCH_WATCH;
  if (file === undefined) return;
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const collections = { all: 0, full: 0, ms: 0 };
  const count = (entries: PerformanceEntry[]) => {
    for (const { detail, duration } of entries as (PerformanceEntry & { detail: { kind: number } })[]) {
      collections.all += 1;
      collections.ms += duration;
      if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) collections.full += 1;
    }
  };
  const observer = new PerformanceObserver((list) => count(list.getEntries()));
  let turn = 0;
  let before: ReturnType<typeof performance.eventLoopUtilization> | null = null;
  process.on('SIGUSR2', () => {
    turn += 1;
    if (before === null) {
      Object.assign(collections, { all: 0, full: 0, ms: 0 });
      delay.reset();
      delay.enable();
      observer.observe({ entryTypes: ['gc'] });
      before = performance.eventLoopUtilization();
      tell({ turn });
      return;
    }
    const { utilization } = performance.eventLoopUtilization(before);
    before = null;
    count(observer.takeRecords());
    observer.disconnect();
    delay.disable();
    const lateMs = (nanoseconds: number) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
    const figures: SelfFigures = {
      busy: utilization,
      lateP99Ms: lateMs(delay.percentile(99)),
      lateMaxMs: lateMs(delay.max),
      collections: collections.all,
      fullCollections: collections.full,
      collectingMs: collections.ms,
    };
    tell({ turn, figures });
  });
  const tell = (what: object) => {
    writeFileSync(`${file}.new`, JSON.stringify(what));
    renameSync(`${file}.new`, file);
  };
}
