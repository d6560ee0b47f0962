/** Looks whether the virus scanner is there; when it has come back, what waited for it waits no longer. */
import type { UploadTable } from '../database/upload-table.ts';
import type { OwedFinishes } from './owed-finishes.ts';

type Needs = {
  /** Whether it is there. Never throws. */
  look(): Promise<boolean>;
  uploads: Pick<UploadTable, 'hurryFinishes'>;
  owed: Pick<OwedFinishes, 'sweep'>;
};

export function createLookForScanner({ look, uploads, owed }: Needs): () => Promise<void> {
  let wasThere = true;
  return async () => {
    const isThere = await look();
    const isBack = isThere && !wasThere;
    wasThere = isThere;
    if (!isBack) return;
    await uploads.hurryFinishes();
    await owed.sweep();
  };
}
