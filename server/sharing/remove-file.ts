/** Takes one file out of a chat, with a receipt; its bytes follow, at once where the store lets them. */
import type { RemovalReason } from '../contract/events.ts';
import type { FileRecord } from '../database/chat-file-table.ts';
import { type DeletionTable, requesterOf } from '../database/deletion-table.ts';
import { type Actor, SERVER } from '../rules/actor.ts';
import type { ConfirmDeletion } from './confirm-deletion.ts';
import type { DeleteFiles } from './delete-files.ts';
import { waitBriefly } from './wait-briefly.ts';

type Needs = {
  deleteFiles: DeleteFiles;
  deletions: Pick<DeletionTable, 'insert' | 'find'>;
  confirmDeletion: ConfirmDeletion;
  now(): number;
};

/** The chore leaves it to the request for that long. */
const OWN_WORK_MS = 10_000;

/** `by`: the server itself, if left out. @returns false when it was gone already. */
export type RemoveFile = (file: FileRecord, reason: RemovalReason, by?: Actor) => Promise<boolean>;

export function createRemoveFile({ deleteFiles, deletions, confirmDeletion, now }: Needs): RemoveFile {
  return async ({ id: fileId, company, session }, reason, by = SERVER) => {
    let receiptId = 0;
    const gone = await deleteFiles({
      company,
      ids: [fileId],
      reason,
      by,
      async receipt(transaction) {
        receiptId = await deletions.insert(transaction, {
          kind: 'file',
          company,
          session,
          fileId,
          requester: requesterOf(by),
          requestedAt: now(),
          throughFileId: fileId,
          isRowsDone: true,
          nextAttemptAt: now() + OWN_WORK_MS,
        });
        return receiptId;
      },
    });
    if (gone.length === 0) return false;
    await waitBriefly(deletions.find(receiptId).then((deletion) => deletion && confirmDeletion(deletion)));
    return true;
  };
}
