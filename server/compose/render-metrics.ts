/** What `/metrics` answers with: what was counted, and how things stand now. */
import { createJobList } from '../database/job-list.ts';
import { createLookAtStanding } from '../metrics/look-at-standing.ts';
import { now, type Parts } from './parts.ts';

/** Of open uploads: see `MAX_COUNTED` of the list of jobs. */
const MAX_COUNTED = 10_000;

/** Null where nothing is counted. */
export function composeRender({ config, database, metrics, storage, scanning, uploads }: Parts) {
  const { render, standing } = metrics;
  if (render === undefined) return null;
  const jobs = createJobList(database);
  const pool: { numUsed(): number; numFree(): number; numPendingAcquires(): number } = database.client.pool;
  const look = createLookAtStanding({
    standing,
    monotonicMs: () => performance.now(),
    async read() {
      const freeBytes = await storage.freeBytes().catch(() => Number.POSITIVE_INFINITY);
      return {
        // Before the questions that take a connection themselves.
        connections: { used: pool.numUsed(), free: pool.numFree(), waiting: pool.numPendingAcquires() },
        queues: await jobs.queues(now(), config.uploadExpirySeconds * 1000),
        openUploads: await uploads.countOpen(MAX_COUNTED),
        ...(Number.isFinite(freeBytes) && { freeBytes }),
        ...(scanning !== null && { scannerIsThere: await scanning.watch.isThere() }),
      };
    },
  });
  return async () => {
    await look();
    return render();
  };
}
