import { createConfirmDeletion } from '../sharing/confirm-deletion.ts';
import { createDeleteFiles } from '../sharing/delete-files.ts';
import type { DeleteRemovedBytes } from '../sharing/delete-removed-bytes.ts';
import { createDeleteScope } from '../sharing/delete-scope.ts';
import type { Exclusively } from '../sharing/exclusively.ts';
import { createRemoveFile } from '../sharing/remove-file.ts';
import { createRemoveSession } from '../sharing/remove-session.ts';
import { createRetireFiles } from '../sharing/retire-files.ts';
import type { FileStorage } from '../storage/file-storage.ts';
import { now, type Parts } from './parts.ts';

type ForDeleting = {
  store: FileStorage;
  exclusively: Exclusively;
  deleteRemovedBytes: DeleteRemovedBytes;
  wake(company: string): void;
};

/** Deletion, in all its sizes. `store`: as it is, since a job wants to know whether the bytes went. */
export function composeDeleting(parts: Parts, { store, exclusively, deleteRemovedBytes, wake }: ForDeleting) {
  const shared = { ...parts, exclusively, deleteRemovedBytes, wake, now };
  const deleteFiles = createDeleteFiles(shared);
  const confirmDeletion = createConfirmDeletion({ ...shared, storage: store });
  const deleteScope = createDeleteScope({ ...shared, deleteFiles, confirmDeletion });
  return {
    confirmDeletion,
    deleteScope,
    removeFile: createRemoveFile({ ...shared, deleteFiles, confirmDeletion }),
    removeSession: createRemoveSession({ deleteScope, confirmDeletion }),
    retireFiles: createRetireFiles({
      ...shared,
      companies: parts.usage,
      deleteFiles,
      retentionOf: async (company, uploader) => (await parts.policies.of(company)).retentionSeconds[uploader],
    }),
  };
}
