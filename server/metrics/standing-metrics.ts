/** How things stand, as of the last look: what is owed, what is open, what room there is. */
import { Counter, Gauge, type Registry } from 'prom-client';
import type { JobKind, JobQueue } from '../database/job-list.ts';

/** Undefined: not known, or there is no such thing here. */
export type Standing = {
  queues?: Record<JobKind, JobQueue>;
  openUploads?: number;
  freeBytes?: number;
  scannerIsThere?: boolean;
  connections?: { used: number; free: number; waiting: number };
};

export type StandingMetrics = {
  /** What is not in it goes: an old number would be taken for a new one. */
  note(standing: Standing): void;
  /** It could not be read, or not in time. */
  failed(): void;
};

/** `finish upload` → `finish_upload`. */
const labelOf = (kind: string) => kind.replaceAll(' ', '_');

export function createStandingMetrics(registry: Registry): StandingMetrics {
  const registers = [registry];
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[] = []) => {
    const made = new Gauge({ name, help, labelNames, registers });
    // Without a label it begins as 0, which nobody has seen yet.
    if (labelNames.length === 0) made.remove();
    return made;
  };
  const jobs = gauge('chatdrop_queue_jobs', 'What is owed, by kind; 10000 stands for that and more.', ['queue']);
  const failing = gauge('chatdrop_queue_failing_jobs', 'Those of them that were tried, and failed.', ['queue']);
  const oldest = gauge('chatdrop_queue_oldest_seconds', 'How long the oldest of them has been owed.', ['queue']);
  const open = gauge(
    'chatdrop_uploads_open',
    'Uploads that are begun and not complete; 10000 stands for that and more.',
  );
  const free = gauge('chatdrop_storage_free_bytes', 'Room for files; not there where the store does not say.');
  const scanner = gauge('chatdrop_scanner_up', '1 if the scanner answers, 0 if not; not there without one.');
  const connections = gauge('chatdrop_database_connections', 'Connections to the database.', ['state']);
  const waiting = gauge('chatdrop_database_waiting', 'Statements and transactions that wait for a connection.');
  const failures = new Counter({
    name: 'chatdrop_standing_errors_total',
    help: 'Times that what is owed and open could not be read in time.',
    registers,
  });
  const put = (target: Gauge, value: number | undefined) => {
    if (value === undefined) target.remove();
    else target.set(value);
  };
  return {
    note(standing) {
      for (const each of [jobs, failing, oldest, connections]) each.reset();
      for (const [kind, queue] of Object.entries(standing.queues ?? {})) {
        const label = { queue: labelOf(kind) };
        jobs.set(label, queue.jobs);
        failing.set(label, queue.failing);
        if (queue.oldestSeconds !== null) oldest.set(label, queue.oldestSeconds);
      }
      put(open, standing.openUploads);
      put(free, standing.freeBytes);
      put(scanner, standing.scannerIsThere === undefined ? undefined : Number(standing.scannerIsThere));
      put(waiting, standing.connections?.waiting);
      for (const state of ['used', 'free'] as const) {
        if (standing.connections !== undefined) connections.set({ state }, standing.connections[state]);
      }
    },
    failed: () => failures.inc(),
  };
}
