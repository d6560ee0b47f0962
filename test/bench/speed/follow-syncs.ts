/** Reads what `strace -f -y` saw of a server: was what an answer counts on the disk before the answer left? */
import path from 'node:path';

export type Answer = { status: number; offset: number };

export type SyncFindings = {
  answers: Answer[];
  /** In words; empty is what is wanted. */
  faults: string[];
  /** fsync and fdatasync by what they were of. */
  syncs: Record<'bytes' | 'folder' | 'commit' | 'database', number>;
  /** Commits on the disk after which two answers or more about whole files left before the next one. */
  sharedCommits: number;
};

type SeenFile = { bytes: number; writing: number; writtenAt: number; syncedAt: number; createdAt: number };
type Call = { name: string; text: string; at: number };

const UNFINISHED = ' <unfinished ...>';

/**
 * The lines are in the order of what happened: a call that another one overtakes has two, its begin and its end. A file is found by its size,
 * so each upload needs one of its own.
 * @param isWhole tells which offsets are ends: there the row has to be there too, and the file's name in its folder
 */
export function followSyncs(lines: Iterable<string>, isWhole: (offset: number) => boolean): SyncFindings {
  const files = new Map<string, SeenFile>();
  const folderSyncedAt = new Map<string, number>();
  const underWay = new Map<string, Call>();
  const findings: SyncFindings = {
    answers: [],
    faults: [],
    syncs: { bytes: 0, folder: 0, commit: 0, database: 0 },
    sharedCommits: 0,
  };
  let answersSinceCommit = 0;
  let at = 0;

  const fileOf = (name: string) => {
    const file = files.get(name) ?? { bytes: 0, writing: 0, writtenAt: 0, syncedAt: 0, createdAt: 0 };
    files.set(name, file);
    return file;
  };
  const isSynced = ({ writing, writtenAt, syncedAt }: SeenFile) => writing === 0 && syncedAt > writtenAt;

  const begin = ({ name, text }: Call) => {
    const target = targetOf(text);
    if (target === null) return;
    if (target.startsWith('socket:')) {
      const answer = answerIn(text);
      if (answer !== null) judge(answer);
    } else if (isWrite(name)) fileOf(target).writing += 1;
  };
  const end = ({ name, text, at: begunAt }: Call, result: string) => {
    const value = Number.parseInt(result, 10);
    const target = targetOf(text);
    if (name === 'openat') created(text, result);
    else if (name.startsWith('rename') && value === 0) renamed(text);
    else if (target === null || target.startsWith('socket:')) return;
    else if (isWrite(name)) written(fileOf(target), text, value);
    else if (value === 0 && /^f(?:data)?sync$/.test(name)) synced(target, begunAt);
  };
  const created = (text: string, result: string) => {
    const name = text.includes('O_CREAT') ? /^\d+<([^>]*)>/.exec(result)?.[1] : undefined;
    if (name !== undefined) fileOf(name).createdAt = at;
  };
  const written = (file: SeenFile, text: string, bytes: number) => {
    file.writing -= 1;
    if (bytes < 0) return;
    file.writtenAt = at;
    const position = text.startsWith('p') ? positionIn(text) : file.bytes;
    file.bytes = Math.max(file.bytes, position + bytes);
  };
  const synced = (target: string, begunAt: number) => {
    const kind = kindOf(target, files);
    findings.syncs[kind] += 1;
    if (kind === 'folder') folderSyncedAt.set(target, begunAt);
    else fileOf(target).syncedAt = begunAt;
    if (kind !== 'commit') return;
    if (answersSinceCommit > 1) findings.sharedCommits += 1;
    answersSinceCommit = 0;
  };
  const renamed = (text: string) => {
    const [from = '', to = ''] = [...text.matchAll(/"([^"]*)"/g)].map(([, name]) => name);
    const file = files.get(from);
    if (file === undefined) return;
    files.delete(from);
    files.set(to, { ...file, createdAt: at });
  };
  const judge = (answer: Answer) => {
    findings.answers.push(answer);
    const fault = (what: string) => findings.faults.push(`${answer.status}, offset ${answer.offset}: ${what}`);
    const logs = [...files].filter(([name]) => kindOf(name, files) === 'commit').map(([, log]) => log);
    if (!logs.every(isSynced)) fault('a commit is not on the disk');
    const found = [...files].find(([name, { bytes }]) => bytes === answer.offset && kindOf(name, files) === 'bytes');
    if (found === undefined) return fault('no file has so many bytes');
    const [name, file] = found;
    if (!isSynced(file)) fault('its bytes are not on the disk');
    if (!isWhole(answer.offset)) return;
    answersSinceCommit += 1;
    if (!logs.some(({ syncedAt }) => syncedAt > file.writtenAt)) fault('nothing was committed after its bytes');
    const folderAt = folderSyncedAt.get(path.dirname(name)) ?? 0;
    if (folderAt < file.createdAt) fault('its folder is not on the disk');
  };

  for (const line of lines) {
    at += 1;
    const [, thread = '', rest = ''] = /^(?:\[pid +)?(\d+)\]? +(.*)$/.exec(line) ?? [];
    const resumed = /^<\.\.\. (\w+) resumed>/.exec(rest);
    if (resumed !== null) {
      const call = underWay.get(thread);
      underWay.delete(thread);
      if (call !== undefined) end(call, resultOf(rest));
      continue;
    }
    const name = /^(\w+)\(/.exec(rest)?.[1];
    if (name === undefined) continue;
    const call = { name, text: rest, at };
    begin(call);
    if (rest.endsWith(UNFINISHED)) underWay.set(thread, { ...call, text: rest.slice(0, -UNFINISHED.length) });
    else end(call, resultOf(rest));
  }
  return findings;
}

function isWrite(name: string): boolean {
  return /^p?writev?(?:64|2)?$/.test(name);
}

/** What the first argument, a descriptor, leads to. */
function targetOf(text: string): string | null {
  return /^\w+\(\d+<([^>]*)>/.exec(text)?.[1] ?? null;
}

/** The last argument of pwrite64 and pwritev. */
function positionIn(text: string): number {
  return Number(/, (\d+)(?:\) += -?\d+.*)?$/.exec(text)?.[1] ?? 0);
}

function resultOf(text: string): string {
  return text.slice(text.lastIndexOf(' = ') + 3);
}

/** An answer that counts bytes: above none of them. */
function answerIn(text: string): Answer | null {
  const status = /HTTP\/1\.1 (20[14]) /.exec(text)?.[1];
  const offset = Number(/Upload-Offset: (\d+)/i.exec(text)?.[1] ?? 0);
  return status === undefined || offset === 0 ? null : { status: Number(status), offset };
}

function kindOf(target: string, files: ReadonlyMap<string, SeenFile>): keyof SyncFindings['syncs'] {
  if (target.endsWith('-wal')) return 'commit';
  if (target.endsWith('.sqlite')) return 'database';
  return files.has(target) ? 'bytes' : 'folder';
}
