/** The server's chores and their pace. */
import type { CheckUsage } from './check-usage.ts';
import type { CleanUp } from './clean-up.ts';
import type { OwedFinishes } from './owed-finishes.ts';
import type { Chore } from './periodic.ts';

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

type Needs = {
  owed: OwedFinishes;
  cleanUp: CleanUp;
  checkUsage: CheckUsage;
  /** Sends what another process wrote to the ledger. */
  pollFeed(): Promise<void>;
};

export type Chores = {
  /** Before the server listens: what an earlier process left undone. */
  atStart(): Promise<void>;
  periodic: readonly Chore[];
};

export function createChores({ owed, cleanUp, checkUsage, pollFeed }: Needs): Chores {
  return {
    async atStart() {
      await checkUsage();
      await owed.atStart();
      await cleanUp.dropOrphans();
      await cleanUp.deleteRemovedBytes();
      await cleanUp.expireUploads();
    },
    periodic: [
      { name: 'look for events of other processes', everyMs: SECOND_MS, run: pollFeed },
      { name: 'finish what is owed', everyMs: 5 * SECOND_MS, run: owed.sweep },
      { name: 'expire uploads', everyMs: MINUTE_MS, run: cleanUp.expireUploads },
      { name: 'delete removed bytes', everyMs: MINUTE_MS, run: cleanUp.deleteRemovedBytes },
      { name: 'drop orphaned bytes', everyMs: 60 * MINUTE_MS, run: cleanUp.dropOrphans },
      { name: 'forget old rows', everyMs: 60 * MINUTE_MS, run: cleanUp.forget },
    ],
  };
}
