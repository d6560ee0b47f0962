/** Mends what a verification found, as far as that takes nothing away that could still be needed. */
import type { ChatFileTable } from '../database/chat-file-table.ts';
import type { Database } from '../database/open-database.ts';
import type { PreviewJobTable } from '../database/preview-job-table.ts';
import type { RemovedObjectTable } from '../database/removed-object-table.ts';
import type { DeleteRemovedBytes } from './delete-removed-bytes.ts';
import type { RemoveFile } from './remove-file.ts';
import type { Finding, Progress } from './verify-files.ts';

type Needs = {
  database: Database;
  files: Pick<ChatFileTable, 'forgetThumbnail'>;
  previewJobs: Pick<PreviewJobTable, 'add'>;
  removedObjects: Pick<RemovedObjectTable, 'add'>;
  removeFile: RemoveFile;
  deleteRemovedBytes: DeleteRemovedBytes;
};

/** How many were mended; null: so much is wrong that it is the set-up, and nothing was touched. */
export type RepairFiles = (findings: readonly Finding[], seen: Progress) => Promise<number | null>;

/** A volume that is not mounted, or the database of another server, makes everything missing or orphaned. */
const MAX_WRONG_SHARE = 0.5;
const FEW_FINDINGS = 10;

/**
 * A file without bytes leaves its chat, with the event; an orphaned object is deleted, a lost thumbnail is made again by the server. Damaged bytes stay: a backup may
 * have better ones, and `chatdrop files remove` is there for the rest.
 */
export function createRepairFiles(needs: Needs): RepairFiles {
  const { database, removedObjects, removeFile, deleteRemovedBytes } = needs;
  return async (findings, seen) => {
    const missing = findings.filter(({ fault }) => fault === 'missing');
    const orphans = findings.filter(({ fault }) => fault === 'orphan');
    if (isTooMuch(missing.length, seen.files) || isTooMuch(orphans.length, seen.objects)) return null;
    let mended = 0;
    for (const { file } of missing) if (file !== null && (await removeFile(file, 'deleted'))) mended += 1;
    for (const { key } of orphans) {
      await database.transaction((transaction) => removedObjects.add(transaction, key));
      mended += 1;
    }
    for (const finding of findings) if (finding.fault === 'no-thumbnail') mended += await oweThumbnail(needs, finding);
    for (let deleted = 1; orphans.length > 0 && deleted > 0; ) deleted = await deleteRemovedBytes();
    return mended;
  };
}

/** @returns how many are owed again */
async function oweThumbnail({ database, files, previewJobs }: Needs, { file, key }: Finding): Promise<number> {
  if (file === null) return 0;
  return database.transaction(async (transaction) => {
    if (!(await files.forgetThumbnail(transaction, file.id, key))) return 0;
    await previewJobs.add(transaction, file.id);
    return 1;
  });
}

function isTooMuch(wrong: number, all: number): boolean {
  return wrong > FEW_FINDINGS && wrong > all * MAX_WRONG_SHARE;
}
