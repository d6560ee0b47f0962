/** A deletion's receipt as the operator sees it, over HTTP and on the command line. */
import type { Deletion, DeletionTable, LeftOver } from '../database/deletion-table.ts';

export type Receipt = ReturnType<typeof presentDeletion>;

const NOTHING: LeftOver = { objects: 0, uploads: 0, lastError: null };

/** Each with what it still waits for. */
export async function presentDeletions(
  table: Pick<DeletionTable, 'leftOver'>,
  deletions: readonly Deletion[],
): Promise<Receipt[]> {
  const open = deletions.filter(({ completedAt }) => completedAt === null);
  const left = open.length === 0 ? new Map() : await table.leftOver(open.map(({ id }) => id));
  return deletions.map((deletion) => presentDeletion(deletion, left.get(deletion.id) ?? NOTHING));
}

function presentDeletion(deletion: Deletion, left: LeftOver) {
  return {
    id: deletion.id,
    kind: deletion.kind,
    company_id: deletion.company,
    session_id: deletion.session,
    file_id: deletion.fileId,
    requested_by: deletion.requester,
    requested_at: timeOf(deletion.requestedAt),
    files: deletion.files,
    bytes: deletion.bytes,
    uploads: deletion.uploads,
    rows_removed_at: timeOrNull(deletion.rowsDoneAt),
    objects_left: left.objects,
    uploads_left: left.uploads,
    completed_at: timeOrNull(deletion.completedAt),
    attempts: deletion.attempts,
    next_attempt_at: deletion.completedAt !== null ? null : timeOrNull(deletion.nextAttemptAt || null),
    last_error: deletion.lastError,
  };
}

function timeOrNull(ms: number | null): string | null {
  return ms === null ? null : timeOf(ms);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
