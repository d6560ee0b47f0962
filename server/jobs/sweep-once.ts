/** Everything that the chores do, once and to its end: `chatdrop sweep`. */
import type { DeleteScope } from '../sharing/delete-scope.ts';
import type { RetireFiles } from '../sharing/retire-files.ts';
import type { CleanUp } from './clean-up.ts';
import type { OwedFinishes } from './owed-finishes.ts';
import type { ReleaseDead } from './release-dead.ts';

type Needs = {
  owed: Pick<OwedFinishes, 'lookAtAll'>;
  cleanUp: CleanUp;
  deleteScope: Pick<DeleteScope, 'work'>;
  retireFiles: Pick<RetireFiles, 'run'>;
  releaseDead: ReleaseDead;
};

export type Swept = {
  complete: number;
  tooOld: number;
  expired: number;
  orphans: number;
  deleted: number;
  deletions: number;
  forgotten: number;
};

/** Uploads or objects a chore takes in one run are limited; this many runs are more than any backlog needs. */
const MAX_RUNS = 10_000;

/** On SQLite only under the instance lock: the finishes of a running server would be taken for dead ones. */
export async function sweepOnce({ owed, cleanUp, deleteScope, retireFiles, releaseDead }: Needs): Promise<Swept> {
  await releaseDead();
  return {
    // First: what is complete is a file, however late.
    complete: await owed.lookAtAll(),
    tooOld: await untilNone(retireFiles.run),
    expired: await untilNone(cleanUp.expireUploads),
    orphans: await cleanUp.dropOrphans(),
    deleted: await untilNone(cleanUp.deleteRemovedBytes),
    deletions: await untilNone(deleteScope.work),
    forgotten: await cleanUp.forget(),
  };
}

async function untilNone(run: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let runs = 0; runs < MAX_RUNS; runs += 1) {
    const done = await run();
    if (done === 0) break;
    total += done;
  }
  return total;
}
