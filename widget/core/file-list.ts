/** The session's files as one list without doubles, whatever order lists and events arrive in. */
import type { ChatFile } from '../../server/contract/chat-file.ts';

export type FileList = {
  files(): ChatFile[];
  get(id: number): ChatFile | null;
  /** The ledger's place that is known here: what a reconnection asks to go on after. */
  seq(): number;
  /** Takes in one file from the ledger's entry `seq`; older knowledge never replaces newer. */
  put(file: ChatFile, seq: number): void;
  /** Takes in one file that was asked for by id. The place stays: entries before it may still be on their way. */
  learn(file: ChatFile): void;
  remove(id: number, seq: number): void;
  /**
   * Takes in the list as of `seq`. When it is whole, what it lacks and was known before has been removed since.
   */
  putAll(files: ChatFile[], seq: number, isWhole: boolean): void;
};

/** Starts empty. Ids are never used twice, so a removed one stays removed. */
export function createFileList(): FileList {
  const known = new Map<number, { file: ChatFile; asOfSeq: number }>();
  const removed = new Set<number>();
  let lastSeq = 0;

  function keep(file: ChatFile, seq: number): void {
    const before = known.get(file.id);
    if (removed.has(file.id) || (before && before.asOfSeq > seq)) return;
    known.set(file.id, { file, asOfSeq: seq });
  }

  function put(file: ChatFile, seq: number): void {
    lastSeq = Math.max(lastSeq, seq);
    keep(file, seq);
  }

  return {
    files: () =>
      Array.from(known.values(), (entry) => entry.file).sort(
        (a, b) => a.created_at.localeCompare(b.created_at) || a.id - b.id,
      ),
    get: (id) => known.get(id)?.file ?? null,
    seq: () => lastSeq,
    put,
    learn: (file) => keep(file, Math.max(file.seq, known.get(file.id)?.asOfSeq ?? 0)),
    remove(id, seq) {
      lastSeq = Math.max(lastSeq, seq);
      removed.add(id);
      known.delete(id);
    },
    putAll(files, seq, isWhole) {
      const listed = new Set(files.map((file) => file.id));
      for (const [id, entry] of known) if (isWhole && !listed.has(id) && entry.asOfSeq <= seq) known.delete(id);
      for (const file of files) keep(file, seq);
      lastSeq = Math.max(lastSeq, seq);
    },
  };
}
