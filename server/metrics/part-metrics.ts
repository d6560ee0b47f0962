/** The times and faults of what the server stands on: storage, scanner, database. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { databaseFailure } from '../database/database-failure.ts';
import { Failure } from '../rules/failure.ts';
import type { Watch } from '../rules/watch.ts';
import type { Verdict } from '../scan/scanner.ts';

export type PartMetrics = {
  watch: Watch;
  verdict(verdict: Verdict['is']): void;
  /** One statement. */
  queried(operation: string, seconds: number, isFault: boolean): void;
};

/** A local disk answers in tenths of milliseconds, a sync takes some, a bucket tens to hundreds; a copy in it seconds. */
const STORAGE_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
/** Some milliseconds for a picture, seconds for a large archive; clamd gives up after two minutes by default. */
const SCAN_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120];
/** Most are below a millisecond; a write on SQLite is a sync. */
const QUERY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
/** How long it takes is the client's doing. */
const AT_THE_CLIENTS_PACE = new Set(['append']);

export function createPartMetrics(registry: Registry): PartMetrics {
  const registers = [registry];
  const histogram = <Label extends string>(name: string, help: string, buckets: number[], labelNames: Label[] = []) =>
    new Histogram({ name, help, buckets, labelNames, registers });
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[] = []) =>
    new Counter({ name, help, labelNames, registers });
  const storage = histogram('chatdrop_storage_seconds', 'Time that the storage took.', STORAGE_SECONDS, ['operation']);
  const storageFaults = counter('chatdrop_storage_errors_total', 'What the storage could not do.', ['operation']);
  const scans = histogram('chatdrop_scan_seconds', 'Time that the scanner took for a file.', SCAN_SECONDS);
  const scanFaults = counter('chatdrop_scan_errors_total', 'Scans without a verdict: the scanner is away, or full.');
  const verdicts = counter('chatdrop_scan_verdicts_total', 'Verdicts of the scanner.', ['verdict']);
  const queries = histogram('chatdrop_database_seconds', 'Time that statements and transactions took.', QUERY_SECONDS, [
    'operation',
  ]);
  const queryFaults = counter('chatdrop_database_errors_total', 'Statements and transactions that failed.', [
    'operation',
  ]);
  for (const operation of ['append', 'open', 'makeFinal']) storageFaults.inc({ operation }, 0);
  for (const operation of ['select', 'transaction']) queryFaults.inc({ operation }, 0);
  for (const verdict of ['clean', 'infected', 'unscannable']) verdicts.inc({ verdict }, 0);
  const took = {
    storage(operation: string, seconds: number, isFault: boolean) {
      if (!AT_THE_CLIENTS_PACE.has(operation)) storage.observe({ operation }, seconds);
      if (isFault) storageFaults.inc({ operation });
    },
    scanner(_operation: string, seconds: number, isFault: boolean) {
      scans.observe(seconds);
      if (isFault) scanFaults.inc();
    },
    database(operation: string, seconds: number, isFault: boolean) {
      queries.observe({ operation }, seconds);
      if (isFault) queryFaults.inc({ operation });
    },
  };
  return {
    async watch(part, operation, work) {
      if (part === 'upload' || part === 'preview') return work();
      const note = took[part];
      const startedAt = performance.now();
      try {
        const answer = await work();
        note(operation, (performance.now() - startedAt) / 1000, false);
        return answer;
      } catch (error) {
        const isFault = part === 'database' ? databaseFailure(error) !== null : isOurs(error);
        note(operation, (performance.now() - startedAt) / 1000, isFault);
        throw error;
      }
    },
    verdict: (verdict) => verdicts.inc({ verdict }),
    queried: took.database,
  };
}

/** A file that is refused, a client that leaves or an answer that is no is not a fault of the part that was asked. */
function isOurs(error: unknown): boolean {
  if (error instanceof Failure)
    return error.status >= 500 && error.code !== 'shutting-down' && error.code !== 'quota-exceeded';
  return (error as { name?: unknown } | null)?.name !== 'AbortError';
}
