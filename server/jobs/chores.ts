/** The server's chores and their pace. */
import type { DeleteScope } from '../sharing/delete-scope.ts';
import type { RetireFiles } from '../sharing/retire-files.ts';
import type { CheckUsage } from './check-usage.ts';
import type { CleanUp } from './clean-up.ts';
import type { OwedFinishes } from './owed-finishes.ts';
import type { Chore } from './periodic.ts';
import type { ReleaseDead } from './release-dead.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

type Needs = {
  owed: OwedFinishes;
  releaseDead: ReleaseDead;
  /** Whether other nodes may die while this one runs. */
  hasOtherNodes: boolean;
  cleanUp: CleanUp;
  deleteScope: Pick<DeleteScope, 'work'>;
  retireFiles: Pick<RetireFiles, 'run'>;
  checkUsage: CheckUsage;
  makePreviews(): Promise<unknown>;
  sendWebhooks(): Promise<unknown>;
  /** Of the first run. */
  onFault(error: unknown): void;
  /** Writes what was opened and downloaded. */
  flushAudit(): Promise<void>;
  /** Writes what was refused before it had a row. */
  flushRefusals(): Promise<void>;
  /** Null where files are not scanned. */
  lookForScanner: (() => Promise<void>) | null;
  /** Sends what another process wrote to the ledger. */
  pollFeed(): Promise<void>;
  /** Reads what another process wrote of companies. */
  lookAtPolicies(): Promise<void>;
};

export type Chores = {
  /** Before the server listens. Needs the database alone. */
  atStart(): Promise<void>;
  /** What an earlier process left undone. It may wait long for a store that is away, and never throws. */
  firstRun(): Promise<void>;
  periodic: readonly Chore[];
};

export function createChores({
  owed,
  releaseDead,
  hasOtherNodes,
  cleanUp,
  deleteScope,
  retireFiles,
  checkUsage,
  makePreviews,
  sendWebhooks,
  onFault,
  flushAudit,
  flushRefusals,
  lookForScanner,
  pollFeed,
  lookAtPolicies,
}: Needs): Chores {
  /** One node alone does it at its start: nobody dies beside it. */
  const afterOthers: Chore[] = [{ name: 'take over from dead nodes', everyMs: 5 * SECOND_MS, run: releaseDead }];
  const scanner: Chore[] =
    lookForScanner === null
      ? []
      : [{ name: 'look for the virus scanner', everyMs: 3 * SECOND_MS, run: lookForScanner }];
  return {
    async atStart() {
      await checkUsage();
      await releaseDead();
      // Not waited for: what it learns is for the log.
      void lookForScanner?.().catch(onFault);
    },
    async firstRun() {
      const { dropOrphans, deleteRemovedBytes, expireUploads } = cleanUp;
      for (const run of [owed.lookAtAll, deleteScope.work, dropOrphans, deleteRemovedBytes, expireUploads])
        await run().catch(onFault);
    },
    periodic: [
      ...(hasOtherNodes ? afterOthers : []),
      ...scanner,
      { name: 'look for events of other processes', everyMs: SECOND_MS, run: pollFeed },
      { name: 'write the audit', everyMs: SECOND_MS, run: flushAudit },
      { name: 'count what was refused', everyMs: SECOND_MS, run: flushRefusals },
      { name: 'look for policies of companies', everyMs: SECOND_MS, run: lookAtPolicies },
      { name: 'finish what is owed', everyMs: 5 * SECOND_MS, run: owed.sweep },
      { name: 'make previews', everyMs: 5 * SECOND_MS, run: makePreviews },
      { name: 'send webhooks', everyMs: SECOND_MS, run: sendWebhooks },
      { name: 'look at unfinished uploads', everyMs: 60 * MINUTE_MS, run: owed.lookAtAll },
      { name: 'expire uploads', everyMs: MINUTE_MS, run: cleanUp.expireUploads },
      { name: 'delete sessions, visitors and companies', everyMs: 5 * SECOND_MS, run: deleteScope.work },
      { name: 'remove files that are too old', everyMs: 10 * MINUTE_MS, run: retireFiles.run },
      { name: 'delete removed bytes', everyMs: MINUTE_MS, run: cleanUp.deleteRemovedBytes },
      { name: 'drop orphaned bytes', everyMs: 60 * MINUTE_MS, run: cleanUp.dropOrphans },
      { name: 'forget old rows', everyMs: 60 * MINUTE_MS, run: cleanUp.forget },
    ],
  };
}
