/** A move from one store to another, as far as it can go now: begun, gone on with, ended. The server may run beside it. */
import type { StoreName, StoreRecord } from '../database/store-record.ts';
import type { MoveFiles, MoveProgress, MoveRequest, SourceContent } from './move-files.ts';

type Needs = {
  record: StoreRecord;
  /** Opens both stores. @throws when one cannot be used, or is not the one that the server uses */
  openMoveFiles(from: StoreName, to: StoreName): Promise<MoveFiles>;
  /** @returns false when another process moves files. It is given back with the process */
  takeTurn(): Promise<boolean>;
};

export type MoveOutcome =
  /** New files go there, and no move is under way. */
  | { is: 'there already' }
  | { is: 'faulty'; progress: MoveProgress }
  /** All that there is now; new files still go to the other store, until the server is started on this one. */
  | { is: 'copied'; progress: MoveProgress }
  /** The server is on the new store, but something still arrives in the old one. */
  | { is: 'waiting'; progress: MoveProgress; unfinished: number; uncopied: number }
  /** `orphans`: objects of the new store that no file has. */
  | { is: 'done'; progress: MoveProgress; source: SourceContent; orphans: number };

export type MoveStorage = (
  to: StoreName,
  /** `emptySource`: once the server is on the new store, delete from the old one what was copied. */
  options: { emptySource: boolean } & Pick<MoveRequest, 'signal' | 'onFault' | 'onProgress'>,
) => Promise<MoveOutcome>;

/**
 * The order of what ends a move: once nothing unfinished is left in the old store nothing new can come there, so what is
 * copied after that is all; and only a store that holds all is emptied.
 */
export function createMoveStorage({ record, openMoveFiles, takeTurn }: Needs): MoveStorage {
  return async (to, { emptySource, ...watching }) => {
    if (!(await takeTurn())) throw new Error('Another chatdrop migrate-storage is running. Wait for it, or stop it.');
    const known = await record.move();
    if (known === null && (await record.store()) === to) return { is: 'there already' };
    const from: StoreName = to === 's3' ? 'local' : 's3';
    const moveFiles = await openMoveFiles(from, to);
    if (known?.to !== to) {
      // Turned round in the middle: files are in both stores, and nothing is known of what was copied this way.
      await record.noteVerified(0);
      await record.noteMove({ from, to, isEntered: known?.isEntered === true });
    }
    const isEntered = async () => (await record.store()) === to && (await record.move())?.to === to;
    const unfinished = (await isEntered()) ? await moveFiles.countUnfinished() : 0;
    const progress = await moveFiles.copyAll({
      ...watching,
      verifiedUpTo: await record.verifiedUpTo(),
      onVerified: record.noteVerified,
    });
    if (progress.faults > 0) return { is: 'faulty', progress };
    if (!(await isEntered())) return { is: 'copied', progress };
    if (unfinished > 0) return { is: 'waiting', progress, unfinished, uncopied: 0 };
    const mayRemove = async () => emptySource && (await isEntered());
    return endMove(record, moveFiles, progress, { isEntered, mayRemove, signal: watching.signal });
  };
}

async function endMove(
  record: StoreRecord,
  moveFiles: MoveFiles,
  progress: MoveProgress,
  {
    isEntered,
    mayRemove,
    signal,
  }: { isEntered(): Promise<boolean>; mayRemove(): Promise<boolean>; signal: AbortSignal },
): Promise<MoveOutcome> {
  const source = await moveFiles.lookAtSource({ mayRemove, signal });
  if (source.uncopied > 0) {
    // Some were taken for verified that are not there.
    await record.noteVerified(0);
    return { is: 'waiting', progress, unfinished: 0, uncopied: source.uncopied };
  }
  const orphans = await moveFiles.countOrphans(signal);
  if (!(await isEntered())) return { is: 'copied', progress };
  await record.endMove();
  return { is: 'done', progress, source, orphans };
}
