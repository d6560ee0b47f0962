import type { CompanyUsage } from '../database/company-usage-table.ts';
import { createCheckUsage } from '../jobs/check-usage.ts';
import { createCleanUp } from '../jobs/clean-up.ts';
import { createLookForScanner } from '../jobs/look-for-scanner.ts';
import { createOwedFinishes } from '../jobs/owed-finishes.ts';
import { createReleaseDead } from '../jobs/release-dead.ts';
import { HOLDER } from './holder.ts';
import { now, type Parts } from './parts.ts';
import type { Sharing } from './sharing.ts';

/** A node that lives is back on PostgreSQL in less, however that ended. */
const DEAD_AFTER_MS = 20_000;

/** What the chores do. */
export function composeCleaning(
  {
    config,
    log,
    uploads,
    previewJobs,
    removedObjects,
    storage,
    stores,
    ledger,
    limits,
    audit,
    infections,
    scanning,
    deletions,
    days,
    webhookDeliveries,
    statistics,
    nodes,
  }: Parts,
  { finishUpload, abortUpload, deleteRemovedBytes, discardBytes, exclusively, deleteScope, retireFiles }: Sharing,
) {
  const onFault = (upload: string, err: unknown) => log.warn({ upload, err }, 'an upload could not be finished yet');
  const owed = createOwedFinishes({ uploads, storage, finishUpload, onFault, holder: HOLDER, now });
  const cleanUp = createCleanUp({
    uploads,
    storage,
    ledger,
    limits,
    audit,
    auditKeptSeconds: config.auditRetentionSeconds,
    infections,
    deletions,
    days,
    webhookDeliveries,
    statistics,
    finishUpload,
    abortUpload,
    exclusively,
    deleteRemovedBytes,
    discardBytes,
    isMoving: async () => (await stores.record.move()) !== null,
    now,
  });
  // Where there is only one node, it is asked at its start, and under the instance lock: all others are dead then.
  const isAlive = nodes.isAlive ?? (async (holder: string) => holder === HOLDER);
  const graceMs = nodes.isAlive === null ? 0 : DEAD_AFTER_MS;
  const lookForScanner = scanning === null ? null : createLookForScanner({ look: scanning.watch.look, uploads, owed });
  return {
    owed,
    cleanUp,
    deleteScope,
    retireFiles,
    lookForScanner,
    releaseDead: createReleaseDead({
      ...{ uploads, previewJobs, webhookDeliveries, isAlive, graceMs, now },
      // With other nodes they wait for their time: a name is not noted with each.
      giveUpPlaces: nodes.isAlive === null ? removedObjects.giveUpPlaces : null,
    }),
  };
}

export function composeCheckUsage({ log, usage }: Parts) {
  const onMended = (mended: CompanyUsage) =>
    log.warn(mended, 'the bytes of a company were counted wrong, and are right now');
  const onChatsMended = (chats: number) =>
    log.warn({ chats }, 'the files of some chats were counted wrong, and are right now');
  return createCheckUsage({ usage, onMended, onChatsMended });
}
