/** What processes had that are dead: others go on with it. */
import type { PreviewJobTable } from '../database/preview-job-table.ts';
import type { UploadTable } from '../database/upload-table.ts';
import type { WebhookDeliveryTable } from '../database/webhook-delivery-table.ts';

type Needs = {
  uploads: Pick<UploadTable, 'holders' | 'freeFinishes' | 'abortRequests'>;
  previewJobs: Pick<PreviewJobTable, 'holders' | 'free'>;
  webhookDeliveries: Pick<WebhookDeliveryTable, 'holders' | 'free'>;
  /** Keys at which a process was about to write; null where others may be alive that this server cannot ask. */
  giveUpPlaces: (() => Promise<void>) | null;
  /** Whether the process of this name still runs, on any node. */
  isAlive(holder: string): Promise<boolean>;
  /** How long a process has to be missed before it is dead for sure. */
  graceMs: number;
  now(): number;
};

/** @returns how many of them had something */
export type ReleaseDead = () => Promise<number>;

/**
 * Finishes are free as soon as their process is missed: one that lives after all finds its lease lost, and nothing else.
 * Its requests end only when it is dead for sure, since after a restart of the database all nodes are missed for a moment.
 */
export function createReleaseDead({
  uploads,
  previewJobs,
  webhookDeliveries,
  giveUpPlaces,
  isAlive,
  graceMs,
  now,
}: Needs): ReleaseDead {
  let missedSince = new Map<string, number>();
  return async () => {
    await giveUpPlaces?.();
    const missed = new Map<string, number>();
    const leased = [uploads, previewJobs, webhookDeliveries];
    const holders = (await Promise.all(leased.map((table) => table.holders()))).flat();
    for (const holder of new Set(holders)) {
      if (await isAlive(holder)) continue;
      const since = missedSince.get(holder) ?? now();
      missed.set(holder, since);
      await uploads.freeFinishes(holder);
      await previewJobs.free(holder);
      await webhookDeliveries.free(holder);
      if (now() - since >= graceMs) await uploads.abortRequests(holder);
    }
    missedSince = missed;
    return missed.size;
  };
}
