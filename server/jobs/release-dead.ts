/** What processes had that are dead: others go on with it. */
import type { UploadTable } from '../database/upload-table.ts';

type Needs = {
  uploads: Pick<UploadTable, 'holders' | 'releaseHolder'>;
  /** Whether the process of this name still runs, on any node. */
  isAlive(holder: string): Promise<boolean>;
};

/** @returns how many of them had something */
export type ReleaseDead = () => Promise<number>;

export function createReleaseDead({ uploads, isAlive }: Needs): ReleaseDead {
  return async () => {
    let dead = 0;
    for (const holder of await uploads.holders()) {
      if (await isAlive(holder)) continue;
      await uploads.releaseHolder(holder);
      dead += 1;
    }
    return dead;
  };
}
